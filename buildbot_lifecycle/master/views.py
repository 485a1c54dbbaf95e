"""Workers and masters as they are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from buildbot_lifecycle.core.facts import Orphan
from buildbot_lifecycle.core.ladder import check_eligible
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.states import RESTING
from buildbot_lifecycle.core.to_do import to_do
from buildbot_lifecycle.core.verdicts import verdict as verdicts
from buildbot_lifecycle.host.clock import Steadily
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.shapes import to_do as shapes
from buildbot_lifecycle.shapes.masters import Blocker, Health, MasterStop
from buildbot_lifecycle.shapes.parts import Call, Pending, Verdict, buildings
from buildbot_lifecycle.shapes.workers import Worker
from buildbot_lifecycle.watch import instance

#: Where an instance of this name stands in its cloud's console, and whether its driver can end it.
Means = Callable[[Known, str], "tuple[str | None, bool]"]


def no_means(_known: Known, _name: str) -> tuple[str | None, bool]:
    """The same where no cloud is known."""
    return None, False


def live(
    known: Known,
    verdict: verdicts.Verdict,
    masterid: int,
    master: str,
    clock: Steadily,
    means: Means = no_means,
) -> Worker:
    """A worker of this master, as of now (steady)."""
    now = clock.seconds()
    facts = known.facts
    pending = facts.pending
    return Worker(
        workerid=known.workerid,
        name=known.name,
        masterid=masterid,
        master=master,
        class_=known.class_name,
        state=facts.state.value,
        state_since=facts.state_since,
        connected=facts.connected,
        building=buildings(facts.building),
        paused=facts.paused,
        pause_reason=facts.pause_reason,
        episode=facts.episode.id if facts.episode else None,
        instance=instance.seen(facts, known.watched.worker),
        pending=None if pending is None else Pending(call=pending.call, since=pending.since),
        abandoned=tuple(Call.of(call) for call in facts.abandoned),
        refused=facts.refused,
        held=len(known.watched.held),
        refused_open=known.watched.refused_open,
        orphans=len(facts.orphans),
        verdict=Verdict.of(verdict),
        to_do=_to_do(known, means),
        quarantined_until=facts.quarantine_until,
        last_sign=_last_sign(known, clock),
        forceable=_forceable(known, verdict, now),
        live=True,
        updated_at=now,
    )


def _to_do(known: Known, means: Means) -> shapes.ToDo | None:
    """What is left to do; None where nothing is, as of most workers."""
    left = to_do(known.facts)
    if not left:
        return None
    pause = left.pause
    return shapes.ToDo(
        released=shapes.released(left),
        instances=tuple(_left(known, orphan, means) for orphan in left.instances),
        pause=None if pause is None else shapes.LeftPause(action=pause.action, orphan=pause.entry),
        calls=tuple(Call.of(call) for call in left.calls),
    )


def _left(known: Known, orphan: Orphan, means: Means) -> shapes.LeftInstance:
    link, endable = (None, False) if orphan.instance is None else means(known, orphan.instance)
    return shapes.LeftInstance(
        orphan=orphan.id,
        name=orphan.instance,
        cause=orphan.cause,
        since=orphan.since,
        link=link,
        endable=endable,
    )


def _last_sign(known: Known, clock: Steadily) -> float | None:
    """When the worker was last heard (steady); None if it never was."""
    said = (known.facts.sign, known.watched.last_message(clock))
    return max((at for at in said if at is not None), default=None)


def _forceable(known: Known, verdict: verdicts.Verdict, now: float) -> bool:
    if verdict.level != "stuck":
        return False  # as most are: no sentence is made to be thrown away
    try:
        check_eligible(known.facts, situation_of(known), verdict, override=False, now=now)
    except Refusal:
        return False
    return True


def stored(worker: Worker, *, master: str, live: bool) -> Worker:
    """A worker of another master, as its master last wrote it down."""
    if live:
        return replace(worker, master=master, live=True)
    # what it was when its master was last heard of is all that is known
    at_rest = worker.state in _RESTING
    verdict = worker.verdict if at_rest else Verdict.of(verdicts.DIED)
    return replace(worker, master=master, connected=False, verdict=verdict)


_RESTING = {state.value for state in RESTING}

#: States in which an instance is up, or is coming up: a stop of the master has to stop it first.
UP = ("substantiated", "substantiating_starting")

#: The seconds of a worker's stops, by its workerid and masterid.
Usual = Callable[[int, int], "float | None"]


def to_stop(
    workers: Iterable[tuple[int, str]], masterid: int, usual: Usual
) -> tuple[int, float | None, int]:
    """What a stop has to stop first.

    How many instances, how long the slowest of them usually takes, and of how many that is not known.
    ``workers`` are the workerids of one master with their state.
    """
    up = [workerid for workerid, state in workers if state in UP]
    asked = [usual(workerid, masterid) for workerid in up]
    known = [seconds for seconds in asked if seconds is not None]
    return len(up), max(known, default=None), len(up) - len(known)


def stored_shutdown(
    workers: Sequence[Worker],
    incarnations: Sequence[Mapping[str, Any]],
    alive: set[int],
    mine: int,
    usual: Usual,
) -> list[MasterStop]:
    """What would keep the other masters from stopping, from what they last wrote down."""
    newest = {i["masterid"]: i for i in sorted(incarnations, key=lambda i: int(i["id"]))}
    answer = []
    for masterid, incarnation in newest.items():
        if masterid == mine or incarnation["ended_how"] == "dismissed":
            continue
        own = [worker for worker in workers if worker.masterid == masterid]
        running = own if masterid in alive else []
        up, slowest, unknown = to_stop(((w.workerid, w.state) for w in running), masterid, usual)
        answer.append(
            MasterStop(
                masterid=masterid,
                master=incarnation["master"],
                live=masterid in alive,
                stopping_since=None,
                instances_up=up,
                usual_stop_s=slowest,
                usual_unknown=unknown,
                limit_s=None,
                ends_by=None,
                waits=(),
                blockers=tuple(_blocker(w, w.pending) for w in own if w.pending is not None),
            )
        )
    return answer


def _blocker(worker: Worker, pending: Pending) -> Blocker:
    return Blocker(
        workerid=worker.workerid,
        worker=worker.name,
        what=pending.call,
        since=pending.since,
        releasable=worker.verdict.threshold_s is not None,
        release_in_s=None,
        text=f"{pending.call} has not ended",
    )


def health_off(version: str, reason: str) -> Health:
    """Health while nothing is recorded."""
    return Health(
        status="degraded",
        behind_since=None,
        version=version,
        schema=None,
        recording=False,
        queued=0,
        queue_bound=0,
        dropped=0,
        written=0,
        errors=0,
        last_error=reason,
        last_write_at=None,
        oldest_unwritten_at=None,
        incarnation=None,
        masterid=None,
        probe=f"off: {reason}",
        reactor_blocked=None,
        threads=None,
        clock=None,
        clocks_differ_s=None,
        retention_waits=None,
        clouds=None,
    )
