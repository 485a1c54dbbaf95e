"""Three real masters on one database: what is asked of one and can only be done by another.

The table of docs/operations is what these tests have seen; see `matrix`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.crossbar import router
from tests.harness.databases import Server
from tests.harness.master import API, RealMaster, worker
from tests.harness.web import Answer
from tests.master import faults
from tests.master.matrix import Seen
from tests.master.support import LIFECYCLE, ask_force, get_stuck, written

pytestmark = [pytest.mark.master, pytest.mark.database, pytest.mark.matrix, pytest.mark.long_way]

_MASTER = "c['multiMaster'] = True\n"
_MQ = "c['mq'] = {{'type': 'wamp', 'router_url': {url!r}, 'realm': 'buildbot'}}\n"


def in_short(answer: Answer) -> str:
    """Status, and the code of a refusal or the status of the action."""
    body = answer.json
    if "action" in body and "code" not in body:
        return f"{answer.status}, `{body['action']['status']}`"
    return f"{answer.status} `{body['code']}`" if "code" in body else str(answer.status)


@contextlib.contextmanager
def three_masters(
    make_master: MakeMaster, url: str, extra: str = ""
) -> Iterator[tuple[RealMaster, RealMaster, RealMaster]]:
    """Two with workers that are stuck, and one that has nothing to do with them."""
    options: dict[str, Any] = {"db_url": url, "extra": _MASTER + extra, "lifecycle": LIFECYCLE}
    a = make_master([worker("StuckStopDeferred", "a1")], name="a", **options)
    names = ("b1", "b2", "b3")
    stuck = [worker("StuckStopDeferred", name) for name in names]
    b = make_master(stuck, name="b", **options)
    c = make_master([worker("Healthy", "c1")], name="c", **options)
    for master, name in ((a, "a1"), *((b, name) for name in names)):
        master.force_build(name)
    for name in ("a1", *names):
        get_stuck(a, name, 60)
    yield a, b, c


def ask_pause(master: RealMaster, name: str, what: str) -> Answer:
    workerid = master.worker(name)["workerid"]
    return master.post(f"{API}/workers/{workerid}/{what}", {"reason": "its disk is exchanged"})


def pauses(a: RealMaster, b: RealMaster, c: RealMaster, seen: Seen) -> None:
    """Asked on A for a worker of B, and on C again."""
    paused = ask_pause(a, "b1", "pause")
    action = paused.json["action"]
    assert (action["what"], action["reason"]) == ("pause", "its disk is exchanged")
    assert b.wait_worker("b1", paused=True)["pause_reason"] == f"pause, action {action['id']}"
    seen.came("A, a pause / B / up", in_short(paused))
    seen.came("then C, the same pause / B / up", in_short(ask_pause(c, "b1", "pause")))
    seen.came("C, its end / B / up", in_short(ask_pause(c, "b1", "unpause")))
    b.wait_worker("b1", paused=False)


def forces(a: RealMaster, b: RealMaster, c: RealMaster, seen: Seen) -> None:
    there = b.worker("b1")["masterid"]
    plan = ask_force(a, "b1", dry_run=True)
    assert plan.json["dry_run"]["eligible"] is True
    seen.came("A, a dry run / B / up", in_short(plan))
    seen.came("A, of an episode that is over / B / up", in_short(ask_force(a, "b1", episode=10**6)))
    seen.came("A / A / up", in_short(ask_force(a, "a1")))
    other = ask_force(a, "b1", reason="from the other side")
    action = other.json["action"]
    assert (action["masterid"], action["reason"]) == (there, "from the other side")
    assert b.wait_worker("b1", state="not_substantiated")["paused"] is True
    told = b.api(f"actions/{action['id']}")["actions"][0]
    assert (told["status"], told["verdict"]["level"]) == ("done", "stuck")
    seen.came("A / B / up", in_short(other))
    with ThreadPoolExecutor(3) as pool:
        thrice = list(pool.map(lambda each: ask_force(each, "b2"), (a, b, c)))
    answers = sorted(each.status for each in thrice)
    assert answers[0] == 200
    assert set(answers[1:]) <= {409, 412}
    rows = a.api(f"actions?workerid={b.worker('b2')['workerid']}")["actions"]
    assert [row["status"] for row in rows].count("done") == 1
    seen.came("A, B and C at once / B / up", "one 200, `done`; the others 409 or 412")


def entries(a: RealMaster, b: RealMaster, c: RealMaster, seen: Seen) -> None:
    """An entry of B's ledger is closed by A, and cannot be by C again."""
    there = b.worker("b1")["masterid"]
    written(b)
    (entry, *_) = a.api(f"orphans?open=true&masterid={there}")["orphans"]
    path = f"{API}/orphans/{entry['id']}/resolve"
    closed = a.post(path, {"note": "seen in the console"})
    assert closed.json["orphan"]["note"] == "seen in the console"
    again = c.post(path, {"note": "seen in the console"})
    seen.came("A, an entry / B / up", in_short(closed))
    seen.came("then C, the same entry / B / up", in_short(again))


def dead_owner(a: RealMaster, b: RealMaster, c: RealMaster, seen: Seen) -> None:
    b.kill9()
    with ThreadPoolExecutor(2) as pool:
        gone, paused = pool.map(
            lambda ask: ask(), (lambda: ask_force(a, "b3"), lambda: ask_pause(c, "b3", "pause"))
        )
    assert "nothing was done" in gone.json["error"]
    refused = a.api(f"actions/{gone.json['action']}")["actions"][0]
    assert (refused["status"], refused["outcome"]) == ("refused", gone.json["error"])
    seen.came("A / B / killed just now", in_short(gone))
    seen.came("C, a pause / B / killed just now", in_short(paused))
    a.wait_worker("b3", live=False)
    seen.came("A / B / dead, as is told", in_short(ask_force(a, "b3")))
    b.start()
    get_back = b.wait_worker("b3", state=str)
    assert get_back["paused"] is False, "what had expired was done"
    b.stop()
    a.wait_worker("b3", live=False)
    seen.came("A / B / stopped", in_short(ask_force(a, "b3")))


def ask_all(
    make_master: MakeMaster, url: str, seen: Seen, extra: str = ""
) -> tuple[RealMaster, ...]:
    with three_masters(make_master, url, extra) as masters:
        for case in (pauses, forces, entries, dead_owner):
            case(*masters, seen)
    seen.keep()
    return masters


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_without_a_router(
    make_master: MakeMaster, database_server: Callable[[str], Server], kind: str
) -> None:
    seen = Seen(faults.ENGINES[kind], has_router=False)
    ask_all(make_master, database_server(kind).fresh(), seen)


def test_with_crossbar_and_when_it_dies(
    make_master: MakeMaster, postgresql_url: str, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(router(tmp_path / "crossbar"))
        seen = Seen("PostgreSQL", has_router=True)
        a, _, c = ask_all(make_master, postgresql_url, seen, _MQ.format(url=url))
        stack.close()
        for master in (a, c):
            master.wait_log("lifecycle: Buildbot stops this master, since it has lost the router")
