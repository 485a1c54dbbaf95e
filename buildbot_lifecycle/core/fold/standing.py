"""A worker's standing: paused, in quarantine, configured, leaving; and what it may have left running."""

from __future__ import annotations

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts, Orphan, Release
from buildbot_lifecycle.core.fold.steps import Step, changed
from buildbot_lifecycle.core.requests import RELEASES
from buildbot_lifecycle.core.states import STARTING
from buildbot_lifecycle.core.values import replace


def _on_leaving(facts: Facts, event: Event) -> Step:
    """Its service stops. With the whole master that is told elsewhere; else a reconfig waits for it."""
    since = None if event.data.get("with_master") else event.at
    facts = replace(facts, leaving=since, ending=True)
    # a start under way is called off with it, on purpose
    return changed(facts, cancelled=True) if facts.state in STARTING else Step(facts)


def _on_orphan_opened(facts: Facts, event: Event) -> Step:
    new = {}
    for data in (*(event.data.get("more") or ()), event.data):
        number = int(data.get("orphan", 0))
        new[number] = Orphan(
            number,
            data.get("since", event.at),
            data.get("cause", ""),
            data.get("instance"),
            bool(data.get("earlier")),
        )
    others = tuple(o for o in facts.orphans if o.id not in new)
    return Step(replace(facts, orphans=(*others, *new.values())))


def _on_orphan_closed(facts: Facts, event: Event) -> Step:
    rest = tuple(o for o in facts.orphans if o.id != event.data.get("orphan"))
    facts = replace(facts, orphans=rest)
    failed = facts.last_failure
    if failed is not None and failed.call == "stop_instance" and not rest:
        # what was left running is gone: nothing is failed any more
        facts = replace(facts, last_failure=None, last_failure_at=None)
    return Step(facts)


def _on_place(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, place=event.data.get("place")))


def _on_paused(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, paused=True, pause_reason=event.data.get("reason")))


def _on_unpaused(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, paused=False, pause_reason=None))


def _on_action(facts: Facts, event: Event) -> Step:
    """A release was asked for, or has an outcome; one that was refused was none."""
    data, known = event.data, facts.release
    if data.get("what") not in RELEASES:
        return Step(facts)
    number, status = int(data.get("action", 0)), str(data.get("status", ""))
    is_same = known is not None and known.action == number
    if status == "refused":
        return Step(replace(facts, release=None) if is_same else facts)
    if known is not None and is_same:
        return Step(replace(facts, release=replace(known, status=status)))
    if known is not None and known.action > number:
        return Step(facts)  # the outcome of an earlier one comes late
    by, kind = str(data.get("actor", "")), str(data.get("actor_kind", ""))
    return Step(
        replace(facts, release=Release(number, by, kind, data.get("since", event.at), status))
    )


def _on_graceful(facts: Facts, event: Event) -> Step:
    since = event.at if facts.graceful is None else facts.graceful
    return Step(replace(facts, graceful=since))


def _on_quarantine_entered(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, quarantine_until=event.data.get("until")))


def _on_quarantine_left(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, quarantine_until=None))


def _on_configured(facts: Facts, event: Event) -> Step:
    """The worker was configured, or configured anew, without becoming another one."""
    data = event.data
    return Step(
        replace(
            facts,
            may_connect=bool(data.get("may_connect")),
            build_wait_timeout=data.get("build_wait_timeout"),
            missing_timeout=data.get("missing_timeout"),
            gives_up_at=data.get("gives_up_at"),
        )
    )


def _on_clock(facts: Facts, event: Event) -> Step:
    """Buildbot's own timers follow the wall clock, and go on while the process is stopped."""
    return Step(
        replace(
            facts,
            gives_up_at=event.data.get("gives_up_at"),
            quarantine_until=event.data.get("quarantine_until"),
        )
    )


HANDLERS = {
    Kind.ACTION: _on_action,
    Kind.CLOCK: _on_clock,
    Kind.LEAVING: _on_leaving,
    Kind.ORPHAN_OPENED: _on_orphan_opened,
    Kind.ORPHAN_CLOSED: _on_orphan_closed,
    Kind.PLACE: _on_place,
    Kind.GRACEFUL: _on_graceful,
    Kind.QUARANTINE_ENTERED: _on_quarantine_entered,
    Kind.QUARANTINE_LEFT: _on_quarantine_left,
    Kind.CONFIGURED: _on_configured,
    Kind.PAUSED: _on_paused,
    Kind.UNPAUSED: _on_unpaused,
}
