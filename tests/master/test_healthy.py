"""Healthy workers that look stuck, on real masters, with `auto_release` on: none of them is harmed.

Nothing that should not happen can be waited for. So each master has a worker beside them that is
really stuck, for the same limit and since later: once it is released, they would have been.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.master.support import SETTINGS, events, written

pytestmark = pytest.mark.master

#: What is stuck is released at once, and not paused.
AUTO: dict[str, Any] = {**SETTINGS, "auto_release": {"after": 0}}


def released(master: RealMaster, witness: str) -> None:
    """Wait until the worker that is really stuck has been released; no other one was."""

    def of(name: str) -> list[Any]:
        written(master)
        return [a for a in master.api("actions")["actions"] if a["worker"] == name]

    master.wait_until(lambda: of(witness), 60, f"{witness} is released")
    others = {a["worker"] for a in master.api("actions")["actions"]} - {witness}
    assert not others, f"released, and healthy: {others}"


def test_a_worker_that_was_refused_once_and_is_gone_is_no_loop(make_master: MakeMaster) -> None:
    once = worker("SurvivesStop", "once", restart_after=None)
    master = make_master([once, worker("SurvivesStop", "again")], lifecycle=AUTO)
    master.build("once")
    master.wait_until(lambda: master.worker("once")["refused"], 30, "it is refused")
    master.wait_until(lambda: not master.instance_pids("once"), 30, "its process is gone")
    master.build("again")
    released(master, "again")
    told = master.worker("once")
    assert (told["verdict"]["code"], told["paused"], told["refused"]) == ("healthy", False, 1)
    kinds = [event["kind"] for event in events(master, "once")]
    assert kinds.count("refused") == 1
    assert master.build("once")["results"] == 0
