"""Messages reach whom Buildbot's own queue would give them, and nobody else is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from buildbot.mq.simple import SimpleMQ
from hypothesis import given, settings
from hypothesis import strategies as st

from buildbot_lifecycle.host.mq import Route
from tests.harness.counted import calls

KEY = ("lifecycle", "7", "verdict")


class Queue:
    """Buildbot's queue, with consumers that note what they hear."""

    def __init__(self, mq: Any = None) -> None:
        self.mq = SimpleMQ() if mq is None else mq
        self.route = Route(SimpleNamespace(mq=self.mq))
        self.consumers: list[Any] = []
        self.heard: list[tuple[int, tuple[str, ...], Any]] = []
        self._number = 0

    def join(self, *wanted: str | None) -> None:
        number = self._number = self._number + 1

        def hear(key: Any, message: Any) -> None:
            self.heard.append((number, key, message))

        self.consumers.append(self.mq.startConsuming(hear, wanted).result)

    def workers(self, many: int) -> None:
        for number in range(many):
            self.join("control", "worker", str(number), None)

    def take_heard(self) -> list[Any]:
        heard, self.heard = self.heard, []
        return heard


FILTERS = st.sampled_from(
    [
        ("lifecycle", None, None),
        ("lifecycle", "7", None),
        ("lifecycle", "8", "verdict"),
        (None, None, None),
        (None, None),
        ("control", "worker", "7", None),
        ("workers", None, None),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.tuples(st.just("join"), FILTERS), st.integers(0, 9)), max_size=25))
def test_it_is_heard_by_whom_buildbots_own_would_give_it_whoever_comes_and_goes(
    doing: list[Any],
) -> None:
    queue = Queue()
    for each in doing:
        if isinstance(each, tuple):
            queue.join(*each[1])
        elif each < len(queue.consumers):
            queue.consumers.pop(each).stopConsuming()
        queue.route.produce(KEY, {"a": 1})
        ours = queue.take_heard()
        queue.mq.produce(KEY, {"a": 1})
        assert ours == queue.take_heard()


def test_a_message_costs_the_same_whatever_the_number_of_workers() -> None:
    counted = []
    for many in (10, 1000):
        queue = Queue()
        queue.workers(many)
        queue.join("lifecycle", None, None)
        queue.route.produce(KEY, {})
        counted.append(calls(lambda queue=queue: queue.route.produce(KEY, {}), built_in=True))
        assert len(queue.heard) == 2
    assert counted[0] == counted[1]
    # and of Buildbot's own it is not so: else the above would say nothing
    assert calls(lambda: queue.mq.produce(KEY, {})) > 1000


class Other(SimpleMQ):
    """One that does something more."""


@pytest.mark.parametrize("how", ["another class", "wrapped", "wrapped class", "debug", "no list"])
def test_of_a_queue_that_is_not_as_we_know_it_its_own_way_is_taken(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def produce(*args: Any) -> None:
        asked.append(args[-2])

    queue = Queue(Other() if how == "another class" else None)
    if how == "another class":
        monkeypatch.setattr(Other, "produce", produce, raising=False)
    elif how == "wrapped class":
        monkeypatch.setattr(SimpleMQ, "produce", produce)
    else:
        monkeypatch.setattr(queue.mq, "produce", produce)
    if how == "debug":
        monkeypatch.undo()
        queue.join(None, None, None)
        queue.mq.debug = True
        queue.route.produce(KEY, {})
        assert [heard[1] for heard in queue.heard] == [KEY]
        return
    if how == "no list":
        queue.mq.qrefs = None
    queue.route.produce(KEY, {})
    assert asked == [KEY]


def test_a_consumer_that_raises_keeps_nobody_from_hearing(caplog: Any) -> None:
    queue = Queue()

    def breaks(_key: Any, _message: Any) -> None:
        raise RuntimeError("a page that has gone")

    queue.mq.startConsuming(breaks, ("lifecycle", None, None))
    queue.join("lifecycle", None, None)
    queue.route.produce(KEY, {})
    assert len(queue.heard) == 1
