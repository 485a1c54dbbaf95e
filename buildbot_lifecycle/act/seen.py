"""What the census has seen: the last look at each place, and what it made of it. In memory only."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Iterator, Mapping

from buildbot_lifecycle.clouds.values import OWN
from buildbot_lifecycle.core.census import (
    LOOKS,
    Absence,
    Look,
    Picture,
    Row,
    Trace,
    absences,
    rows,
    traced,
)
from buildbot_lifecycle.host.pauses import Turns


class Seen:
    """The looks of one master's census."""

    def __init__(self) -> None:
        # by place; traces also by name
        self._looks: dict[Hashable, Look] = {}
        self._traces: dict[Hashable, Mapping[str, Trace]] = {}
        # by workerid
        self._absent: dict[int, Absence] = {}
        # while looks are taken: what was said to be gone meanwhile, which they may have from before
        self._gone: list[tuple[int, str, str | None]] | None = None

    def rows(self, picture: Picture, titles: Mapping[Hashable, str]) -> Iterator[Row | None]:
        """All instances as of a picture; see `core.census.rows`."""
        return rows(list(self._looks.values()), picture, self._traces, self._absent, titles)

    # taking looks

    def begin(self) -> None:
        """From now on places are asked."""
        self._gone = []

    def end(self) -> None:
        """All that were asked have answered, or will not."""
        self._gone = None

    def keep(self, places: Collection[Hashable]) -> None:
        """Forget all places but these."""
        for place in [place for place in self._looks if place not in places]:
            del self._looks[place]
            self._traces.pop(place, None)

    async def take(
        self, look: Look, now: Picture, turns: Turns
    ) -> tuple[Look, Mapping[str, Trace]]:
        """What a look makes of everything. The same look, without what is gone since."""
        look = self._without_gone(look)
        traces: dict[str, Trace] = {}
        for name, trace in traced(look, now, self._traces.get(look.place, {})):
            traces[name] = trace
            await turns()
        look = self._without_gone(look)
        self._looks[look.place], self._traces[look.place] = look, traces
        for workerid, absence in absences(look, now, self._absent):
            self._absent.pop(workerid, None)
            if absence is not None:
                self._absent[workerid] = absence
            await turns()
        return look, traces

    def _without_gone(self, look: Look) -> Look:
        gone = {name for who, name, digest in self._gone or () if _is_of(look, who, digest)}
        return look.without(gone) if gone else look

    def absent(self, look: Look, now: Picture) -> list[tuple[int, Absence]]:
        """Which workers of the place of a look it lacks, by workerid."""
        of_place = (held.workerid for held in now.of_place(look.place))
        return [(of, self._absent[of]) for of in of_place if of in self._absent]

    @staticmethod
    def is_undecided(traces: Mapping[str, Trace], absent: Collection[Absence]) -> bool:
        """Whether something was seen once that it takes two looks to see."""
        once = any(0 < of.unexplained < LOOKS for of in traces.values())
        return once or any(of.looks < LOOKS for of in absent)

    # what clouds say of one instance

    def is_missing(self, workerid: int) -> None:
        """Of what a worker is believed to have, its cloud has said that it is gone."""
        absence = self._absent.get(workerid)
        if absence is not None:
            self._absent[workerid] = dataclasses.replace(absence, gone=True)

    def is_gone(self, workerid: int, name: str, digest: str | None) -> bool:
        """An instance is proven to be gone, at the place of this digest. Whether it was here.

        A list that is under way may have been made before, and is not believed in this.
        """
        if self._gone is not None:
            self._gone.append((workerid, name, digest))
        was_here = False
        for place, look in self._looks.items():
            if _is_of(look, workerid, digest):
                left = look.without({name})
                was_here = was_here or left is not look
                # not another key: the iteration goes on
                self._looks[place] = left
        return was_here


def _is_of(look: Look, workerid: int, digest: str | None) -> bool:
    """Whether a look is one at the place that an entry of this worker calls so.

    Classes that list by themselves are asked for each worker, and their places have all one digest.
    """
    if look.digest != (digest or OWN):
        return False
    return look.digest != OWN or look.asker == workerid
