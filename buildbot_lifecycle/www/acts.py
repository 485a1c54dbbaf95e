"""What can be asked for: the handlers of POST. Each says who may, before it says what is there."""

from __future__ import annotations

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.www import guard, query, wire
from buildbot_lifecycle.www.answers import Answer
from buildbot_lifecycle.www.call import Call
from buildbot_lifecycle.www.hub import shielded
from buildbot_lifecycle.www.statuses import ACCEPTED, OK


async def refresh_census(call: Call) -> Answer:
    """Ask all clouds what they have; one census at a time."""
    await call.rights.may_read()
    query.none(call.args)
    wire.nothing(guard.json_body(call.request))
    return Answer({"meta": call.service.refresh_instances()}, status=ACCEPTED)


async def force_disconnect(call: Call, worker: str) -> Answer:
    """Force a disconnect, or plan one."""
    call.rights.may_be_anonymous()
    row, rest = await call.readable_worker(worker)
    await call.rights.may_force(row.workerid)
    query.none(rest)
    asked = wire.force_request(guard.json_body(call.request))
    if asked.override:
        await call.rights.may_override(row.workerid)
    which = (row.workerid, row.masterid)
    answer = await shielded(call.service.force, *which, asked, call.rights.actor)
    if answer.dry_run is not None:
        return Answer({"dry_run": answer.dry_run})
    fields = {"action": answer.action, "instance": answer.instance}
    return Answer(fields, status=OK if answer.is_over else ACCEPTED)


async def pause(call: Call, worker: str) -> Answer:
    """Pause a worker by Buildbot's own pause, with a reason that is kept."""
    return await _pause(call, worker, pause=True)


async def unpause(call: Call, worker: str) -> Answer:
    """End the pause of a worker, and its quarantine."""
    return await _pause(call, worker, pause=False)


async def _pause(call: Call, worker: str, *, pause: bool) -> Answer:
    call.rights.may_be_anonymous()
    row, rest = await call.readable_worker(worker)
    await call.rights.may_pause(row.workerid, pause=pause)
    query.none(rest)
    asked = wire.pause_request(guard.json_body(call.request), pause=pause)
    which = (row.workerid, row.masterid)
    answer = await shielded(call.service.pause, *which, asked, call.rights.actor)
    return Answer({"action": answer.action}, status=OK if answer.is_over else ACCEPTED)


async def end_instance(call: Call, ident: str) -> Answer:
    """End an instance, or plan it."""
    call.rights.may_be_anonymous()
    # before another master is asked for it
    await call.rights.may_read()
    found = await shielded(call.service.instance, ident, call.rights.actor)
    await call.rights.may_read(found.instance.workerid)
    await call.rights.may_end(found.instance.workerid)
    query.none(call.args)
    asked = wire.end_request(guard.json_body(call.request))
    answer = await shielded(call.service.end_instance, found, asked, call.rights.actor)
    if answer.dry_run is not None:
        return Answer({"dry_run": answer.dry_run})
    return Answer({"action": answer.action}, status=OK if answer.is_over else ACCEPTED)


async def resolve_orphan(call: Call, number: str) -> Answer:
    """Close an orphan with a note."""
    call.rights.may_be_anonymous()
    row = await call.entry("orphans", number)
    await call.rights.may_read(row["workerid"])
    await call.rights.may_resolve(row["workerid"])
    query.none(call.args)
    note = wire.note(guard.json_body(call.request))
    orphan = await shielded(call.service.resolve_orphan, row["id"], note, call.rights.actor)
    return Answer({"orphan": orphan})


async def dismiss(call: Call, number: str) -> Answer:
    """Dismiss a master that will never come back, or say what that would do."""
    call.rights.may_be_anonymous()
    await call.rights.may_read()
    masterid = wire.identifier(number)
    if masterid is None:
        raise Refusal("no_such_master", f"there is no master {wire.shown(number)}")
    await call.rights.may_dismiss(masterid)
    query.none(call.args)
    reason, dry_run = wire.dismissal(guard.json_body(call.request))
    actor = call.rights.actor
    answer = await shielded(call.service.dismiss, masterid, reason, dry_run, actor)
    if answer.dry_run is not None:
        return Answer({"dry_run": answer.dry_run})
    return Answer({"action": answer.action})
