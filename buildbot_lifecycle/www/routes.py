"""Everything that is served: its address, what it takes and answers, and its handler.

The OpenAPI document is made of this list, and the documentation is held against it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.shapes import history, instances, masters, spans
from buildbot_lifecycle.shapes.ending import EndPlan
from buildbot_lifecycle.shapes.force import DryRun
from buildbot_lifecycle.shapes.workers import WorkersMeta
from buildbot_lifecycle.www import acts, export, openapi, parameters, query, reads, tables, wire
from buildbot_lifecycle.www.answers import Answer
from buildbot_lifecycle.www.call import Call
from buildbot_lifecycle.www.entities import INSTANCE, WORKER

#: Tables, and answers of statistics or timeline, that are made or sent at a time; each.
MOST_TABLES, MOST_LONG = 4, 16


async def description(call: Call) -> Answer:
    """This interface as an OpenAPI document."""
    await call.rights.may_read()
    query.none(call.args)
    return Answer(document())


_OF_ONE_WORKER = "transitions, events, episodes"
_OF_ALL = "transitions, episodes, actions, orphans"
_SINGLE = "episodes, actions, orphans"
_EXPORTED = "actions, orphans"

ROUTES = (
    openapi.Route(
        "GET",
        "/v1/workers",
        takes=openapi.Rows("collection", WORKER),
        answers=openapi.rows_of(WORKER, WorkersMeta),
        handler=reads.workers,
    ),
    openapi.Route(
        "GET",
        "/v1/workers/<worker>",
        takes=openapi.Rows("single", WORKER),
        answers=openapi.rows_of(WORKER, WorkersMeta),
        refuses=(300, *openapi.REFUSES),
        handler=reads.worker,
    ),
    openapi.Route(
        "GET",
        f"/v1/workers/<worker>/<any({_OF_ONE_WORKER}):what>",
        takes=openapi.Rows("history"),
        answers=openapi.rows_of(None, history.Next),
        handler=reads.worker_history,
    ),
    openapi.Route(
        "POST",
        "/v1/workers/<worker>/force-disconnect",
        body=wire.FORCE,
        answers={
            "oneOf": [
                openapi.record(
                    action=openapi.ref(history.Action),
                    instance=openapi.or_null(openapi.ref(instances.Instance)),
                ),
                openapi.record(dry_run=openapi.ref(DryRun)),
            ]
        },
        statuses=(200, 202),
        refuses=(300, 400, 401, 403, 404, 409, 412, 413, 415, 500, 503),
        handler=acts.force_disconnect,
    ),
    *(
        openapi.Route(
            "POST",
            f"/v1/workers/<worker>/{handler.__name__}",
            body=wire.PAUSE,
            answers=openapi.record(action=openapi.ref(history.Action)),
            statuses=(200, 202),
            refuses=(300, 400, 401, 403, 404, 409, 413, 415, 500, 503),
            handler=handler,
        )
        for handler in (acts.pause, acts.unpause)
    ),
    openapi.Route(
        "POST",
        "/v1/instances/<ident>/end",
        body=wire.END,
        answers=openapi.either(action=openapi.ref(history.Action), dry_run=openapi.ref(EndPlan)),
        statuses=(200, 202),
        refuses=(400, 401, 403, 404, 409, 413, 415, 500, 503),
        handler=acts.end_instance,
    ),
    openapi.Route(
        "GET",
        f"/v1/<any({_OF_ALL}):what>",
        takes=openapi.Rows("history"),
        answers=openapi.rows_of(None, history.Next, orphans=history.NextAndOpen),
        handler=reads.all_history,
    ),
    openapi.Route(
        "GET",
        f"/v1/<any({_EXPORTED}):what>.csv",
        takes=openapi.Rows("history", most=export.MAX_ROWS, default=export.MAX_ROWS),
        content_type="text/csv",
        answers={"type": "string"},
        handler=tables.table,
        bound=MOST_TABLES,
    ),
    openapi.Route(
        "GET",
        f"/v1/<any({_SINGLE}):what>/<number>",
        takes=openapi.Rows("single"),
        answers=openapi.rows_of(None, history.Next),
        handler=reads.one,
    ),
    openapi.Route(
        "POST",
        "/v1/orphans/<number>/resolve",
        body=wire.NOTE,
        answers=openapi.record(orphan=openapi.ref(history.Orphan)),
        refuses=(400, 401, 403, 404, 409, 413, 415, 500, 503),
        handler=acts.resolve_orphan,
    ),
    openapi.Route(
        "GET",
        "/v1/instances",
        takes=openapi.Rows("collection", INSTANCE),
        answers=openapi.rows_of(
            INSTANCE,
            instances.CensusMeta,
            {"places": openapi.many(openapi.ref(instances.Place))},
        ),
        handler=reads.census,
    ),
    openapi.Route(
        "POST",
        "/v1/instances/refresh",
        body=wire.NOTHING,
        answers=openapi.record(meta=openapi.ref(instances.CensusMeta)),
        statuses=(202,),
        refuses=(400, 401, 403, 413, 415, 500, 503),
        handler=acts.refresh_census,
    ),
    openapi.Route(
        "GET",
        "/v1/stats",
        takes=parameters.STATS,
        answers=openapi.ref(spans.Stats),
        handler=reads.stats,
        bound=MOST_LONG,
    ),
    openapi.Route(
        "GET",
        "/v1/recent",
        takes=parameters.RECENT,
        answers=openapi.record(
            recent=openapi.many(openapi.ref(spans.Recent)), meta=openapi.ref(spans.Total)
        ),
        handler=reads.recent,
    ),
    openapi.Route(
        "GET",
        "/v1/timeline",
        takes=parameters.TIMELINE,
        answers=openapi.ref(spans.Timeline),
        handler=reads.timeline,
        bound=MOST_LONG,
    ),
    openapi.Route(
        "GET",
        "/v1/shutdown",
        answers=openapi.record(
            shutdown=openapi.many(openapi.ref(masters.MasterStop)),
            meta=openapi.ref(masters.StopMeta),
        ),
        handler=reads.shutdown,
    ),
    openapi.Route(
        "GET",
        "/v1/masters",
        answers=openapi.record(
            masters=openapi.many(openapi.ref(masters.Master)),
            meta=openapi.ref(masters.StopMeta),
        ),
        handler=reads.all_masters,
    ),
    openapi.Route(
        "POST",
        "/v1/masters/<number>/dismiss",
        body=wire.DISMISS,
        answers=openapi.either(
            action=openapi.ref(history.Action), dry_run=openapi.ref(masters.Dismissed)
        ),
        refuses=(400, 401, 403, 404, 409, 413, 415, 500, 503),
        handler=acts.dismiss,
    ),
    openapi.Route(
        "GET",
        "/v1/health",
        answers=openapi.record(health=openapi.ref(masters.Health)),
        handler=reads.health,
    ),
    openapi.Route(
        "GET",
        "/v1/metrics",
        content_type="text/plain",
        answers={"type": "string"},
        handler=reads.metrics,
        bound=MOST_LONG,
    ),
    openapi.Route("GET", "/v1/openapi.json", answers={"type": "object"}, handler=description),
)


@functools.cache
def document() -> Mapping[str, Any]:
    """The OpenAPI document of `ROUTES`."""
    return openapi.document(ROUTES)
