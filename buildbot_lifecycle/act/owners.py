"""Owners: which workers of this master may use an instance that somebody wants ended."""

from __future__ import annotations

from typing import Any, Protocol

from buildbot_lifecycle.core.ends import Owner
from buildbot_lifecycle.host import machines
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch import instance


class Names(Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def name(self, worker: Any) -> str | None: ...

    def mark(self, worker: Any) -> str | None: ...


class Owners:
    """Looks at the workers of one master."""

    def __init__(self, logbook: Logbook, clouds: Names) -> None:
        self._logbook = logbook
        self._clouds = clouds

    def of(self, reached: Known) -> list[Owner]:
        """This master's workers, each with the names that its own instance has, or will have."""
        return [self._owner(known, reached) for known in self._logbook.known()]

    def _owner(self, known: Known, reached: Known) -> Owner:
        worker, facts = known.watched.worker, known.facts
        machine = machines.latent_machine(worker)
        said = (
            facts.instance,
            facts.episode.instance if facts.episode else None,
            self._clouds.name(worker),
            instance.known_before(worker),
            self._clouds.mark(worker),
            # the instance of all of its workers
            None if machine is None else str(machine.name),
        )
        return Owner(
            worker=known.name,
            facts=facts,
            verdict=self._logbook.verdict_now(known),
            names=frozenset(name for name in said if name),
            related=known.class_name == reached.class_name,
        )
