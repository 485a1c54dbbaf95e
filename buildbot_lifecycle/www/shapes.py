"""JSON schemas of what is answered as a whole: objects inside rows, and answers that have no rows.

A field that is named here is there; more may be there. What may be null says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def or_null(schema: Schema) -> Schema:
    """`schema`, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """Any number of them."""
    return {"type": "array", "items": schema}


def record(**fields: Schema) -> Schema:
    """An object that has all these fields."""
    named = {name.rstrip("_"): schema for name, schema in fields.items()}
    return {"type": "object", "properties": named, "required": list(named)}


def optional(schema: Schema, **fields: Schema) -> Schema:
    """`schema` with these fields, which need not be there."""
    return {**schema, "properties": {**schema["properties"], **fields}}


def row(*cells: Schema) -> Schema:
    """An array of exactly these."""
    return {
        "type": "array",
        "prefixItems": list(cells),
        "minItems": len(cells),
        "maxItems": len(cells),
    }


def words(*words: str) -> Schema:
    """One of these; more may come."""
    return {"type": "string", "x-extensible-enum": list(words)}


STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TRUE_OR_FALSE: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
TIME: Schema = {"type": "number", "description": "epoch seconds"}
SECONDS: Schema = {"type": "number", "description": "seconds"}

FRAME = record(file=STRING, line=WHOLE, function=STRING)
BUILD = record(
    buildid=or_null(WHOLE), builderid=or_null(WHOLE), builder=STRING, number=or_null(WHOLE)
)
#: One that goes on; since when is not known of those that were found at work.
BUILDING = optional(BUILD, since=TIME)
PENDING = record(call=STRING, since=TIME, where=many(FRAME))
ABANDONED = record(call=STRING, since=TIME)
VERDICT = record(
    level=words("ok", "slow", "stuck", "failed", "unknown"),
    code=STRING,
    reason=STRING,
    since=or_null(TIME),
    threshold_s=or_null(SECONDS),
)
PHASE = record(state=STRING, since=TIME, until=or_null(TIME))
FAILURE = record(call=STRING, error=STRING, traceback=or_null(STRING))
STEP = record(
    step=STRING, target=STRING, text=STRING, done=or_null(TRUE_OR_FALSE), detail=or_null(STRING)
)
CAUSE = words("release", "stop_failed", "late_start", "crash")

BLOCKER = record(
    workerid=WHOLE,
    worker=STRING,
    what=STRING,
    since=TIME,
    releasable=TRUE_OR_FALSE,
    release_in_s=or_null(SECONDS),
    text=STRING,
)
SHUTDOWN = record(
    masterid=WHOLE,
    master=STRING,
    live=TRUE_OR_FALSE,
    stopping_since=or_null(TIME),
    instances_up=WHOLE,
    usual_stop_s=or_null(SECONDS),
    usual_unknown=WHOLE,
    blockers=many(BLOCKER),
)
HEALTH = record(
    status=words("ok", "behind", "degraded"),
    version=STRING,
    schema=or_null(WHOLE),
    recording=TRUE_OR_FALSE,
    queued=COUNT,
    queue_bound=COUNT,
    dropped=COUNT,
    written=COUNT,
    errors=COUNT,
    last_error=or_null(STRING),
    last_write_at=or_null(TIME),
    oldest_unwritten_at=or_null(TIME),
    incarnation=or_null(WHOLE),
    masterid=or_null(WHOLE),
    probe=STRING,
    reactor_blocked=or_null(OBJECT),
)
DRY_RUN = record(
    eligible=TRUE_OR_FALSE,
    why_not=or_null(STRING),
    code=or_null(STRING),
    steps=many(STEP),
    warnings=many(STRING),
    episode=or_null(WHOLE),
    verdict=VERDICT,
    instance=or_null(STRING),
    build=or_null(BUILDING),
    builds=many(BUILDING),
    where=many(FRAME),
)

#: Of which worker or class statistics are: with ``by=class`` the worker is null.
_GROUP: Mapping[str, Schema] = {
    "workerid": or_null(WHOLE),
    "worker": or_null(STRING),
    "class_": STRING,
}
STATS = record(
    **_GROUP,
    phase=words("start", "connect", "up", "stop"),
    count=COUNT,
    p50=SECONDS,
    p95=SECONDS,
    p99=SECONDS,
    max=SECONDS,
    buckets=many(row(SECONDS, COUNT)),
    threshold_s=or_null(SECONDS),
)
OUTCOMES = record(
    **_GROUP,
    count=COUNT,
    ok=COUNT,
    failed=COUNT,
    released=COUNT,
    unknown=COUNT,
    success_rate=or_null(NUMBER),
)
STATS_META = record(since=TIME, until=TIME, total=COUNT, episodes=COUNT, truncated=TRUE_OR_FALSE)

RECENT = record(
    workerid=WHOLE,
    episodes=many(
        row(
            WHOLE,
            or_null(STRING),
            or_null(SECONDS),
            or_null(SECONDS),
            or_null(SECONDS),
            or_null(TIME),
        )
    ),
)

LANE = record(
    workerid=WHOLE,
    worker=STRING,
    masterid=WHOLE,
    episodes=many(
        record(
            id=WHOLE,
            outcome=or_null(STRING),
            phases=many(row(STRING, TIME, or_null(TIME))),
            builds=many(row(TIME, or_null(TIME), STRING, or_null(WHOLE), or_null(WHOLE))),
        )
    ),
)
MARK = record(
    at=TIME,
    kind=words(
        "force", "shutdown-release", "master_start", "master_stop", "master_died", "failure"
    ),
    workerid=or_null(WHOLE),
    masterid=WHOLE,
    text=STRING,
)
TIMELINE_META = record(since=TIME, until=TIME, truncated=TRUE_OR_FALSE, total=COUNT)

TOTAL = record(total=COUNT)
NEXT = record(next=or_null(STRING))
NEXT_AND_OPEN = record(next=or_null(STRING), open=COUNT)
SHUTDOWN_META = record(total=COUNT, now=TIME)
WORKERS_META = record(
    total=COUNT,
    now=TIME,
    behind=record(events=COUNT, since=or_null(TIME)),
    can_force=TRUE_OR_FALSE,
    details=TRUE_OR_FALSE,
    user=or_null(STRING),
)

ERROR = record(error=STRING, code=STRING)
