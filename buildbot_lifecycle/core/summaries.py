"""What is told of a thing to those who may read it, and may not see its details.

Details are what drivers, databases and people wrote: it may hold a password that a driver put into its
exception, or the name of a user. A summary is made of words of ours, names that Buildbot shows itself,
numbers and times only. A text that is not known here is left out: what is new is hidden until somebody
has looked at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from buildbot_lifecycle.core.durations import in_words

#: Stands where a text is not shown.
HIDDEN = "(not shown)"

#: Stands for the name of a user.
SOMEBODY = "a user"

#: The begin of an error that names its class, by the ends that such names have.
_CLASS = re.compile(
    r"[A-Za-z_][A-Za-z0-9_.]{0,80}"
    r"(?:Error|Exception|Failure|Failed|Cancelled|Canceled|Timeout|Interrupt|Exit|Refused|Lost)"
    r"(?=:|$)"
)

#: Keys under which stand names that Buildbot's own pages show, or texts of ours.
PLAIN = frozenset(
    ("name", "master", "worker", "class", "builder", "instance", "pause_reason", "target")
)

#: Keys under which stands one of a few words of ours, and what such words are made of.
_WORDS = frozenset(
    {
        *("state", "from", "to", "kind", "level", "code", "call", "cause", "outcome", "what"),
        *("status", "step", "actor_kind", "closed_by_kind", "by_kind"),
    }
)
_WORD = re.compile(r"[a-z][a-z_-]{0,40}")

#: By the code of a verdict, what is waited for: the reason without a driver's words. "{ago}" is where it
#: is said how long ago something happened; elsewhere a time is how long something is waited for.
_WAITS: Mapping[str, str] = {
    "healthy": "nothing is waited for",
    "start_pending": "start_instance has not ended",
    "stop_pending": "stop_instance has not ended",
    "check_pending": "check_instance has not ended",
    "machine_pending": "a call of the latent machine has not ended",
    "call_pending": "a call of the driver has not ended",
    "substantiation_queued": "a build waits behind a call that has not ended",
    "state_overdue": "it stays in its state",
    "pending_before_us": "a call was pending already when recording began, and has not ended",
    "never_connected": "started, and the worker has not connected",
    "half_insubstantiated": "the stop broke off half way, and nothing of Buildbot's goes on with it",
    "duplicate_arbitration": "an older connection keeps the worker out",
    "frozen_attach": "connected, and silent before it was attached",
    "stale_connection": "not substantiated, and a connection is still held",
    "frozen_worker": "the worker is silent",
    "build_lost": "Buildbot has lost a build of this worker, which will never end",
    "build_forgotten": "a build waits for a start of the worker that Buildbot has forgotten",
    "unasked_instance": "an instance is up that no build asked for any more",
    "reconfig_frozen": "a reconfiguration removes this worker and waits for it",
    "rejected_loop": "the worker came back after it was stopped and was refused",
    "crash_open": "the master died{ago} while an instance was up; it may still run",
    "unreadable": "what is stored of this worker cannot be read",
    "master_died": "the master's process ended without stopping its workers",
    "recording_ended": "recording ended while the worker was active",
    "stop_failed": "the stop failed{ago}: the instance may still run",
    "start_failed": "the last start failed{ago}",
    "start_failed_loop": "the last starts failed, the latest{ago}",
    "worker_left": "the worker left{ago}; its instance may still run",
    "shut_down_gracefully": "asked to shut down gracefully{ago}: Buildbot starts no build on it any more",
    "not_over": "it is not over: what is left of it is listed",
    "quarantined": "in quarantine: Buildbot starts no build on it{still}",
}

_CAUSES: Mapping[str, str] = {
    "release": "a call was released",
    "stop_failed": "the stop failed",
    "late_start": "a start that was given up succeeded after all",
    "nobodys": "the cloud has it, and nobody owns it",
    "crash": "the master's process ended",
}

_BLOCKERS: Mapping[str, str] = {
    "refused_connection": "a refused connection is held",
    "build": "a build is waited for",
    "build_lost": "a build that Buildbot has lost will never end",
    "connection": "a connection may never end",
    "state": "the worker's state is waited for",
}

Row = Mapping[str, Any]


def error(text: str) -> str:
    """The class of an error ("RuntimeError"), where its text begins with one."""
    found = _CLASS.match(text)
    return found[0] if found else HIDDEN


def reason(verdict: Row, now: float | None, until: float | None = None) -> str:
    """The reason of a verdict, made anew from its code and numbers; ``now`` None: without an age.

    ``until`` is when the worker's quarantine ends, if it is in one.
    """
    code = str(verdict["code"])
    text = _WAITS.get(code, code.replace("_", " "))
    since, limit = verdict.get("since"), verdict.get("threshold_s")
    age = "" if since is None or now is None else in_words(max(0.0, now - since))
    still = (
        " for a while"
        if until is None or now is None
        else f" for {in_words(max(0.0, until - now))}"
    )
    if "{" in text:
        text = text.format(ago=age and f" {age} ago", still=still)
    elif age:
        text += f" for {age}"
    if limit is not None and since is not None:
        text += f"; its limit is {in_words(limit)}"
    if until is not None and code.startswith("start_failed"):
        text += f"; {_WAITS['quarantined'].format(still=still)}"
    return text


def scrubbed(value: Any, plain: frozenset[str] = PLAIN, key: str = "") -> Any:
    """`value` with numbers as they are, with texts under `plain` keys, and with words of ours."""
    if isinstance(value, Mapping):
        return {name: scrubbed(of, plain, name) for name, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [] if key == "where" else [scrubbed(each, plain, key) for each in value]
    if not isinstance(value, str) or key in plain:
        return value
    return value if key in _WORDS and plain and _WORD.fullmatch(value) else HIDDEN


def _verdict(verdict: Any, now: float | None, until: float | None = None) -> Any:
    if not verdict:
        return verdict
    return {**scrubbed(verdict), "reason": reason(verdict, now, until)}


def worker(row: Row) -> Row:
    """A worker. One of which there is nothing to hide comes back itself."""
    pending, verdict = row["pending"], row["verdict"]
    if verdict["code"] == "healthy" and not ((pending and pending["where"]) or row.get("to_do")):
        return row
    until = row.get("quarantined_until")
    found = {**scrubbed(row), "verdict": _verdict(verdict, row["updated_at"], until)}
    if row.get("to_do"):
        found["to_do"] = _to_do(row["to_do"])
        if verdict["code"] == "not_over":
            found["verdict"]["reason"] = _what_is_left(row["to_do"], row["updated_at"])
    return found


def _to_do(left: Row) -> Row:
    """What is left to do: no name of a user, and no address of a cloud's console."""
    told: dict[str, Any] = scrubbed(left)
    by = left["released"]
    if by:
        told["released"]["by"] = _name(by["by"], by["by_kind"])
    for each in told["instances"]:
        each["link"] = None
    return told


