"""What `doctor` finds: the rules, as plain values. Who asks is in `remote` and `directory`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from buildbot_lifecycle import __version__
from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.shell.trouble import Status, Trouble

#: How a finding is: its word, and the level whose colour it has on a terminal.
OK, UNKNOWN, WARNING, BROKEN = "ok", "not known", "warning", "broken"
LEVELS = {OK: "ok", UNKNOWN: "unknown", WARNING: "slow", BROKEN: "failed"}

#: From the oldest to the newest that was run with this version: major and minor.
RUN: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "Buildbot": ((4, 1), (4, 3)),
    "Twisted": ((22, 10), (26, 10)),
    "SQLAlchemy": ((1, 4), (2, 1)),
}

#: Clocks that differ by more are told (seconds), as on the page.
CLOCKS = 5.0

_MB = 1 << 20


class Finding(NamedTuple):
    """One thing that was looked at, with what to do about it, or what it is for."""

    level: str
    what: str
    text: str
    help: str
    #: what the process ends with, if nothing is worse; a greater one is
    status: int = Status.OK


def finding(level: str, what: str, text: str, advice: str) -> Finding:
    """With the status of its level."""
    status = {OK: Status.OK, BROKEN: Status.FAILED}.get(level, Status.FOUND)
    return Finding(level, what, text, advice, status)


def of_trouble(what: str, trouble: Trouble) -> Finding:
    """It could not be asked for."""
    advice = trouble.advice or "`buildbot-lifecycle --help` says how Buildbot is reached"
    return Finding(BROKEN, what, trouble.message, advice, trouble.status)


def worst(found: Sequence[Finding]) -> int:
    """The exit status."""
    return max((each.status for each in found), default=int(Status.OK))


# of a running master


def of_health(health: Mapping[str, Any], now: float) -> Iterator[Finding]:
    """The plugin, its service, and whether it is behind; `now` by the master's clock."""
    theirs = health["version"]
    if theirs == __version__:
        text, advice = f"version {theirs} on both sides", "Keep the command at the plugin's version"
        yield finding(OK, "plugin", text, advice)
    else:
        text = f"the plugin is {theirs}, this command {__version__}"
        advice = f"pip install buildbot-lifecycle=={theirs} here, or update the master"
        yield finding(WARNING, "plugin", text, advice)
    if health["probe"] != "on":
        text = f"nothing is recorded: the probe is {health['probe']}"
        yield finding(
            BROKEN, "service", text, "The master's log says which name it misses, and why"
        )
    elif not health["recording"]:
        advice = "Is util.LifecycleService() among c['services']? The master's log says more"
        yield finding(BROKEN, "service", "it is there, and records nothing", advice)
    else:
        text = f"records, {health['written']} events since the start"
        yield finding(OK, "service", text, "`buildbot-lifecycle workers` shows what it sees")
    yield from _of_writing(health, now)


def _of_writing(health: Mapping[str, Any], now: float) -> Iterator[Finding]:
    if health["status"] == "behind":
        since = health["behind_since"]
        span = f" for {in_words(max(0.0, now - since))}" if since is not None else ""
        text = f"the database takes nothing{span}; {health['queued']} events wait"
        advice = "Is the database up, and is its disk full? Nothing is lost while the master runs"
        yield finding(BROKEN, "behind", text, advice)
    elif health["status"] != "ok":
        text = f"it is {health['status']}; {health['dropped']} events were lost"
        advice = "Are the reactor's threads taken by drivers? GET /health names their calls"
        yield finding(BROKEN, "behind", text, advice)
    else:
        text = f"no: {health['queued']} events wait to be written"
        yield finding(OK, "behind", text, "Alert where status of GET /health is not ok")
    if health["errors"]:
        text = f"{health['errors']} since the start; the last: {health['last_error']}"
        yield finding(WARNING, "errors", text, "The master's log has each with its traceback")


def of_rights(meta: Mapping[str, Any], is_named: bool) -> Finding:
    """What this caller may do; `is_named`: it has said who it is."""
    user = meta["user"]
    if user is None and is_named:
        advice = "The session has ended, or a proxy takes it out: `buildbot-lifecycle login`"
        return finding(WARNING, "rights", "Buildbot does not know who we are", advice)
    who = "anonymous" if user is None else str(user)
    advice = "Rules of Buildbot's authz say who may: the page Security of the docs"
    if meta["can_force"]:
        # REST says it as soon as there is one such worker; who may force it, sees its details.
        text = f"{who} may force a disconnect and sees details, at least of some workers"
    else:
        sees = "sees details" if meta["details"] else "sees summaries only"
        text = f"{who} may not force a disconnect, {sees}"
    return finding(OK, "rights", text, advice)


