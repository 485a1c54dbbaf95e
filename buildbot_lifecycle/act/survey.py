"""Asking each place once what it has: by which worker, what came of it, and the list as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Sequence
from typing import Any, Protocol

from twisted.internet import defer

from buildbot_lifecycle.act.holdings import Named
from buildbot_lifecycle.clouds.values import Can, Gone, Instance, Listing, NotKnown
from buildbot_lifecycle.core.bounds import MAX_NAME
from buildbot_lifecycle.core.census import Listed, same_mark
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Known, Logbook


class Asked(Named, Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def scope(self, worker: Any) -> defer.Deferred[Hashable | NotKnown]: ...

    def list(self, worker: Any) -> defer.Deferred[Listing | NotKnown]: ...

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]: ...

    def place(self, worker: Any, name: str | None = None) -> defer.Deferred[str | NotKnown]: ...

    def tells_masters(self, worker: Any) -> bool: ...

    def title(self, worker: Any, scope: Hashable) -> str: ...


@dataclasses.dataclass(frozen=True)
class PlaceAsked:
    """What came of asking one place, or why nobody was asked. Times in epoch seconds."""

    title: str
    class_name: str
    at: float | None = None
    took: float | None = None
    count: int | None = None
    trouble: NotKnown | None = None
    can_list: bool = True


class Survey:
    """Asks for the census of one master, which is called so."""

    def __init__(self, clock: Any, logbook: Logbook, clouds: Asked, name: str) -> None:
        self._clock = clock
        self._logbook = logbook
        self._clouds = clouds
        self._name = name
        #: what came of it, by place
        self.asked: dict[Hashable, PlaceAsked] = {}
        #: what each place is called for people
        self.titles: dict[Hashable, str] = {}
        #: by worker object: who has its number next may be somewhere else
        self.places: dict[Known, Hashable] = {}

    async def askers(self, turns: Turns) -> dict[Hashable, Known]:
        """For each place a worker whose configuration reaches it. Notes where nobody can be asked."""
        found: dict[Hashable, Known] = {}
        self.places, titles = {}, {}
        mute: dict[Hashable, PlaceAsked] = {}
        # all are asked before one is waited for: adapters that never answer have one limit together
        asked: list[tuple[Known, defer.Deferred[Hashable | NotKnown]]] = []
        for known in self._logbook.known():
            await turns()
            if known.gone:
                continue
            if Can.LIST not in self._clouds.can(known.watched.worker):
                cannot = PlaceAsked(known.class_name, known.class_name, can_list=False)
                mute.setdefault(("mute", known.class_name), cannot)
                continue
            asked.append((known, self._clouds.scope(known.watched.worker)))
        for known, answer in asked:
            await turns()
            scope = await answer
            if known.gone:
                continue
            if isinstance(scope, NotKnown):
                at = self._clock.seconds()
                unknown = PlaceAsked(known.class_name, known.class_name, at=at, trouble=scope)
                mute.setdefault(("unknown", known.class_name, scope.text), unknown)
                continue
            self.places[known] = scope
            if scope not in found:
                found[scope] = known
                titles[scope] = self._clouds.title(known.watched.worker, scope)
        self.titles = titles
        kept = {scope: asked for scope, asked in self.asked.items() if scope in found}
        self.asked = {**kept, **mute}
        return found

    def ask(self, place: Hashable, asker: Known) -> defer.Deferred[Listing | NotKnown]:
        """What one has listed, and notes what came of it."""
        began = self._clock.seconds()

        def answered(answer: Listing | NotKnown) -> Listing | NotKnown:
            listed = isinstance(answer, Listing)
            self.asked[place] = PlaceAsked(
                title=self.titles[place],
                class_name=asker.class_name,
                at=began,
                took=max(0.0, self._clock.seconds() - began),
                count=len(answer.instances) if isinstance(answer, Listing) else None,
                trouble=None if listed else answer,  # type: ignore[arg-type]
            )
            return answer

        return self._clouds.list(asker.watched.worker).addCallback(answered)

    async def listed(self, instances: Sequence[Instance], turns: Turns) -> dict[str, Listed]:
        """What it has listed, by name."""
        found = {}
        for each in instances:
            name = cut(each.name, MAX_NAME) or ""
            found[name] = Listed(
                name=name,
                mark=each.mark,
                state="unknown" if each.state.value == "other" else each.state.value,
                born=each.born,
                kind=cut(each.kind, MAX_NAME),
                ours=each.ours,
            )
            await turns()
        return found

    def is_sole(self, worker: Any, place: Hashable, others: Collection[str]) -> bool:
        """Whether a mark there is this master's alone."""
        if is_own(place):
            return True  # the class lists what is its own master's
        if not self._clouds.tells_masters(worker):
            return not others
        return not same_mark(self._name, others)


def is_own(scope: Hashable) -> bool:
    """Whether a class lists there by itself."""
    return isinstance(scope, tuple) and scope[:1] == ("own",)
