"""What is told when: once for each episode and cause, several in one message, again after some hours.

Rules and values only. What is seen (`Look`) is compared with what was told (`Memory`): so nothing depends
on whether a message of the queue was heard, nor on which run of the master heard it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from buildbot_lifecycle.reporting import behind
from buildbot_lifecycle.reporting.memory import MOST, Entry, Lag, Memory, Stay
from buildbot_lifecycle.reporting.seen import Look, SeenStay
from buildbot_lifecycle.reporting.times import is_due, past

#: What can be told.
SUBJECTS = ("stuck", "released", "resolved", "orphans", "behind")

#: Seconds after which a release that was never told is no news any more: the reporter was away for long.
STALE = 7 * 86400.0

#: Seconds after which an action without an outcome is told as one.
WITHOUT_OUTCOME = 3600.0


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a generator was configured to tell; times in seconds, None: never."""

    tell: frozenset[str] = frozenset(SUBJECTS)
    gather: float = 60.0
    repeat: float | None = 86400.0
    orphan_after: float | None = 86400.0
    behind_after: float | None = 60.0


@dataclasses.dataclass(frozen=True)
class Telling:
    """What one message says: what was noted, as it was then."""

    stuck: Mapping[int, Stay] = dataclasses.field(default_factory=dict)
    resolved: Mapping[int, Stay] = dataclasses.field(default_factory=dict)
    released: tuple[int, ...] = ()
    opened: Mapping[int, Entry] = dataclasses.field(default_factory=dict)
    closed: Mapping[int, Entry] = dataclasses.field(default_factory=dict)
    behind: Lag | None = None
    caught_up: Lag | None = None

    def __bool__(self) -> bool:
        lags = self.behind or self.caught_up
        return bool(
            self.stuck or self.resolved or self.released or self.opened or self.closed or lags
        )


def see(memory: Memory, look: Look, rules: Rules, now: float) -> Memory:
    """The memory after a look."""
    done, actions = _actions(memory, look, now)
    return Memory(
        stays=_stays(memory, look, rules, now),
        entries=_entries(memory, look, rules, now),
        actions=actions,
        done=done,
        lag=_lag(memory, look.behind_since, rules, now),
    )


def see_lag(memory: Memory, since: float | None, rules: Rules, now: float) -> Memory:
    """The memory after a look at the master only, for while the database cannot be asked."""
    return dataclasses.replace(memory, lag=_lag(memory, since, rules, now))


def _lag(memory: Memory, since: float | None, rules: Rules, now: float) -> Lag | None:
    return behind.see(memory.lag, since, rules.behind_after, rules.repeat, now)


def _stays(memory: Memory, look: Look, rules: Rules, now: float) -> dict[int, Stay]:
    found = {
        workerid: _stay(stay, look.stays.get(workerid), rules, now)
        for workerid, stay in memory.stays.items()
    }
    for workerid, seen in look.stays.items():
        if workerid not in found and len(found) < MOST:
            found[workerid] = _new(seen, now)
    return found


def _new(seen: SeenStay, now: float, causes: tuple[str, ...] = ()) -> Stay:
    return Stay(seen.name, seen.level, seen.code, seen.episode, seen.since, now, causes=causes)


def _stay(stay: Stay, seen: SeenStay | None, rules: Rules, now: float) -> Stay:
    if seen is None:
        return dataclasses.replace(stay, over_at=past(stay.over_at, now) or now)
    stay = dataclasses.replace(
        stay,
        over_at=None,
        noted_at=past(stay.noted_at, now),
        told_at=past(stay.told_at, now),
    )
    if seen.episode != stay.episode:
        return _new(seen, now)
    if stay.noted_at is not None:
        # not told yet: what is told is what there is by then
        return dataclasses.replace(stay, level=seen.level, code=seen.code, since=seen.since)
    if seen.code not in stay.causes:
        return dataclasses.replace(_new(seen, now, stay.causes), told_at=stay.told_at)
    if is_due(stay.told_at, rules.repeat, now):
        return dataclasses.replace(
            stay, level=seen.level, code=seen.code, since=seen.since, noted_at=now
        )
    return stay


def _entries(memory: Memory, look: Look, rules: Rules, now: float) -> dict[int, Entry]:
    found = {
        number: _entry(entry, number in look.entries, rules, now)
        for number, entry in memory.entries.items()
    }
    for number, seen in look.entries.items():
        if number not in found and len(found) < MOST:
            is_long = is_due(seen.opened_at, rules.orphan_after, now)
            found[number] = Entry(seen.worker, seen.workerid, seen.opened_at, now, is_long=is_long)
    return found


def _entry(entry: Entry, is_open: bool, rules: Rules, now: float) -> Entry:
    if not is_open:
        return dataclasses.replace(entry, over_at=past(entry.over_at, now) or now)
    entry = dataclasses.replace(
        entry,
        over_at=None,
        noted_at=past(entry.noted_at, now),
        told_at=past(entry.told_at, now),
    )
    if entry.noted_at is not None:
        return entry
    if is_due(*_next(entry, rules), now):
        return dataclasses.replace(entry, noted_at=now, is_long=True)
    return entry


def _next(entry: Entry, rules: Rules) -> tuple[float | None, float | None]:
    """Since when an entry that was told waits to be told again, and for how long."""
    if rules.orphan_after is None:
        return None, None
    return (entry.told_at, rules.repeat) if entry.is_long else (entry.opened_at, rules.orphan_after)


