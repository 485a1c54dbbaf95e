"""The page and its API with a long history behind them, on a real master and SQLite.

    LIFECYCLE_BENCH_TRANSITIONS=1000000 pytest tests/benchmarks/test_page_history.py -m benchmark -s

puts a million transitions of 5,000 workers into the master's database and prints how long the API and
the page take with them. To put them there takes a minute or two, hence without the variable it is a
hundredth of that, which is what CI runs: it shows that the measurement works, not how long things take.

The workers are another master's that is up, so that a look at all of them is read from the database as
well. What is asserted are ratios to an answer of the same API that has nothing to do with history.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page

from buildbot_lifecycle.core.verdicts.verdict import HEALTHY
from buildbot_lifecycle.db import schema
from tests.benchmarks.tasks import calibration, tell, traced
from tests.conftest import MakeMaster
from tests.db.test_statistics import worker_row
from tests.harness.master import API, RealMaster
from tests.harness.master import worker as one

pytestmark = [pytest.mark.benchmark, pytest.mark.master, pytest.mark.browser, pytest.mark.slow]

TRANSITIONS = int(os.environ.get("LIFECYCLE_BENCH_TRANSITIONS", "10000"))

#: Transitions of an episode; states that it goes through.
WAY = (
    "not_substantiated",
    "substantiating",
    "substantiating_starting",
    "substantiated",
    "insubstantiating",
    "not_substantiated",
)
STEPS = len(WAY) - 1
EPISODES = TRANSITIONS // STEPS
WORKERS = min(5_000, EPISODES // 4)

#: Numbers from here on are of the workers that are made up; and their master.
FIRST, MASTER = 10_000, 77

#: Days over which the history is spread.
DAYS = 30

#: How many times as long as a bare answer a page of history may take to be answered.
AS_BARE = 25


def fill(master: RealMaster, dice: random.Random) -> float:
    """Put the history into a stopped master's database; seconds that it took."""
    began = time.monotonic()
    engine = sa.create_engine(f"sqlite:///{master.basedir / 'state.sqlite'}")
    now = time.time()
    with engine.begin() as conn:
        conn.execute(sa.text("pragma synchronous=off"))
        alive = {
            "masterid": MASTER,
            "token": "another",
            "master": "other:/srv",
            "pid": 1,
            "host": "other",
            "started_at": now - DAYS * 86_400,
            "heartbeat_at": now + 86_400,
        }
        incarnation = conn.execute(schema.incarnations.insert(), alive).inserted_primary_key[0]
        rows = [worker_row(FIRST + w, MASTER) for w in range(WORKERS)]
        known = {"incarnation": incarnation, "updated_at": now, "verdict": HEALTHY.as_json()}
        rows = [{**row, **known} for row in rows]
        conn.execute(schema.workers.insert(), rows)
        top = conn.execute(sa.select(sa.func.max(schema.episodes.c.id))).scalar() or 0
        for first in range(0, EPISODES, 5_000):
            some = range(first, min(EPISODES, first + 5_000))
            lives = [_life(n, incarnation, now, dice) for n in some]
            conn.execute(
                schema.episodes.insert(), [{**x, "id": top + x["first_seq"]} for x in lives]
            )
            conn.execute(schema.events.insert(), [e for x in lives for e in _transitions(x, top)])
    engine.dispose()
    return time.monotonic() - began