def _what_is_left(left: Row, now: float) -> str:
    """The reason of a verdict on what is not over, of words of ours and names that Buildbot shows."""
    by, parts = left["released"], []
    if by:
        ago = in_words(max(0.0, now - by["at"]))
        parts.append(f"force disconnect by {_name(by['by'], by['by_kind'])} {ago} ago")
    parts += [f"its {scrubbed(call)['call']} still runs" for call in left["calls"]]
    for each in left["instances"]:
        parts.append(f"{each['name'] or 'its instance'} may still run")
    if left["pause"]:
        parts.append("paused")
    return "; ".join(parts)


def event(row: Row) -> Row:
    """An event of any kind."""
    data, kind = row["data"], row["kind"]
    plain = PLAIN
    if kind == "step":
        plain = frozenset()  # the driver's own words, whatever their keys are
    elif kind in ("paused", "call_ended"):
        plain = PLAIN | {"reason" if kind == "paused" else "by"}
    elif kind == "orphan_closed" and data.get("by_kind", "user") != "user":
        plain = PLAIN | {"by"}
    found = scrubbed(data, plain)
    if kind == "action":
        found["actor"] = _name(data.get("actor"), data.get("actor_kind"))
        found["outcome"] = data.get("outcome") and HIDDEN
    if data.get("error"):
        found["error"] = error(str(data["error"]))
    if "traceback" in data:
        found["traceback"] = None
    return {**row, "data": found}


def episode(row: Row) -> Row:
    """An episode."""
    failure = row["failure"]
    if failure is None:
        return row
    known = {"error": error(str(failure["error"])), "traceback": None}
    return {**scrubbed(row), "failure": {**scrubbed(failure), **known}}


def action(row: Row) -> Row:
    """An action."""
    ours = row["status"] in ("asked", "done")
    return {
        **scrubbed(row),
        "actor": _name(row["actor"], row["actor_kind"]),
        "reason": HIDDEN,
        "steps": [{**scrubbed(step), "text": step.get("text", "")} for step in row["steps"]],
        "outcome": row["outcome"] if ours or row["outcome"] is None else HIDDEN,
        "verdict": _verdict(row["verdict"], None),
    }


def orphan(row: Row) -> Row:
    """An orphan."""
    return {
        **scrubbed(row),
        "why": _CAUSES.get(row["cause"], HIDDEN),
        "closed_by": row["closed_by"] and _name(row["closed_by"], row["closed_by_kind"]),
        "note": row["note"] and HIDDEN,
        # its text is the cloud's; the other words are ours
        "proof": row["proof"] and {**row["proof"], "text": None},
    }


def instance(row: Row) -> Row:
    """An instance of the census: where it is, and its address, are left out."""
    return {**row, "place": HIDDEN, "link": None}


def place(row: Row) -> Row:
    """A place of instances."""
    error = row["error"]
    return {**row, "place": HIDDEN, "error": error and {**error, "text": HIDDEN}}


def _name(name: Any, kind: Any) -> Any:
    return SOMEBODY if kind in (None, "user") else name


def blocker(row: Row) -> Row:
    """What keeps a master from stopping."""
    what = str(row["what"])
    return {**scrubbed(row), "text": _BLOCKERS.get(what, f"{what} has not ended")}


def health(row: Row) -> Row:
    """How the recording goes."""
    last, probe, blocked = row["last_error"], row["probe"], row["reactor_blocked"]
    threads = row["threads"]
    return {
        **row,
        "last_error": last and error(last),
        "probe": probe if probe == "on" else f"off: {HIDDEN}",
        "reactor_blocked": blocked and {**blocked, "where": []},
        "threads": threads
        and {**threads, "calls": [{**call, "where": []} for call in threads["calls"]]},
    }


def _same(row: Row) -> Row:
    return row


#: How a row of history is summarised, by its plural.
HISTORY: Mapping[str, Callable[[Row], Row]] = {
    "transitions": _same,
    "events": event,
    "episodes": episode,
    "actions": action,
    "orphans": orphan,
}

#: Fields that are hidden and could be found out by filters on them.
ASKED_FOR: Mapping[str, frozenset[str]] = {"actions": frozenset({"actor"})}
