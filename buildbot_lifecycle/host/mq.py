"""Buildbot's message queue, by a way that does not ask everybody.

Each worker consumes some messages of its own, and `SimpleMQ.produce` compares every message with every
consumer: 1 us of the reactor at 10 workers, a third of a millisecond at 5,000. Of ours only those can be
meant whose filter begins with our word, or with nothing: mostly the pages that are open. They are kept,
and looked for again when the list of consumers is another one.

From mq/simple.py of Buildbot 4.3.0. Where anything of it is otherwise, Buildbot's own `produce` is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

try:
    from buildbot.mq.simple import SimpleMQ
except ImportError:
    SimpleMQ = None

#: The first part of our routing keys.
WORD = "lifecycle"

_PRODUCE = getattr(SimpleMQ, "produce", None)


class Route:
    """To the consumers of one master's messages."""

    def __init__(self, master: Any) -> None:
        self._master = master
        self._consumers: tuple[Any, ...] = ()
        # by which it is seen that the list has changed: consumers come at its end, and go from anywhere
        self._number, self._last = 0, None

    def produce(self, key: Sequence[str], message: Mapping[str, Any]) -> None:
        """As ``mq.produce``; ``key`` begins with `WORD`."""
        mq = self._master.mq
        if not _is_known(mq):
            mq.produce(key, message)
            return
        for consumer in self._meant(mq.qrefs):
            if _fits(key, consumer.filter):
                mq.invokeQref(consumer, key, message)

    def _meant(self, consumers: list[Any]) -> tuple[Any, ...]:
        last = consumers[-1] if consumers else None
        if len(consumers) != self._number or last is not self._last:
            self._consumers = tuple(
                each for each in consumers if not each.filter or each.filter[0] in (None, WORD)
            )
            self._number, self._last = len(consumers), last
        return self._consumers


def _is_known(mq: Any) -> bool:
    """Whether it is Buildbot's own queue within the process, as we know it, and nobody looks at it."""
    return (
        SimpleMQ is not None
        and type(mq) is SimpleMQ
        and "produce" not in vars(mq)
        and type(mq).produce is _PRODUCE
        and not getattr(mq, "debug", True)
        and isinstance(getattr(mq, "qrefs", None), list)
        and hasattr(mq, "invokeQref")
    )


def _fits(key: Sequence[str], wanted: Sequence[str | None]) -> bool:
    return len(key) == len(wanted) and all(
        each is None or each == part for part, each in zip(key, wanted)
    )
