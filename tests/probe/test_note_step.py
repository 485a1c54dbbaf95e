"""What authors of latent workers import: light, and the same as the service's own."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import buildbot_lifecycle
from buildbot_lifecycle.service import service
from tests.harness.waiting import patient


@pytest.mark.process
def test_to_import_the_package_loads_neither_buildbot_nor_twisted() -> None:
    heavy = ("buildbot", "twisted", "msgspec")
    ask = f"import sys, buildbot_lifecycle; print([m for m in {heavy} if m in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True, timeout=patient(30)
    )
    assert said.stdout.strip() == "[]"


def test_a_step_arrives_at_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    found = SimpleNamespace(step=lambda *of: told.append(of))
    monkeypatch.setattr(service, "find_service", lambda _: found)
    worker = SimpleNamespace(master=object())
    buildbot_lifecycle.note_step(worker, "TERM", elapsed_s=1.5, ok=True)
    assert told == [(worker, "TERM", {"elapsed_s": 1.5, "ok": True})]


@pytest.mark.parametrize("master", [None, SimpleNamespace(), SimpleNamespace(service_manager=None)])
def test_without_a_service_a_step_is_told_to_nobody(master: Any) -> None:
    buildbot_lifecycle.note_step(SimpleNamespace(master=master), "TERM")


def test_where_the_service_cannot_be_imported_a_step_is_told_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "buildbot_lifecycle.service.service", None)
    buildbot_lifecycle.note_step(SimpleNamespace(master=object()), "TERM")


def test_it_is_still_found_where_it_was() -> None:
    from buildbot_lifecycle.master.service import note_step  # noqa: PLC0415

    assert note_step is service.note_step
