"""The www plugin as Buildbot loads it."""

from __future__ import annotations

import builtins
import json
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.logger import formatEvent, globalLogPublisher
from twisted.web.test.requesthelper import DummyRequest

from buildbot_lifecycle.www import application
from buildbot_lifecycle.www.door import Door


def test_buildbot_finds_the_plugin_by_its_entry_point() -> None:
    (found,) = [e for e in entry_points(group="buildbot.www") if e.name == "lifecycle"]
    assert found.load() is application.ep


def test_the_api_is_mounted_before_there_is_a_master() -> None:
    assert isinstance(application.ep.resource.children[b"api"], Door)


def test_being_told_of_the_master_twice_changes_nothing() -> None:
    plugin = application.LifecycleApplication()
    before = dict(plugin.resource.children)
    for _ in range(2):
        plugin.setMaster("master")
        plugin.setConfiguration({})
    assert plugin.master == "master"
    assert plugin.resource.children == before


@pytest.mark.parametrize(
    ("config", "said"),
    [({"x": "s3cret", "anonymous_may_force": True}, "'anonymous_may_force', 'x'"), (True, "True")],
)
def test_options_that_have_no_effect_are_told_in_one_line(config: Any, said: str) -> None:
    told: list[Any] = []
    globalLogPublisher.addObserver(told.append)
    try:
        application.LifecycleApplication().setConfiguration({})
        assert told == []
        application.LifecycleApplication().setConfiguration(config)
    finally:
        globalLogPublisher.removeObserver(told.append)
    (line,) = [formatEvent(event) for event in told]
    assert f"takes no options, so {said} has no effect; write {{}} there" in line
    assert "s3cret" not in line


def test_a_master_without_the_service_has_none() -> None:
    plugin = application.LifecycleApplication()
    plugin.setMaster(SimpleNamespace(service_manager=SimpleNamespace(namedServices={})))
    assert plugin.service() is None


def test_an_api_that_cannot_be_loaded_is_out_of_order_and_the_master_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_import = builtins.__import__

    def broken(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "buildbot_lifecycle.www.api":
            raise ImportError("klein is not there")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    plugin = application.LifecycleApplication()
    api = plugin.resource.children[b"api"]
    assert isinstance(api, application.OutOfOrder)
    request = DummyRequest([b"v1", b"workers"])
    answer = json.loads(api.render(request))
    assert request.responseCode == 500
    assert answer["code"] == "internal"
