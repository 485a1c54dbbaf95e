"""A Buildbot that lacks a name that we lean on: one clear line, and the master runs as without us."""

from __future__ import annotations

import ast
import enum
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import defer
from twisted.python import log

import buildbot_lifecycle
from buildbot_lifecycle.host import names, required
from buildbot_lifecycle.service.service import LifecycleService
from tests.harness.renames import renamed
from tests.probe.support import Driven, Stage

PACKAGE = Path(buildbot_lifecycle.__file__).parent

EACH = [(cls, name) for cls, of_it in required.REQUIRED.items() for name in of_it]


def test_this_buildbot_has_all_of_them() -> None:
    assert required.missing() == []


def touched(master: Any, worker: Any) -> list[Any]:
    """What the probe and its neighbours put their hooks on."""
    things = [worker, master, master.botmaster, master.workers, master.secrets_manager]
    return [dict(vars(one)) for one in [*things, *required.REQUIRED]]


class WithoutAName(Stage):
    """One real master and worker; our service comes to it in each of those versions of Buildbot."""

    @defer.inlineCallbacks
    def test_each_name_that_is_gone_gives_one_line_and_nothing_is_touched(self) -> Any:
        yield self.play(Driven("w"), observed=False)
        before = self._touched()
        for cls, name in EACH:
            lines = yield self._lines_of_a_start(cls, name)
            full = f"{cls.__module__}.{cls.__qualname__}.{name}"
            assert lines == [f"lifecycle: nothing is recorded: this Buildbot lacks {full}"], full
            assert self._touched() == before, full
        # and with none of them gone it is touched: else all of the above would say nothing
        assert (yield self._lines_of_a_start(None, "")) == []

    def _touched(self) -> list[Any]:
        return touched(self.master, self.worker())

    @defer.inlineCallbacks
    def _lines_of_a_start(self, cls: type | None, name: str) -> Any:
        lines: list[str] = []

        def hear(event: Any) -> None:
            lines.extend(t for t in event.get("message", ()) if t.startswith("lifecycle:"))

        service = LifecycleService()
        log.addObserver(hear)
        try:
            if cls is None:
                before = self._touched()
                service.setServiceParent(self.master)
                assert self._touched() != before
            else:
                with renamed(cls, name):
                    service.setServiceParent(self.master)
        finally:
            log.removeObserver(hear)
        yield service.disownServiceParent()
        return lines


@pytest.mark.process
def test_what_cannot_be_imported_does_not_keep_the_configuration_from_being_read() -> None:
    """master.cfg imports the service: an error there would keep the master from starting."""
    text = """
import enum
from buildbot.worker import latent
from buildbot.worker.protocols.manager import msgpack

del msgpack.ConnectioLostError
members = [(member.name, member.value) for member in latent.States]
latent.States = enum.Enum("States", [*members, ("FROZEN", 77)])

from buildbot_lifecycle.service import service
from buildbot_lifecycle.host import required

print(required.missing())
"""
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    lost = ["buildbot.worker.protocols.manager.msgpack.ConnectioLostError"]
    assert (ran.stdout, ran.stderr) == (f"{lost}\n", "")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("buildbot.worker.latent", "States"),
        ("buildbot.worker.latent", "AbstractLatentWorker"),
        ("buildbot.util.deferwaiter", "DeferWaiter"),
        ("buildbot.interfaces", "LatentWorkerSubstantiatiationCancelled"),
    ],
)
def test_a_class_that_is_gone_is_told(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(f"{module}.{name}")
    lost = runpy.run_path(names.__file__)["LOST"]
    assert lost == [f"{module}.{name}"]


def test_a_module_that_is_gone_is_told_with_all_that_is_taken_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "buildbot.machine.latent", None)
    lost = runpy.run_path(names.__file__)["LOST"]
    latent = "buildbot.machine.latent"
    assert lost == [f"{latent}.AbstractLatentMachine", f"{latent}.States"]


def test_a_state_that_is_new_to_us_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [(member.name, member.value) for member in names.States]
    monkeypatch.setattr(names, "States", enum.Enum("States", [*members, ("FROZEN", 77)]))
    assert required.missing() == ["buildbot.worker.latent.States.FROZEN"]


def test_an_attribute_that_only_a_method_within_a_method_sets_is_found() -> None:
    class Holder:
        def prepare(self) -> Any:
            def later() -> None:
                self.late = True

            return later

        def read(self) -> Any:
            return self.only_read

    assert required.has(Holder, "late")
    assert not required.has(Holder, "only_read")
    assert not required.has(Holder, "late_too")


# the table is whole

#: What a name stands for in our code, wherever it stands.
OF = {
    "worker": (names.AbstractLatentWorker, names.AbstractWorker),
    "machine": (names.AbstractLatentMachine,),
    "conn": (names.Connection, names.PBConnection, names.MsgpackConnection),
    "master": (names.BuildMaster,),
    "_master": (names.BuildMaster,),
    "botmaster": (names.BotMaster,),
    "build": (names.Build,),
    "builder": (names.Builder,),
    "wfb": (names.AbstractWorkerForBuilder,),
    "_deferwaiter": (names.DeferWaiter,),
    "_start_stop_lock": (required.DeferredLock,),
    "broker": (required.pb.Broker,),
    "mind": (required.pb.RemoteReference,),
    "transport": (required.FileDescriptor,),
}

#: Asked for where it is, and done otherwise where it is not.
OPTIONAL = {
    "lifecycle_instance",  # drivers' own: see docs/writing-workers
    "abortConnection",  # of a TCP transport
    "__dict__",
    "transport",  # of each of Twisted's protocols
    "connected",  # of a transport
}

#: Where a worker is an answer of ours.
OF_ANSWERS = {
    "master/views.py",
    "service/answers.py",
    "service/carried.py",
    "service/dismissal.py",
}

ROOMS = ("host", "watch", "master", "act", "service")


def _used(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(of what, which attribute), by a dot or by getattr."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield _last(node.value), node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            name = node.args[1]
            if isinstance(name, ast.Constant):
                yield _last(node.args[0]), str(name.value)


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
        return ast.unparse(node.args[1]).strip("'\"")
    return ast.unparse(node).rpartition(".")[2]


def test_each_attribute_that_is_used_of_buildbots_objects_is_in_the_table() -> None:
    lacking = set()
    for path in [path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")]:
        if path.relative_to(PACKAGE).as_posix() in OF_ANSWERS:
            continue
        for of, name in _used(ast.parse(path.read_text(encoding="utf-8"))):
            known = {n for cls in OF.get(of, ()) for n in required.REQUIRED.get(cls, ())}
            allowed = known | set(required.SERVICES) | OPTIONAL
            if of in OF and name not in allowed:
                lacking.add(f"{path.relative_to(PACKAGE)}: {of}.{name}")
    assert lacking == set()
