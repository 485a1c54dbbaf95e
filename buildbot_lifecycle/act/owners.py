"""Owners: which workers of this master may use an instance that somebody wants ended."""

from __future__ import annotations

from typing import Any, Protocol

from buildbot_lifecycle.core import ends
from buildbot_lifecycle.core.ends import Owner, Target
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.host import machines
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch import instance


class Names(Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def name(self, worker: Any) -> str | None: ...

    def mark(self, worker: Any) -> str | None: ...


class Owners:
    """Looks at the workers of one master, at thousands in several turns of the reactor."""

    def __init__(self, clock: Any, logbook: Logbook, clouds: Names) -> None:
        self._clock = clock
        self._logbook = logbook
        self._clouds = clouds

    async def of(self, target: Target, reached: Known) -> list[Owner]:
        """This master's workers that may use it, with the names of their own instances, now or soon.

        As of now: who has moved while others were looked at is looked at again, and nothing else is
        done between the last look and what follows.
        """
        turns = Turns(self._clock)
        looked: dict[Known, Facts] = {}
        found: dict[Known, Owner] = {}
        present = new = list(self._logbook.known())
        while new:
            for number, known in enumerate(new):
                if number:
                    await turns()
                looked[known] = known.facts
                owner = self._owner(known, reached)
                found.pop(known, None)
                if ends.concerns(target, owner):
                    found[known] = owner
            present = list(self._logbook.known())
            new = [known for known in present if looked.get(known) is not known.facts]
        still = set(present)
        return [owner for known, owner in found.items() if known in still]

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
