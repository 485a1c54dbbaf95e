"""The rules: what an instance is that was listed, and what the master misses."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping

from buildbot_lifecycle.core.census.picture import Held, Listed, Look, Picture
from buildbot_lifecycle.core.census.words import LOOKS, NOBODYS, OWNED
from buildbot_lifecycle.core.states import STARTING, STOPPING, State


@dataclasses.dataclass(frozen=True)
class Trace:
    """What the last look made of an instance: its owner then, or for how many looks it had none.

    ``suspects`` are what may have made it (`Held.unclear`): since when it was first listed, not later.
    """

    owner: int | None = None
    life: int | None = None
    unexplained: int = 0
    suspects: frozenset[Hashable] = frozenset()


@dataclasses.dataclass(frozen=True)
class Absence:
    """An instance that the master believes up and that was not listed, in so many looks in a row.

    ``gone``: its cloud has said, asked for this very one, that it is gone.
    """

    life: int | None
    looks: int = 1
    gone: bool = False


@dataclasses.dataclass(frozen=True)
class Standing:
    """What is said of one listed instance, and by what; ``why`` is a word where it is not known."""

    standing: str
    workerid: int | None = None
    orphan: int | None = None
    why: str | None = None


def stands(listed: Listed, look: Look, picture: Picture, trace: Trace) -> Standing | None:
    """What an instance is that was listed; None: none of ours, or one that its worker has ended since.

    ``trace`` is what earlier looks made of it.
    """
    owner, entry = picture.owner_of(listed), picture.entry_of(listed.name, listed.mark)
    if owner is not None:
        return Standing(of_state(owner.state), owner.workerid, entry.id if entry else None)
    if entry is not None:
        return Standing(entry.standing, entry.workerid, entry.id)
    if trace.owner is not None:
        held = picture.held(trace.owner)
        if held is not None and held.busy and held.life == trace.life:
            return Standing(of_state(held.state), held.workerid)
    if trace.owner is not None or look.before.owner_of(listed) is not None:
        return None  # its stop has said that it is over; had it failed, it were in the ledger
    return _by_mark(listed, look, picture) or _unexplained(listed, look, picture, trace)


def _by_mark(listed: Listed, look: Look, picture: Picture) -> Standing | None:
    """What the name that the driver gave it says; None if nothing explains it."""
    marked = picture.marked(listed.mark)
    unnamed = [held for held in marked if held.busy and not held.names]
    if len(unnamed) == 1:
        return Standing(of_state(unnamed[0].state), unnamed[0].workerid)
    if unnamed:
        return Standing("unknown", why="several_workers")
    for held in marked:
        changed = held.changed_since(look.before.held(held.workerid))
        if held.loose or changed:
            why = "call_runs_on" if held.loose else "changed_since"
            return Standing("unknown", held.workerid, why=why)
    return _by_nameless(listed, look, picture)


def _by_nameless(listed: Listed, look: Look, picture: Picture) -> Standing | None:
    """An entry of the ledger that names no instance, and is of the one worker with this mark."""
    entries = picture.nameless_of(listed.mark) if listed.mark is not None else ()
    if not listed.ours or not len(picture.marked(listed.mark)) == len(entries) == 1:
        return None
    (entry,) = entries
    if entry.place not in (None, look.digest):
        return None  # made elsewhere
    return Standing(entry.standing, entry.workerid, entry.id)


def _unexplained(listed: Listed, look: Look, picture: Picture, trace: Trace) -> Standing | None:
    """What is said of an instance that nobody has; None if it is none of our business."""
    marked = picture.marked(listed.mark)
    whose = marked[0].workerid if len(marked) == 1 else None
    if not listed.ours and listed.mark is not None and not marked:
        return None
    why = _doubt(listed, look, picture, trace)
    return Standing(NOBODYS if why is None else "unknown", whose, why=why)


def _doubt(listed: Listed, look: Look, picture: Picture, trace: Trace) -> str | None:
    """Why it may be somebody's all the same, in a word."""
    doubts = {
        "no_mark": not listed.ours,
        "may_be_starting": listed.mark is None
        and not trace.suspects.isdisjoint(picture.unclear(look.place)),
        "ends": listed.state == "stopping",
        "other_masters": not look.sole,
        "seen_once": trace.unexplained < LOOKS,
    }
    return next((why for why, holds in doubts.items() if holds), None)


def of_state(state: State) -> str:
    """The standing of an instance that a worker in this state has."""
    if state in STARTING:
        return "starting"
    return "stopping" if state in STOPPING else "up"


def traced(
    look: Look, picture: Picture, earlier: Mapping[str, Trace]
) -> Iterator[tuple[str, Trace]]:
    """What this look makes of each instance, to be remembered until the next one of the same place.

    ``earlier`` is what the look before it made of them. ``picture`` is of when the list had come.
    """
    now, then = picture.unclear(look.place), look.before.unclear(look.place)
    unclear = frozenset(now | then)
    # one value for all that were seen at once: they may be thousands
    narrowed: dict[int, frozenset[Hashable]] = {}
    for name, listed in look.found.items():
        before = earlier.get(name)
        # a start that has begun since it was listed first did not make it
        suspects = unclear
        if before is not None:
            same = id(before.suspects)
            if same not in narrowed:
                narrowed[same] = before.suspects & unclear
            suspects = narrowed[same]
        count = before.unexplained if before is not None else 0
        found = stands(listed, look, picture, Trace(unexplained=count, suspects=suspects))
        yield name, _trace(listed, look, picture, found, count, suspects)


def _trace(
    listed: Listed,
    look: Look,
    picture: Picture,
    found: Standing | None,
    count: int,
    suspects: frozenset[Hashable],
) -> Trace:
    if found is None:
        was = look.before.owner_of(listed)
        return Trace(owner=was.workerid, life=was.life) if was else Trace()
    if found.standing in OWNED:
        held = picture.held(found.workerid)
        return Trace(owner=found.workerid, life=held.life if held else None)
    if found.orphan is None and (found.standing == NOBODYS or found.why == "seen_once"):
        return Trace(unexplained=count + 1)
    if found.why == "may_be_starting":
        return Trace(unexplained=count, suspects=suspects)
    return Trace()


def absences(
    look: Look, picture: Picture, earlier: Mapping[int, Absence]
) -> Iterator[tuple[int, Absence | None]]:
    """Workers of the place, by workerid: whose instance the master believes up, and this look lacks.

    None for all others; one that has changed while the cloud was asked, or whose name is not known, is
    among these.
    """
    marks = {listed.mark for listed in look.found.values() if listed.mark is not None}
    for held in picture.of_place(look.place):
        if not _lacks(look, held, marks):
            yield held.workerid, None
            continue
        before = earlier.get(held.workerid)
        if before is None or before.life != held.life:
            yield held.workerid, Absence(held.life)
        else:
            yield held.workerid, dataclasses.replace(before, looks=before.looks + 1)


def _lacks(look: Look, held: Held, marks: Collection[str]) -> bool:
    if held.state is not State.SUBSTANTIATED or not held.names:
        return False
    if held.changed_since(look.before.held(held.workerid)):
        return False
    return not any(name in look.found or name in marks for name in held.names)


def same_mark(master: str, others: Iterable[str]) -> bool:
    """Whether Buildbot's hash of a master's name, in names of instances, is that of another as well."""
    return any(_hash(other) == _hash(master) for other in others if other != master)


def _hash(name: str) -> str:
    # as buildbot/worker/docker.py, openstack.py and upcloud.py of 4.3.0 make it
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:6]
