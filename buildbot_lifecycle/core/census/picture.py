"""What a cloud lists, and what the master knows at one moment, arranged for the join."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence, Set

from buildbot_lifecycle.core.census.words import NOBODYS
from buildbot_lifecycle.core.states import RESTING, State


@dataclasses.dataclass(frozen=True)
class Listed:
    """One instance as a cloud lists it. ``mark`` is the name that the driver gave it, if it did.

    ``ours``: the driver's mark says that it is this master's. ``born`` is epoch seconds of the cloud.
    """

    name: str
    mark: str | None = None
    state: str = "up"
    born: float | None = None
    kind: str | None = None
    ours: bool = True


@dataclasses.dataclass(frozen=True)
class Held:
    """What the master knows of one worker at one moment.

    ``names`` are all that its instance may be called, recorded or held by the driver; ``life`` tells one
    life of an instance from the next; ``loose`` are calls that were given up and may still make one.
    ``token`` stands for the worker object. ``place`` is where a list would have its instance.
    """

    workerid: int
    name: str
    class_name: str
    state: State
    token: Hashable = None
    names: tuple[str, ...] = ()
    mark: str | None = None
    life: int | None = None
    episode: int | None = None
    loose: tuple[int, ...] = ()
    place: Hashable = None

    @property
    def busy(self) -> bool:
        """An instance of it is there, or comes, or goes."""
        return self.state not in RESTING

    @property
    def unclear(self) -> frozenset[Hashable]:
        """What of it may be an instance whose name is not known: a start, and calls given up."""
        calls = {(self.workerid, "call", token) for token in self.loose}
        starts = {(self.workerid, self.token, self.life)} if self.busy and not self.names else set()
        return frozenset((*calls, *starts))

    def changed_since(self, before: Held | None) -> bool:
        """Whether anything has happened to its instance; always, if it was not known then."""
        return before is None or self.what != before.what

    @property
    def what(self) -> tuple[Hashable, ...]:
        """All that says whether something has happened to its instance."""
        return (self.token, self.state, self.names, self.life, self.loose)


@dataclasses.dataclass(frozen=True)
class Open:
    """An open entry of the ledger."""

    id: int
    workerid: int
    worker: str
    class_name: str | None = None
    instance: str | None = None
    episode: int | None = None
    cause: str = ""
    #: the digest of the cloud in which it was made; None: it was not recorded
    place: str | None = None

    @property
    def standing(self) -> str:
        """What it says of its instance."""
        return NOBODYS if self.cause == NOBODYS else "in_ledger"


@dataclasses.dataclass(frozen=True)
class Look:
    """What one place has listed, and what was known when it was asked (``before``).

    ``sole``: the marks there tell this master from all others that are known. ``asker`` is the worker
    through whose configuration it was asked, ``digest`` what entries of the ledger call the place.
    """

    place: Hashable
    title: str
    at: float
    found: Mapping[str, Listed]
    before: Picture
    sole: bool = True
    asker: int | None = None
    digest: str | None = None

    def without(self, gone: Collection[str]) -> Look:
        """The same without the instances of these names, or marks."""
        left = {
            name: listed
            for name, listed in self.found.items()
            if name not in gone and listed.mark not in gone
        }
        return self if len(left) == len(self.found) else dataclasses.replace(self, found=left)


class Picture:
    """What the master knows at one moment, arranged for the join."""

    def __init__(self, helds: Iterable[Held] = (), entries: Iterable[Open] = ()) -> None:
        self.helds: list[Held] = []
        self.entries: list[Open] = []
        self._by_id: dict[int, Held] = {}
        self._by_name: dict[str, Held] = {}
        self._by_mark: dict[str, list[Held]] = {}
        self._of_place: dict[Hashable, list[Held]] = {}
        self._entries: dict[int, Open] = {}
        self._named: dict[str, Open] = {}
        self._nameless: dict[int, list[Open]] = {}
        self._unclear: dict[Hashable, set[Hashable]] = {}
        for entry in entries:
            self.enter(entry)
        for held in helds:
            self.add(held)

    # drawn one by one, before anything is asked: there may be thousands

    def enter(self, entry: Open) -> None:
        """One more entry of the ledger."""
        self.entries.append(entry)
        self._entries[entry.id] = entry
        if entry.instance:
            self._named[entry.instance] = entry
        else:
            self._nameless.setdefault(entry.workerid, []).append(entry)

    def add(self, held: Held) -> None:
        """One more worker."""
        self.helds.append(held)
        self._by_id[held.workerid] = held
        if held.busy:
            for name in held.names:
                self._by_name.setdefault(name, held)
        if held.mark is not None:
            self._by_mark.setdefault(held.mark, []).append(held)
        self._of_place.setdefault(held.place, []).append(held)
        if held.unclear:
            self._unclear.setdefault(held.place, set()).update(held.unclear)

    def held(self, workerid: int | None) -> Held | None:
        """What is known of a worker."""
        return self._by_id.get(workerid) if workerid is not None else None

    def entry(self, number: int | None) -> Open | None:
        """An open entry by its number."""
        return self._entries.get(number) if number is not None else None

    def entry_of(self, *names: str | None) -> Open | None:
        """The open entry that names an instance."""
        return next((self._named[name] for name in names if name in self._named), None)

    def owner_of(self, listed: Listed) -> Held | None:
        """The worker that has this very instance now."""
        return self._by_name.get(listed.name) or (
            self._by_name.get(listed.mark) if listed.mark is not None else None
        )

    def marked(self, mark: str | None) -> Sequence[Held]:
        """The workers to whose instances the driver gives this name."""
        return self._by_mark.get(mark, ()) if mark is not None else ()

    def nameless(self, workerid: int) -> Sequence[Open]:
        """Open entries of a worker that name no instance."""
        return self._nameless.get(workerid, ())

    def nameless_of(self, mark: str) -> Sequence[Open]:
        """Open entries without a name, of the workers that have this mark."""
        return [entry for held in self.marked(mark) for entry in self.nameless(held.workerid)]

    def of_place(self, place: Hashable) -> Sequence[Held]:
        """The workers whose instances a list of this place would have."""
        return self._of_place.get(place, ())

    def unclear(self, place: Hashable) -> Set[Hashable]:
        """What may be instances of this place whose names are not known."""
        return self._unclear.get(place, _NOTHING)


_NOTHING: Set[Hashable] = frozenset()
