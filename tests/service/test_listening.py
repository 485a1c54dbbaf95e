"""On a shared mq the workers' comings and goings on all masters are heard; this one's are recorded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.service.listening import Listening


class Heard:
    """Master 1, whose worker 7 has a namesake on master 2."""

    def __init__(self) -> None:
        self.noted: list[Kind] = []
        known = SimpleNamespace(workerid=7)
        logbook: Any = SimpleNamespace(
            get=lambda _: known, note=lambda _known, data: self.noted.append(data.kind)
        )
        self.listening = Listening(SimpleNamespace(masterid=1), logbook)

    def say(self, what: str, *masters: int) -> None:
        """Buildbot's message: to which masters a worker of the name is connected after it."""
        message = {"connected_to": [{"masterid": each} for each in masters]}
        self.listening._worker_event(("workers", "7", what), message)


def test_a_worker_that_connects_to_another_master_is_not_recorded() -> None:
    heard = Heard()
    heard.say("connected", 2)
    heard.say("disconnected")
    assert heard.noted == []


def test_a_worker_that_connects_to_this_master_is() -> None:
    heard = Heard()
    heard.say("connected", 1)
    heard.say("disconnected")
    assert heard.noted == [Kind.CONNECTED, Kind.DISCONNECTED]


def test_a_namesake_that_leaves_another_master_does_not_end_the_connection_here() -> None:
    heard = Heard()
    heard.say("connected", 1, 2)
    heard.say("disconnected", 1)
    heard.say("disconnected", 2)
    heard.say("disconnected")
    assert heard.noted == [Kind.CONNECTED, Kind.DISCONNECTED]


def test_a_namesake_that_comes_to_another_master_does_not_connect_here_again() -> None:
    heard = Heard()
    heard.say("connected", 1)
    heard.say("connected", 1, 2)
    assert heard.noted == [Kind.CONNECTED]