def of_clock(theirs: float, before: float, after: float, others: float | None) -> Iterator[Finding]:
    """The clocks: theirs was read between `before` and `after` of ours; `others`: of other masters."""
    differs = theirs - after if theirs > after else theirs - before if theirs < before else 0.0
    exact = f" (within {max(0.1, after - before):.1f} s)"
    advice = "Let both machines take their time from NTP: ages are counted by the master's clock"
    if abs(differs) > CLOCKS:
        side = "ahead of" if differs > 0 else "behind"
        text = f"the master's clock is {in_words(abs(differs))} {side} this machine's{exact}"
        yield finding(WARNING, "clock", text, advice)
    else:
        yield finding(OK, "clock", f"the master's clock agrees with this machine's{exact}", advice)
    if others is not None and others > CLOCKS:
        text = f"the clocks of masters differ by {in_words(others)}"
        yield finding(WARNING, "clocks", text, "`GET /masters` says which one; let NTP set it")


def of_upgrade(status: int | None, why: str) -> Finding:
    """The answer to the request for a websocket; None: there was none."""
    if status == _SWITCHED and not why:
        advice = "The page is told of changes within a second"
        return finding(OK, "websocket", "it opens (HTTP 101)", advice)
    if status in (401, 403):
        advice = (
            "A rule of authz on `listen`, or the proxy, shuts it to this caller; the page polls"
        )
        return finding(WARNING, "websocket", f"it is refused (HTTP {status})", advice)
    if status is None:
        advice = "The page polls every 5 s where it cannot open it"
        return finding(UNKNOWN, "websocket", why, advice)
    advice = (
        "The proxy has to pass Upgrade and Connection on for /ws, as Buildbot's manual has it for nginx"
        " and Apache; until then the page polls every 5 s"
    )
    return finding(WARNING, "websocket", why or f"it does not open (HTTP {status})", advice)


_SWITCHED = 101


# of versions, on both sides


def of_versions(versions: Mapping[str, str]) -> Iterator[Finding]:
    """Whether these were run with this version of the plugin."""
    for name, (oldest, newest) in RUN.items():
        if name not in versions:
            continue
        given = versions[name]
        found = re.match(r"(\d+)\.(\d+)", given)
        span = f"{_dotted(oldest)} to {_dotted(newest)}"
        if found is None:
            text, level = f"{given!r} is no number", UNKNOWN
        elif not oldest <= (int(found[1]), int(found[2])) <= newest:
            text, level = f"{given} was not run with this plugin", WARNING
        else:
            text, level = given, OK
        yield finding(
            level, name, text, f"This version was run with {span}: the page Install of the docs"
        )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


# of a directory


def of_names(lost: Sequence[str]) -> Finding:
    """The private names of Buildbot and Twisted without which the plugin stays out of the way."""
    if not lost:
        advice = "Look again after each update of Buildbot or Twisted"
        return finding(OK, "names", "this Buildbot has all that the plugin needs", advice)
    text = f"this Buildbot lacks {', '.join(lost)}"
    advice = "Nothing would be recorded: install a Buildbot that was run, or a newer plugin"
    return finding(BROKEN, "names", text, advice)


def of_configuration(has_service: bool, has_page: bool) -> Iterator[Finding]:
    """Whether master.cfg has both halves of the plugin."""
    if has_service:
        advice = "Its arguments are on the page Configuration of the docs"
        yield finding(OK, "service", "util.LifecycleService is among c['services']", advice)
    else:
        line = "c.setdefault('services', []).append(util.LifecycleService())"
        advice = f"{line}: without it nothing is recorded"
        yield finding(BROKEN, "service", "util.LifecycleService is not among c['services']", advice)
    if has_page:
        advice = "It is at #/lifecycle below Buildbot's address"
        yield finding(OK, "page", "c['www']['plugins'] has 'lifecycle'", advice)
    else:
        line = "c['www'].setdefault('plugins', {})['lifecycle'] = {}"
        advice = f"{line}; without it, neither page nor REST is there"
        yield finding(WARNING, "page", "c['www']['plugins'] has no 'lifecycle'", advice)


def of_tables(found: int | None, known: int, why: str | None) -> Finding:
    """The version of the tables; `why` they cannot be used, in the words of the migrations."""
    if found is None:
        text = "there are none yet" if why is None else why
        advice = "The next start of the master makes them"
        return finding(WARNING, "tables", text, advice)
    if why is not None:
        text, _, advice = why.partition(": ")
        return finding(BROKEN, "tables", text, advice.capitalize() or "Restore them from a backup")
    if found < known:
        text = f"version {found}, this plugin writes {known}"
        advice = "The next start of the master brings them there; back the database up before"
        return finding(WARNING, "tables", text, advice)
    return finding(OK, "tables", f"version {found}, which this plugin writes", "Back them up")


def of_disk(path: str, size: int, free: int) -> Finding:
    """The disk of a SQLite database: a vacuum writes it once more, and a full disk stops builds."""
    text = f"{free // _MB} MB are free where {path} stands, which has {size // _MB} MB"
    if free < 100 * _MB:
        return finding(
            BROKEN, "disk", text, "Make room now: Buildbot itself stops with a full disk"
        )
    if free < max(1024 * _MB, size):
        advice = "Make room: below 1 GB, or below the size of the database, VACUUM may not fit"
        return finding(WARNING, "disk", text, advice)
    return finding(OK, "disk", text, "`keep_days` says how long history is kept")
