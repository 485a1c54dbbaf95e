"""What is decided on, looked up on the live worker object at one moment."""

from __future__ import annotations

from buildbot_lifecycle.core.case import Case
from buildbot_lifecycle.core.ladder import Situation
from buildbot_lifecycle.host import builds, connections, workers
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch.probe import PROBE


def case_of(logbook: Logbook, known: Known) -> Case:
    """A worker as it is now: to be read again after every wait."""
    return Case(known.facts, situation_of(known), logbook.verdict_now(known), logbook.now)


def situation_of(known: Known) -> Situation:
    """What a plan depends on beside the facts."""
    worker = known.watched.worker
    locked = workers.lock_is_held(worker) and not known.watched.waiting()
    return Situation(
        connected=worker.conn is not None,
        held=len(known.watched.held),
        half=workers.is_half_insubstantiated(worker),
        logins=len(known.watched.logins),
        old_connection=known.facts.duplicate_first is not None
        and connections.held_connection(worker) is not None,
        found_pending=known.facts.found_locked and locked,
        forgotten=workers.is_forgotten(worker),
        lost=sum(builds.is_building(build) for build in known.watched.lost_builds),
        half_machine=PROBE.half_machine(known.watched) is not None,
        closed=worker.conn is not None and connections.is_known_closed(worker.conn),
        locked=locked,
    )
