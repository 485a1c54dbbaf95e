"""Workers and masters as JSON, in the shapes of docs/rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from buildbot_lifecycle.core.ladder import check_eligible
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.verdicts import DIED, Verdict
from buildbot_lifecycle.host import connections
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.watch import instance


def live(known: Known, verdict: Verdict, masterid: int, now: float) -> dict[str, Any]:
    """A worker of this master, as of now."""
    facts = known.facts
    pending = facts.pending
    return {
        "workerid": known.workerid,
        "name": known.name,
        "masterid": masterid,
        "class": known.class_name,
        "state": facts.state.value,
        "state_since": facts.state_since,
        "connected": facts.connected,
        "building": [dict(build) for build in facts.building],
        "paused": facts.paused,
        "pause_reason": facts.pause_reason,
        "episode": facts.episode.id if facts.episode else None,
        "instance": instance.seen(facts, known.watched.worker),
        "pending": pending and {"call": pending.call, "since": pending.since, "where": []},
        "abandoned": [{"call": call.call, "since": call.since} for call in facts.abandoned],
        "refused": facts.refused,
        "held": len(known.watched.held),
        "refused_open": known.watched.refused_open,
        "orphans": len(facts.orphans),
        "verdict": verdict.as_json(),
        "quarantined_until": facts.quarantine_until,
        "last_sign": _last_sign(known),
        "forceable": _forceable(known, verdict, now),
        "live": True,
        "updated_at": now,
    }


def _last_sign(known: Known) -> float | None:
    """When the worker was last heard (epoch seconds); None if it never was."""
    said = (known.facts.sign, connections.last_message(known.watched.worker))
    return max((at for at in said if at is not None), default=None)


def _forceable(known: Known, verdict: Verdict, now: float) -> bool:
    try:
        check_eligible(known.facts, situation_of(known), verdict, override=False, now=now)
    except Refusal:
        return False
    return True


def stored(row: Mapping[str, Any], *, live: bool) -> dict[str, Any]:
    """A worker of another master, as its master last wrote it down."""
    worker = dict(row)
    if worker.get("pending"):
        worker["pending"] = {**worker["pending"], "where": []}
    if not live:
        # what it was when its master was last heard of is all that is known
        worker["connected"] = False
        if worker["state"] not in ("not_substantiated", "shut_down"):
            worker["verdict"] = DIED.as_json()
    # what was released and still runs is known in its master's memory alone
    worker["abandoned"] = None
    worker["quarantined_until"] = worker["last_sign"] = None
    worker["refused_open"] = None
    worker["live"] = live
    worker["forceable"] = False
    return worker


#: States in which an instance is up, or is coming up: a stop of the master has to stop it first.
UP = ("substantiated", "substantiating_starting")

Usual = Callable[[int], "float | None"]


def to_stop(workers: Iterable[tuple[int, str]], usual: Usual) -> dict[str, Any]:
    """What a stop has to stop first: how many instances, and how long the slowest of them usually takes.

    ``workers`` are workerids with their state; ``usual`` tells of a workerid the seconds of its stops.
    """
    up = [workerid for workerid, state in workers if state in UP]
    known = [seconds for seconds in map(usual, up) if seconds is not None]
    return {
        "instances_up": len(up),
        "usual_stop_s": max(known, default=None),
        "usual_unknown": len(up) - len(known),
    }


def stored_shutdown(
    rows: Sequence[Mapping[str, Any]],
    incarnations: Sequence[Mapping[str, Any]],
    alive: set[int],
    mine: int,
    usual: Usual,
) -> list[dict[str, Any]]:
    """What would keep the other masters from stopping, from what they last wrote down."""
    newest = {i["masterid"]: i for i in sorted(incarnations, key=lambda i: int(i["id"]))}
    answer = []
    for masterid, incarnation in newest.items():
        if masterid == mine:
            continue
        answer.append(
            {
                "masterid": masterid,
                "master": incarnation["master"],
                "live": masterid in alive,
                "stopping_since": None,
                **to_stop(
                    (
                        (r["workerid"], r["state"])
                        for r in rows
                        if r["masterid"] == masterid and masterid in alive
                    ),
                    usual,
                ),
                "blockers": [b for r in rows if r["masterid"] == masterid for b in _blocker(r)],
            }
        )
    return answer


def _blocker(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    pending = row.get("pending")
    if not pending:
        return []
    return [
        {
            "workerid": row["workerid"],
            "worker": row["name"],
            "what": pending["call"],
            "since": pending["since"],
            "releasable": row["verdict"]["threshold_s"] is not None,
            "release_in_s": None,
            "text": f"{pending['call']} has not ended",
        }
    ]


def health_off(version: str, reason: str) -> dict[str, Any]:
    """Health while nothing is recorded."""
    return {
        "status": "degraded",
        "version": version,
        "schema": None,
        "recording": False,
        "queued": 0,
        "queue_bound": 0,
        "dropped": 0,
        "written": 0,
        "errors": 0,
        "last_error": reason,
        "last_write_at": None,
        "oldest_unwritten_at": None,
        "incarnation": None,
        "masterid": None,
        "probe": f"off: {reason}",
        "reactor_blocked": None,
    }
