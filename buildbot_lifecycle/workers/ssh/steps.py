"""What a remote script says, told as steps: to the log, and to the worker's page.

A rung of the ladder is told when the next word shows what came of it, with the seconds that it took.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.workers.ssh.client import Word

#: `step, elapsed_s=..., ok=...`
Note = Callable[..., None]

_RUNGS = {"ask": "asked to stop", "TERM": "TERM", "KILL": "KILL"}


class Ladder:
    """The steps of a stop. `gone` and `alive` (process ids) are what was verified."""

    def __init__(self, note: Note, clock: Any) -> None:
        self._note, self._clock = note, clock
        self._began = self._since = clock.seconds()
        self._rung: str | None = None
        self.gone = False
        self.alive = ""

    def word(self, word: Word) -> None:
        """Take one word of the script."""
        if word.word not in ("rung", "gone", "alive"):
            return
        if self._rung is None:
            self._note("reached the host", elapsed_s=self._lap(), ok=True)
        else:
            self._note(self._rung, elapsed_s=self._lap(), ok=word.word == "gone")
        self._rung = None
        if word.word == "rung":
            self._rung = _RUNGS[word.rest]
        elif word.word == "gone":
            self.gone = True
            self._note("gone", elapsed_s=self._total(), ok=True)
        else:
            self.alive = word.rest
            self._note("still there", elapsed_s=self._total(), ok=False, processes=word.rest)

    def unknown(self, why: str) -> None:
        """The session broke, or there was none."""
        if self._rung is not None:
            self._note(self._rung, elapsed_s=self._lap(), ok=False)
        self._note("not known to be gone", elapsed_s=self._total(), ok=False, why=why)

    def _lap(self) -> float:
        now = self._clock.seconds()
        lap, self._since = now - self._since, now
        return round(float(lap), 3)

    def _total(self) -> float:
        return round(float(self._clock.seconds() - self._began), 3)


class Starting:
    """The steps of a start, the end of leftovers among them."""

    def __init__(self, note: Note, clock: Any) -> None:
        self._note, self._clock = note, clock
        self._began = clock.seconds()
        self._ladder: Ladder | None = None

    def word(self, word: Word) -> None:
        """Take one word of the script."""
        if word.word == "leftover":
            self._note("found what an earlier life left", processes=word.rest)
            self._ladder = Ladder(self._tell_leftover, self._clock)
        elif word.word in ("rung", "gone", "alive") and self._ladder is not None:
            self._ladder.word(word)
        elif word.word == "prepared":
            self._note("prepared the host", elapsed_s=self._total(), ok=True)
        elif word.word == "started":
            pid = f"process {word.rest}" if word.rest else "not ready yet"
            self._note("started", elapsed_s=self._total(), ok=True, remote=pid)

    def failed(self, why: str) -> None:
        """The start did not come about."""
        self._note("not started", elapsed_s=self._total(), ok=False, why=why[:1000])

    def _tell_leftover(self, step: str, **details: Any) -> None:
        # The first rung of a start is not climbed: what is left has nobody who could ask it.
        if step not in ("reached the host", "asked to stop"):
            self._note(f"leftover: {step}", **details)

    def _total(self) -> float:
        return round(float(self._clock.seconds() - self._began), 3)
