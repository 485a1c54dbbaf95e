"""Two real masters on one PostgreSQL: what is asked of one and can only be done by the other.

The table of docs/operations is what this test has seen: it is held against it, row by row.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.crossbar import router
from tests.harness.master import API, RealMaster, worker
from tests.harness.web import Answer
from tests.master.support import LIFECYCLE, ask_force, get_stuck, written

pytestmark = [pytest.mark.master, pytest.mark.database]

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"

_MASTER = "c['multiMaster'] = True\n"
_MQ = "c['mq'] = {{'type': 'wamp', 'router_url': {url!r}, 'realm': 'buildbot'}}\n"


def seen(case: str, has_router: bool, came: str) -> None:
    """Print a row of the table, and hold it against the docs."""
    row = [*case.split(" / ")]
    row.insert(2, "yes" if has_router else "no")
    print(f"| {' | '.join([*row, came])} |")  # noqa: T201 - a row of the docs
    text = DOCS.read_text(encoding="utf-8")
    assert f"| {' | '.join([*row, came])} |" in text


def in_short(answer: Answer) -> str:
    """Status, and the code of a refusal or the status of the action."""
    body = answer.json
    if "action" in body and "code" not in body:
        return f"{answer.status}, `{body['action']['status']}`"
    return f"{answer.status} `{body['code']}`" if "code" in body else str(answer.status)


@contextlib.contextmanager
def two_masters(
    make_master: MakeMaster, url: str, tmp_path: Path, has_router: bool
) -> Iterator[tuple[RealMaster, RealMaster]]:
    with contextlib.ExitStack() as stack:
        extra = _MASTER
        if has_router:
            extra += _MQ.format(url=stack.enter_context(router(tmp_path / "crossbar")))
        options: dict[str, Any] = {"db_url": url, "extra": extra, "lifecycle": LIFECYCLE}
        a = make_master([worker("StuckStopDeferred", "a1")], name="a", **options)
        names = ("b1", "b2", "b3")
        stuck = [worker("StuckStopDeferred", name) for name in names]
        b = make_master(stuck, name="b", **options)
        for master, name in ((a, "a1"), *((b, name) for name in names)):
            master.force_build(name)
        for name in ("a1", *names):
            get_stuck(a, name, 60)
        yield a, b


@pytest.mark.parametrize("has_router", [False, True], ids=["database", "crossbar"])
def test_the_matrix(
    make_master: MakeMaster, postgresql_url: str, tmp_path: Path, has_router: bool
) -> None:
    with two_masters(make_master, postgresql_url, tmp_path, has_router) as (a, b):
        there = b.worker("b1")["masterid"]

        plan = ask_force(a, "b1", dry_run=True)
        assert plan.json["dry_run"]["eligible"] is True
        seen("A, a dry run / B / up", has_router, in_short(plan))

        wrong = ask_force(a, "b1", episode=10**6)
        seen("A, of an episode that is over / B / up", has_router, in_short(wrong))

        own = ask_force(a, "a1")
        seen("A / A / up", has_router, in_short(own))

        since = time.monotonic()
        other = ask_force(a, "b1", reason="from the other side")
        print(f"answered after {time.monotonic() - since:.1f} s")  # noqa: T201
        action = other.json["action"]
        assert (action["masterid"], action["reason"]) == (there, "from the other side")
        assert b.wait_worker("b1", state="not_substantiated")["paused"] is True
        told = b.api(f"actions/{action['id']}")["actions"][0]
        assert (told["status"], told["verdict"]["level"]) == ("done", "stuck")
        seen("A / B / up", has_router, in_short(other))

        with ThreadPoolExecutor(2) as pool:
            twice = list(pool.map(lambda each: ask_force(each, "b2"), (a, b)))
        answers = sorted((each.status, in_short(each)) for each in twice)
        assert answers[0][0] == 200
        assert answers[1][0] in (409, 412)
        rows = a.api(f"actions?workerid={b.worker('b2')['workerid']}")["actions"]
        assert [row["status"] for row in rows].count("done") == 1
        seen("A and B at once / B / up", has_router, "one 200, `done`; the other 409 or 412")

        written(b)
        (entry, *_) = a.api(f"orphans?open=true&masterid={there}")["orphans"]
        path = f"{API}/orphans/{entry['id']}/resolve"
        closed = a.post(path, {"note": "seen in the console"})
        assert closed.json["orphan"]["note"] == "seen in the console"
        again = b.post(path, {"note": "seen in the console"})
        seen("A, an entry / B / up", has_router, in_short(closed))
        seen("then B, the same entry / B / up", has_router, in_short(again))

        b.kill9()
        gone = ask_force(a, "b3")
        assert "nothing was done" in gone.json["error"]
        refused = a.api(f"actions/{gone.json['action']}")["actions"][0]
        assert (refused["status"], refused["outcome"]) == ("refused", gone.json["error"])
        seen("A / B / killed just now", has_router, in_short(gone))

        b.start()
        get_back = b.wait_worker("b3", state=str)
        assert get_back["paused"] is False, "what had expired was done"
        b.stop()
        down = a.wait_worker("b3", live=False)
        assert down["live"] is False
        seen("A / B / stopped", has_router, in_short(ask_force(a, "b3")))