def _life(n: int, incarnation: int, now: float, dice: random.Random) -> dict[str, Any]:
    started = now - 60 - (EPISODES - n) * DAYS * 86_400 / EPISODES
    parts = [dice.lognormvariate(mu, 0.5) for mu in (3, 4, 2)]
    times = [started, started + 0.01]
    for part in parts:
        times.append(times[-1] + part)
    phases = [{"state": s, "since": a, "until": b} for s, a, b in zip(WAY[1:], times, times[1:])]
    build = {"buildid": n, "builderid": 3, "builder": "linux-x86_64-release", "number": n}
    data = {
        "first_seq": n + 1,
        "workerid": FIRST + n % WORKERS,
        "started_at": started,
        "phases": phases,
        "build": build,
        "instance": f"i-{n:017x}",
        "connected_at": times[2],
        "builds": 1,
        "outcome": "ok",
        "failure": None,
    }
    return {
        "incarnation": incarnation,
        "first_seq": n + 1,
        "workerid": FIRST + n % WORKERS,
        "masterid": MASTER,
        "started_at": started,
        "ended_at": times[-1],
        "outcome": "ok",
        "start_s": parts[0],
        "connect_s": parts[0],
        "up_s": parts[1],
        "stop_s": parts[2],
        "builds": 1,
        "data": data,
    }


def _transitions(life: dict[str, Any], top: int) -> Iterator[dict[str, Any]]:
    times = [phase["since"] for phase in life["data"]["phases"]] + [life["ended_at"]]
    for step, at in enumerate(times):
        yield {
            "incarnation": life["incarnation"],
            "workerid": life["workerid"],
            "seq": STEPS * life["first_seq"] + step,
            "masterid": MASTER,
            "episode": top + life["first_seq"],
            "kind": "transition",
            "at": at,
            "from_state": WAY[step],
            "to_state": WAY[step + 1],
            "expected": True,
            "data": {"from": WAY[step], "to": WAY[step + 1], "expected": True},
        }


def answered(master: RealMaster, path: str) -> tuple[float, int]:
    """Milliseconds until the API has answered, the median of five; and how many bytes it said."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        answer = master.request("GET", f"{API}/{path}")
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, answer.text[:300]
    return sorted(took)[2], len(answer.text)


def test_a_long_history_holds_up_neither_the_api_nor_the_page(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_master([one("Healthy", "healthy")])
    master.build("healthy")
    master.stop(30)
    seconds = fill(master, random.Random(1))
    master.start()
    tell(f"{TRANSITIONS} transitions, {WORKERS} workers", put_there_s=seconds)

    bare, _ = answered(master, "health")
    tell("GET /health, a bare answer (ms)", median=bare)
    week = f"since={time.time() - 7 * 86_400:.0f}"
    seen = "&".join(f"workerid={FIRST + w}" for w in range(min(30, WORKERS)))
    of_one = f"workers/{FIRST + 1}"
    pages = [
        *(f"{of_one}/transitions", f"{of_one}/events", f"{of_one}/episodes"),
        *("transitions", "episodes", f"recent?{seen}"),
    ]
    of_week = [f"timeline?{week}&workerid={FIRST + 1}", f"stats?{week}", f"timeline?{week}"]
    whole = ["workers", of_one, "shutdown", *of_week]
    for path in [*pages, *whole]:
        took, size = answered(master, path)
        tell(f"GET /{path.split('?')[0]} (ms)", median=took, kilobytes=size / 1000)
        if path in pages:
            assert took < AS_BARE * bare, path

    page.goto(f"{master.url}#/about")
    bound = calibration(page)
    tell("what stands for 50 ms (ms of the processor)", it=bound)
    for what, route, there in (
        ("the workers", "", "[data-test=worker-row]"),
        ("a worker's page", f"/workers/{FIRST + 1}", "[data-test=event-row]"),
        ("a worker's durations", f"/workers/{FIRST + 1}", "[data-test=distribution]"),
        ("the timeline of a week", "/timeline?range=1_w", "[data-test=lanes]"),
    ):
        # within Buildbot's page: to begin it is Buildbot's own work
        page.goto(f"{master.url}#/about")
        page.get_by_text("Buildbot version").first.wait_for()
        with traced(page) as tasks:
            began = time.perf_counter()
            page.evaluate("(route) => { location.hash = route; }", f"/lifecycle{route}")
            page.locator(there).first.wait_for(timeout=60_000)
            took = (time.perf_counter() - began) * 1000
            page.wait_for_timeout(2_000)
        tell(f"{what} (ms)", seen_after=took, longest_task=tasks.longest)
        assert tasks.longest < bound, what
