"""What can be read: the handlers of GET, in the order of `routes.ROUTES`."""

from __future__ import annotations

import msgspec
from msgspec import structs

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.shapes import history, masters, spans
from buildbot_lifecycle.www import details, listing, parameters, query
from buildbot_lifecycle.www.answers import Answer
from buildbot_lifecycle.www.call import Call
from buildbot_lifecycle.www.entities import HISTORY, INSTANCE, WORKER
from buildbot_lifecycle.www.hub import shielded, until_left


async def workers(call: Call) -> Answer:
    """Every latent worker of every master."""
    await call.rights.may_read()
    spec = query.collection(call.master.data, WORKER, call.args)
    wanted = (listing.glances(spec), listing.most(spec))
    roll = await until_left(call.service.roll, *wanted)
    rows, total = await listing.chosen(call.rights, spec, roll, call.master.reactor)
    meta = await call.workers_meta(total, roll.first)
    made = listing.body(rows, roll.at, {"meta": meta}, call.master.reactor)
    return Answer({}, made=made)


async def worker(call: Call, worker: str) -> Answer:
    """One worker, as a list of one."""
    row, rest = await call.readable_worker(worker)
    spec = query.single(call.master.data, WORKER, rest)
    meta = await call.workers_meta(1, [row.workerid])
    shown = await call.shown(summaries.worker, [row])
    return Answer({"meta": meta}, "workers", query.cut(shown, spec.fields))


async def worker_history(call: Call, worker: str, what: str) -> Answer:
    """A page of the transitions, events or episodes of one worker, of all masters that have it."""
    row, *_ = await call.readable_workers(worker)
    return await call.page(what, row.workerid)


async def all_history(call: Call, what: str) -> Answer:
    """A page of the transitions, episodes, actions or orphans of all workers."""
    await call.rights.may_read()
    return await call.page(what, None)


async def one(call: Call, what: str, number: str) -> Answer:
    """One episode, action or orphan, as a list of one."""
    row = await call.entry(what, number)
    await call.rights.may_read(row["workerid"])
    spec = query.single(call.master.data, HISTORY[what], call.args)
    shown = await call.shown(summaries.HISTORY[what], [row])
    return Answer({"meta": history.Next(next=None)}, what, query.cut(shown, spec.fields))


async def census(call: Call) -> Answer:
    """What really runs: what clouds list, joined with what the master knows."""
    await call.rights.may_read()
    spec = query.collection(call.master.data, INSTANCE, call.args)
    found = await shielded(call.service.instances)
    rows = await call.shown(summaries.instance, found.instances)
    places = await call.shown(summaries.place, found.places)
    rows, total = query.apply(spec, rows)
    meta = structs.replace(found.meta, total=total)
    return Answer({"places": places, "meta": meta}, "instances", rows)


async def shutdown(call: Call) -> Answer:
    """What keeps each master from stopping."""
    await call.rights.may_read()
    query.none(call.args)
    found = await shielded(call.service.shutdown_view)
    rows = await details.shutdown(call.rights, found, call.master.reactor)
    meta = masters.StopMeta(total=len(rows), now=call.service.meta().now)
    return Answer({"meta": meta}, "shutdown", rows)


async def stats(call: Call) -> Answer:
    """How long starts, connections, lives and stops took, and how they ended."""
    await call.rights.may_read()
    asked = parameters.stats(call.args)
    for workerid in asked.workerids:
        await call.rights.may_read(workerid)
    found = await until_left(call.service.stats, asked)
    fields = {"outcomes": found.outcomes, "meta": found.meta}
    return Answer(fields, "stats", found.stats, streamed=True)


async def recent(call: Call) -> Answer:
    """The last episodes of each worker, in short."""
    await call.rights.may_read()
    asked = parameters.recent(call.args)
    for workerid in asked.workerids:
        await call.rights.may_read(workerid)
    rows = await shielded(call.service.recent, asked)
    return Answer({"meta": spans.Total(total=len(rows))}, "recent", rows)


async def timeline(call: Call) -> Answer:
    """Episodes with their phases and builds in a span of time, by worker."""
    await call.rights.may_read()
    asked = parameters.timeline(call.args)
    for workerid in asked.workerids:
        await call.rights.may_read(workerid)
    found = await until_left(call.service.timeline, asked)
    marks = await details.timeline(call.rights, found.marks, call.master.reactor)
    fields = {"marks": marks, "meta": found.meta}
    return Answer(fields, "lanes", found.lanes, inner="episodes", streamed=True)


async def health(call: Call) -> Answer:
    """The state of the recorder and the probe."""
    await call.rights.may_read()
    query.none(call.args)
    found = call.service.health()
    may_see = await call.rights.may_see()
    return Answer({"health": found if may_see else summaries.health(msgspec.to_builtins(found))})


async def metrics(call: Call) -> Answer:
    """Metrics for Prometheus."""
    await call.rights.may_scrape(call.service.metrics_token)
    query.none(call.args)
    accept = call.request.requestHeaders.getRawHeaders(b"accept", [])
    asked = ",".join(value.decode("latin-1") for value in accept)
    body, content_type = await until_left(call.service.metrics, asked)
    return Answer({}, raw=body, content_type=content_type.encode("ascii"))


async def all_masters(call: Call) -> Answer:
    """Every master on the database: whether it lives, and how its clock goes."""
    await call.rights.may_read()
    query.none(call.args)
    rows = await shielded(call.service.masters)
    meta = masters.StopMeta(total=len(rows), now=call.service.meta().now)
    return Answer({"meta": meta}, "masters", rows)
