"""Latent machines: Buildbot's own GenericLatentMachine, with real commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from buildbot.machine.generic import GenericLatentMachine, LocalWakeAction
from buildbot.machine.latent import AbstractLatentMachine
from buildbot.worker.latent import AbstractLatentWorker
from twisted.internet import defer

from buildbot_lifecycle.clouds.values import Can, Why
from tests.clouds.support import Desk


class OnMachine(AbstractLatentWorker):  # type: ignore[misc]
    """A worker whose machine is all that is started."""


def worker(machine: Any) -> Any:
    made = object.__new__(OnMachine)
    made.machine = machine
    return made


class Answers(AbstractLatentMachine):  # type: ignore[misc]
    """A third party's machine, which can say whether it is on."""

    on = True

    def stop_machine(self) -> defer.Deferred[bool]:
        return defer.succeed(False)

    def lifecycle_is_gone(self, instance: str | None) -> bool:
        return not self.on


def test_of_a_machine_its_name_is_known_and_it_can_be_stopped(desk: Desk) -> None:
    w = worker(GenericLatentMachine("box", LocalWakeAction(["true"]), LocalWakeAction(["true"])))
    assert desk.clouds.can(w) == {Can.NAME, Can.END}
    assert desk.clouds.name(w) == "box"
    said = desk.ask("gone", w, "box")
    assert said.why is Why.NOT_OFFERED


def test_a_machine_whose_class_can_say_so_is_asked(desk: Desk) -> None:
    machine = Answers("box")
    assert desk.ask("gone", worker(machine), "box") is False
    machine.on = False
    assert desk.ask("gone", worker(machine), "box") is True


class KnowsItsOwn(OnMachine):
    """A third party's worker, which is asked of what it has never made."""

    def lifecycle_is_gone(self, instance: str | None) -> bool:
        return True


def test_of_a_machine_its_worker_cannot_tell(desk: Desk) -> None:
    """That the worker's own instances are gone says nothing of the machine under them."""
    w = object.__new__(KnowsItsOwn)
    w.machine = GenericLatentMachine("box", LocalWakeAction(["true"]), LocalWakeAction(["true"]))
    assert desk.ask("gone", w, "box").why is Why.NOT_OFFERED
    assert desk.ask("gone", w, "an instance") is True
    w.machine = Answers("box")
    assert desk.ask("gone", w, "box") is False


def test_a_stop_that_says_no_is_not_known_to_have_been_accepted(desk: Desk) -> None:
    assert desk.ask("end", worker(Answers("box")), "box").why is Why.FAILED


def test_a_stop_is_for_the_workers_own_machine(desk: Desk) -> None:
    assert desk.ask("end", worker(Answers("box")), "another").why is Why.NOT_CONFIGURED


@pytest.mark.process
@pytest.mark.parametrize(("status", "accepted"), [(0, True), (1, False)])
def test_the_machines_own_action_runs(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, accepted: bool
) -> None:
    """A real command, run as Buildbot's action does: an exit status that is not 0 is a no."""
    done = tmp_path / "done"
    code = f"import pathlib; pathlib.Path({str(done)!r}).touch(); raise SystemExit({status})"
    machine = GenericLatentMachine(
        "box", LocalWakeAction(["true"]), LocalWakeAction([sys.executable, "-c", code])
    )
    machine.parent = desk.master
    desk.reactor.wait(machine.reconfigService(*machine._config_args, **machine._config_kwargs))
    monkeypatch.setattr("buildbot.machine.generic.runProcessLogFailures", _run)
    said = desk.ask("end", worker(machine), "box")
    assert done.exists()
    assert (said is True) is accepted


def _run(_: Any, arguments: list[str]) -> defer.Deferred[bool]:
    """Buildbot's wants Twisted's own reactor, which does not turn here."""
    import subprocess  # noqa: PLC0415

    return defer.succeed(subprocess.run(arguments, check=False).returncode == 0)
