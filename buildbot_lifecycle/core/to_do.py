"""What is left to do once a worker was released, or has left an instance behind: as values.

A worker needs attention as long as something stands here (`verdicts.attention`), and the page lists the
same. Each part goes by what was seen: the pause by Buildbot's unpause, the call by its end, the instance
by the end of its entry in the ledger.
"""

from __future__ import annotations

import dataclasses
import re

from buildbot_lifecycle.core.facts import Call, Facts, Orphan, Release

#: The reasons that a release, and a start that was given up and has made an instance, give Buildbot for
#: their pause: `act.steps`, `act.holds`. Any other one is a person's, and is left to him.
_PAUSED_BY = re.compile(
    r"force disconnect, action (?P<action>\d+)|late start, entry (?P<entry>\d+)"
)

#: Causes of an entry that come of a release.
OF_RELEASES = ("release", "late_start")


@dataclasses.dataclass(frozen=True)
class Pause:
    """A pause by a release: its action, or the entry of the ledger for which the worker is held."""

    action: int | None = None
    entry: int | None = None


@dataclasses.dataclass(frozen=True)
class ToDo:
    """What is left: instances that may still run, the pause, and calls that still run, oldest first.

    ``release`` is the one that it comes of; None where it comes of none, or where that was of an earlier
    life, or before recording began.
    """

    release: Release | None = None
    instances: tuple[Orphan, ...] = ()
    pause: Pause | None = None
    calls: tuple[Call, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.instances or self.pause or self.calls)

    @property
    def is_of_release(self) -> bool:
        """Whether any of it comes of a release, and not only of a stop that failed or of a crash."""
        causes = {orphan.cause for orphan in self.instances}
        return bool(self.pause or self.calls or not causes.isdisjoint(OF_RELEASES))


def to_do(facts: Facts) -> ToDo:
    """What is left to do of a worker; false where there is nothing."""
    late = (orphan for orphan in facts.orphans if _is_late(facts, orphan))
    left = ToDo(
        instances=tuple(sorted(late, key=lambda orphan: orphan.since)),
        pause=_pause(facts),
        calls=facts.abandoned,
    )
    if not left.is_of_release:
        return left
    release, began = facts.release, facts.last_began
    if release is not None and began is not None and release.at < began:
        release = None  # that was an earlier life: somebody else has ended this one, or nobody
    return dataclasses.replace(left, release=release)


def _is_late(facts: Facts, orphan: Orphan) -> bool:
    """Whether an entry is of the present life of the worker's instance, or of the last one before."""
    began = facts.last_began
    return not orphan.earlier if began is None else orphan.since >= began


def _pause(facts: Facts) -> Pause | None:
    """The pause, if its reason is one that we have given. After a restart Buildbot has no reason."""
    # whoever pauses may give a reason of any type
    by = _PAUSED_BY.fullmatch(str(facts.pause_reason)) if facts.paused else None
    if by is None:
        return None
    action, entry = by.group("action", "entry")
    return Pause(None if action is None else int(action), None if entry is None else int(entry))
