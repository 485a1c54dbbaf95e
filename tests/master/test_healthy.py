"""Healthy workers that look stuck, on real masters, with `auto_release` on: none of them is harmed.

Nothing that should not happen can be waited for. So each master has a worker beside them that is
really stuck, for the same limit and since later: once it is released, they would have been.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.master.support import SETTINGS, events, freeze, stop_build, written

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


#: Builds that go on for a while although they are stopped, on workers that live.
_BUILDS = """
_until = "until [ -e '{{end}}' ]; do {{do}} sleep 0.2; done"


def _run(text, **kwargs):
    return steps.ShellCommand(command=["/bin/sh", "-c", text], name="run", **kwargs)


_steps = {{
    "always": [_run("sleep 1000"), steps.ShellCommand(
        command=["/bin/sh", "-c", _until.format(end={end!r}, do="")], name="clean", alwaysRun=True)],
    "traps": [_run("trap '' TERM; " + _until.format(end={end!r}, do="echo on;"), sigtermTime=900)],
    "master": [steps.MasterShellCommand(name="run", interruptSignal="TERM",
        command=["/bin/sh", "-c", "trap '' TERM; " + _until.format(end={end!r}, do="")])],
    "two": [_run("trap '' TERM; " + _until.format(end={end!r}, do=""), sigtermTime=900)],
}}
c['builders'].append(util.BuilderConfig(name="other", workernames=["two"], factory=util.BuildFactory()))
c['schedulers'][0].builderNames.append("other")
for _builder in c['builders']:
    for _step in _steps.get(_builder.name, ()):
        _builder.factory = util.BuildFactory() if _step is _steps[_builder.name][0] else _builder.factory
        _builder.factory.addStep(_step)
    if _builder.name == "other":
        _builder.factory.addStep(steps.ShellCommand(command=command, name="run"))
"""


def test_workers_that_live_are_not_silent_although_their_stopped_builds_go_on(
    make_master: MakeMaster,
) -> None:
    limits = {**SETTINGS["stuck_after"], "frozen_worker": 5}
    master = make_master([], lifecycle={**AUTO, "stuck_after": limits}, start=False, msgpack=True)
    end, never = master.basedir.parent / "end", Path("/nowhere/never")
    msgpack = {"protocol": "msgpack_experimental_v7"}
    healthy = ["always", "traps", "master", "two"]
    master.workers = [
        worker("Healthy", "always"),
        worker("Healthy", "traps", **msgpack),
        worker("Healthy", "master", **msgpack),
        worker("Healthy", "two"),
        worker("Healthy", "frozen"),
    ]
    master.extra = _BUILDS.format(end=str(end))
    master.start()
    other = master.force_build("other", until=end)
    requests = {name: master.force_build(name, until=never) for name in [*healthy, "frozen"]}
    for request in [*requests.values(), other]:
        master.wait_build(request, state="started")
    for command in ("sleep 1000", "echo on", "/nowhere/never"):
        master.wait_log(f"RemoteShellCommand.*{command}")
    for name in healthy:
        stop_build(master, name, builder=name)
    freeze(master, "frozen")
    stop_build(master, "frozen")
    released(master, "frozen")
    for name in healthy:
        told = master.worker(name)
        assert told["verdict"]["level"] != "stuck", told
        assert told["connected"], told
        assert not told["paused"], told
    assert "sign_of_life" in [event["kind"] for event in events(master, "always")]
    assert "silent" in [event["kind"] for event in events(master, "frozen")]
    end.touch()
    assert master.wait_build(other)["results"] == 0
    for name in healthy:
        assert len(master.builds(requests[name])) == 1, "it was cut off and retried"
        master.wait_worker(name, state="not_substantiated", verdict__code="healthy")


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


def test_a_worker_that_a_reconfig_allows_to_connect_is_not_left_over(
    make_master: MakeMaster,
) -> None:
    # its refusals before the reconfig are no matter of this test
    settings = {**AUTO, "workers": {"own": {"stuck_after": {"not_substantiated": None}}}}
    stuck = worker("StuckStopDeferred", "stuck")
    master = make_master([worker("SurvivesStop", "own"), stuck], lifecycle=settings)
    master.build("own")
    master.wait_worker("own", state="not_substantiated")
    master.reconfig(workers=[worker("SurvivesStop", "own", build_wait_timeout=-1), stuck])
    # it comes by itself now, and is let in
    master.wait_worker("own", connected=True, state="not_substantiated")
    master.build("stuck")
    released(master, "stuck")
    told = master.worker("own")
    assert (told["verdict"]["level"], told["paused"], told["connected"]) == ("ok", False, True)
    assert master.build("own")["results"] == 0


def test_a_start_that_takes_longer_than_the_default_limit_is_not_stuck_before_buildbot_gives_up(
    make_master: MakeMaster,
) -> None:
    # 20 minutes are 2 seconds here; Buildbot waits for an hour, as it does by default
    defaults = """
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER as _limits
for _state in ("substantiating", "substantiating_starting"):
    _limits[_state] = type(_limits[_state])(2)
"""
    of_starts = ("substantiating", "substantiating_starting")
    stuck_after = {k: v for k, v in SETTINGS["stuck_after"].items() if k not in of_starts}
    master = make_master([], lifecycle={**AUTO, "stuck_after": stuck_after}, start=False)
    connect = master.basedir.parent / "connect"
    master.workers = [
        worker("NeverConnects", "slow", connect_file=connect),
        worker("StuckStopDeferred", "stuck"),
    ]
    master.extra = defaults
    master.start()
    request = master.force_build("slow")
    master.wait_worker("slow", state="substantiating_starting", pending=None)
    master.build("stuck")
    released(master, "stuck")
    told = master.worker("slow")["verdict"]
    assert (told["level"], told["code"], told["threshold_s"]) == ("ok", "never_connected", 3600)
    assert re.search("Buildbot gives up in 5[0-9] min", told["reason"])
    connect.touch()
    assert master.wait_build(request)["results"] == 0