def _actions(memory: Memory, look: Look, now: float) -> tuple[int, dict[int, float | None]]:
    """Up to which action there is nothing more to tell, and what is noted of later ones."""
    noted = dict(memory.actions)
    for number, seen in look.actions.items():
        is_over = seen.is_over or now >= seen.at + WITHOUT_OUTCOME
        if is_over and number not in noted:
            noted[number] = now if seen.is_ours and now < seen.at + STALE else None
        elif number in noted:
            noted[number] = past(noted[number], now)
    done = memory.done
    for number in sorted({*look.actions, *noted}):
        if noted.get(number, now) is not None:
            break
        done = number
    return done, {number: at for number, at in noted.items() if number > done}


def telling(memory: Memory, rules: Rules, now: float) -> Telling | None:
    """What one message is to say now; None: nothing yet."""
    first = min(_noted(memory), default=None)
    if first is None or now < first + rules.gather:
        return None
    stays, entries = memory.stays, memory.entries
    lag = of_lag(memory)
    return Telling(
        stuck={i: s for i, s in stays.items() if s.over_at is None and s.noted_at is not None},
        resolved={i: s for i, s in stays.items() if s.over_at is not None},
        released=tuple(i for i, at in memory.actions.items() if at is not None),
        opened={i: e for i, e in entries.items() if e.over_at is None and e.noted_at is not None},
        closed={i: e for i, e in entries.items() if e.over_at is not None},
        behind=lag.behind,
        caught_up=lag.caught_up,
    )


def of_lag(memory: Memory) -> Telling:
    """What there is to say of the master itself."""
    lag = memory.lag
    if lag is None:
        return Telling()
    if lag.over_at is not None:
        return Telling(caught_up=lag)
    return Telling(behind=lag if lag.noted_at is not None else None)


def only(telling: Telling, rules: Rules) -> Telling:
    """The part of it that the receiver wants to hear."""
    return Telling(
        stuck=telling.stuck if "stuck" in rules.tell else {},
        resolved=telling.resolved if "resolved" in rules.tell else {},
        released=telling.released if "released" in rules.tell else (),
        opened=telling.opened if "orphans" in rules.tell else {},
        closed=telling.closed if "orphans" in rules.tell else {},
        behind=telling.behind if "behind" in rules.tell else None,
        caught_up=telling.caught_up if "behind" in rules.tell else None,
    )


def _noted(memory: Memory) -> Iterable[float]:
    """Since when there is something to tell, of each."""
    things: list[Stay | Entry | Lag] = [*memory.stays.values(), *memory.entries.values()]
    if memory.lag is not None:
        things.append(memory.lag)
    for each in things:
        if each.over_at is not None:
            # one that was over before it was told is told as over, when it would have been told
            yield each.over_at if each.noted_at is None else min(each.noted_at, each.over_at)
        elif each.noted_at is not None:
            yield each.noted_at
    yield from (at for at in memory.actions.values() if at is not None)


def told(memory: Memory, telling: Telling, now: float) -> Memory:
    """The memory after that was delivered; what has changed meanwhile is still to be told."""
    stays, entries = dict(memory.stays), dict(memory.entries)
    for workerid, was in telling.stuck.items():
        stay = stays.get(workerid)
        if stay is not None and stay.episode == was.episode:
            stays[workerid] = dataclasses.replace(
                stay,
                noted_at=None,
                told_at=now,
                causes=tuple(dict.fromkeys([*stay.causes, was.code])),
            )
    for number, entry_was in telling.opened.items():
        entry = entries.get(number)
        if entry is not None:
            noted_at = None if entry.noted_at == entry_was.noted_at else entry.noted_at
            entries[number] = dataclasses.replace(entry, noted_at=noted_at, told_at=now)
    for workerid in telling.resolved:
        stay = stays.pop(workerid, None)
        if stay is not None and stay.over_at is None:
            # stuck again since
            stays[workerid] = dataclasses.replace(stay, noted_at=now, told_at=None, causes=())
    for number in telling.closed:
        entries.pop(number, None)
    actions = {i: None if i in telling.released else at for i, at in memory.actions.items()}
    lag = memory.lag
    if telling.behind is not None or telling.caught_up is not None:
        lag = behind.told(lag, telling.caught_up is not None, now)
    return dataclasses.replace(memory, stays=stays, entries=entries, actions=actions, lag=lag)


def due(memory: Memory, rules: Rules, now: float) -> float | None:
    """When to look again, if nothing is heard until then; None: never."""
    times = [at + rules.gather for at in _noted(memory)]
    quiet = (s for s in memory.stays.values() if s.noted_at is None and s.over_at is None)
    times += _later(((stay.told_at, rules.repeat) for stay in quiet), now)
    lag = memory.lag
    if lag is not None and lag.noted_at is None and lag.over_at is None:
        times += _later([(lag.told_at, rules.repeat)], now)
    times += _later(
        (
            _next(entry, rules)
            for entry in memory.entries.values()
            if entry.noted_at is None and entry.over_at is None
        ),
        now,
    )
    return min(times, default=None)


def _later(waits: Iterable[tuple[float | None, float | None]], now: float) -> Iterable[float]:
    for since, wait in waits:
        if since is not None and wait is not None:
            yield max(now, since + wait)
