"""Where it hangs, as a real master tells it: in REST, in the events, and never on mq."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import worker
from tests.harness.waiting import patient
from tests.master.support import (
    FEW_SECONDS,
    LIFECYCLE,
    START_LIFECYCLE,
    ask_force,
    events,
    get_stuck,
)

pytestmark = pytest.mark.master

DEMO = "buildbot_lifecycle/demo/workers.py"

#: A service that writes down all that is said on mq.
EAVESDROPS = """
from buildbot.util import service as _service


class Eavesdrops(_service.BuildbotService):
    name = 'eavesdrops'

    async def startService(self):
        await super().startService()
        heard = self.master.mq.produce

        def produce(key, message):
            with open('heard', 'a') as out:
                print(key, message, file=out)
            return heard(key, message)

        self.master.mq.produce = produce


c['services'].append(Eavesdrops())
"""

#: A driver that blocks the reactor for four seconds when it stops.
BLOCKS = """
import time as _time
from buildbot_lifecycle.demo import workers as _demo


class Blocks(_demo.Healthy):
    def stop_instance(self, fast=False):
        self.ask_the_cloud()
        return super().stop_instance(fast)

    def ask_the_cloud(self):
        _time.sleep(4)


c['workers'] = [w for w in c['workers'] if w.name != 'blocks'] + [
    Blocks('blocks', build_wait_timeout=0)]
"""


def own_functions(frames: list[dict[str, Any]], file: str = DEMO) -> list[str]:
    return [f["function"].rpartition(".")[2] for f in frames if f["file"] == file]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("StuckStopDeferred", ["_stop", "_hang"]),
        ("StuckStopCoroutine", ["stop_instance", "_stop", "_hang"]),
        ("StuckStopThread", ["_stop_in_thread", "_block"]),
        ("StuckStart", ["_start", "_hang"]),
    ],
)
def test_the_drivers_own_functions_are_told_where_a_call_hangs(
    make_master: MakeMaster, kind: str, expected: list[str]
) -> None:
    settings = START_LIFECYCLE if kind == "StuckStart" else LIFECYCLE
    master = make_master([worker(kind, "stuck")], lifecycle=settings, extra=EAVESDROPS)
    master.force_build("stuck")
    code = "start_pending" if kind == "StuckStart" else "stop_pending"
    seen = get_stuck(master, "stuck", verdict__code=code, episode=lambda e: e is not None)
    frames = seen["pending"]["where"]
    assert own_functions(frames) == expected
    assert all(set(f) == {"file", "line", "function"} and f["line"] > 0 for f in frames)
    assert not any(f["file"].startswith("/") for f in frames)
    # the collection is asked for every second or so, and does not look
    (row,) = master.api("workers")["workers"]
    assert row["pending"]["where"] == []
    plan = ask_force(master, "stuck", dry_run=True).ok().json["dry_run"]
    assert own_functions(plan["where"]) == expected
    (told,) = [e for e in events(master, "stuck") if e["kind"] == "where"]
    assert told["data"]["call"] == seen["pending"]["call"]
    assert own_functions(told["data"]["where"]) == expected
    heard = (master.basedir / "heard").read_text()
    assert "'lifecycle'" in heard
    assert "demo/workers" not in heard
    assert expected[-1] not in heard


def test_a_driver_that_blocks_the_reactor_is_told_with_seconds_and_its_function(
    make_master: MakeMaster,
) -> None:
    master = make_master(
        [worker("Healthy", "blocks"), worker("Healthy", "calm")], lifecycle=LIFECYCLE, extra=BLOCKS
    )
    assert master.build("calm")["results"] == 0
    since = master.log_size()
    assert master.build("blocks")["results"] == 0
    master.wait_worker("blocks", state="not_substantiated", episode=None)
    master.wait_log(
        r"lifecycle: the reactor stood still for \d+\.\d s for worker blocks,"
        r" in (Blocks\.)?ask_the_cloud",
        since=since,
    )
    (told,) = [e for e in events(master, "blocks") if e["kind"] == "reactor_blocked"]
    assert 3.5 <= told["data"]["seconds"] <= patient(6)
    assert own_functions(told["data"]["where"], "master.cfg") == ["stop_instance", "ask_the_cloud"]
    assert not [e for e in events(master, "calm") if e["kind"] == "reactor_blocked"]
    last = master.api("health")["health"]["reactor_blocked"]
    assert last["seconds"] == told["data"]["seconds"]
    assert last["workerid"] == master.worker("blocks")["workerid"]
    assert master.api("health")["health"]["errors"] == 0
    master.stop(FEW_SECONDS + 4)
