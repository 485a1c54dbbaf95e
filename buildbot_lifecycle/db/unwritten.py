"""What a run of a master could not write: kept in files in its directory, read in once at the next start.

One JSON object a line: the run first, then actions and orphans, then events. A file is complete before it
has its name, and is removed only after the commit of all that is in it; reading it twice writes it once,
since each thing has a number or a token of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.db import codec
from buildbot_lifecycle.db.entries import Entry, Identity

#: Bytes that all such files of a master may have together; more is left out, and said.
MAX_BYTES = 64 << 20

#: Records that are kept before events: an action or an orphan tells what may cost money.
_BEGIN, _END = "lifecycle-unwritten-", ".jsonl"

#: What kind of thing a line holds, beside ``run``.
EVENT, RECORD = "event", "record"


@dataclasses.dataclass(frozen=True)
class RunOf:
    """The run that could not write: its row, by its token, and when it ended (epoch seconds)."""

    token: str
    masterid: int
    master: str
    pid: int
    host: str
    started_at: float
    ended_at: float
    how: str


@dataclasses.dataclass(frozen=True)
class Record:
    """A row beside events, and what it is: ``action``, ``changes``, ``orphan`` or ``closed``."""

    what: str
    data: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Unwritten:
    """All of one run."""

    run: RunOf
    records: Sequence[Record] = ()
    entries: Sequence[Entry] = ()


@dataclasses.dataclass(frozen=True)
class Saved:
    """A file that was written: where, and what is in it and what had no room."""

    path: pathlib.Path
    records: int
    events: int
    left_out: int


def save(basedir: str, unwritten: Unwritten) -> Saved:
    """Write the file of one run, on disk when this returns. Raises OSError."""
    directory = pathlib.Path(basedir)
    room = MAX_BYTES - sum(path.stat().st_size for path in paths(basedir))
    path = directory / f"{_BEGIN}{unwritten.run.token}{_END}"
    part = path.with_suffix(".part")
    records = events = left_out = 0
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        for what, line in _lines(unwritten):
            room -= len(line)
            if room < 0 and what != "run":
                left_out += 1
                continue
            file.write(line)
            records, events = records + (what == RECORD), events + (what == EVENT)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(directory)
    return Saved(path, records, events, left_out)


def _lines(unwritten: Unwritten) -> Iterable[tuple[str, bytes]]:
    yield "run", _line("run", dataclasses.asdict(unwritten.run))
    for record in unwritten.records:
        yield RECORD, _line(RECORD, {"what": record.what, "data": record.data})
    for entry in unwritten.entries:
        yield EVENT, _line(EVENT, _entry_as_json(entry))


def _line(what: str, data: Any) -> bytes:
    return codec.encode({what: data}).encode("ascii") + b"\n"


def _entry_as_json(entry: Entry) -> dict[str, Any]:
    event = entry.event
    return {
        "identity": dataclasses.asdict(entry.identity),
        "event": {
            "seq": event.seq,
            "at": event.at,
            "workerid": event.workerid,
            "kind": event.kind.value,
            "data": event.data,
        },
        "facts": entry.facts,
        "episodes": list(entry.episodes),
    }


def _entry_from(data: Mapping[str, Any]) -> Entry:
    event = data["event"]
    return Entry(
        Identity(**data["identity"]),
        Event(**{**event, "kind": Kind(event["kind"])}),
        codec.facts_from(data["facts"]),
        tuple(codec.episode_from(each) for each in data["episodes"]),
    )


def paths(basedir: str) -> list[pathlib.Path]:
    """The files of earlier runs, oldest first."""
    found = pathlib.Path(basedir).glob(f"{_BEGIN}*{_END}")
    return sorted(found, key=lambda path: (path.stat().st_mtime, path.name))


def load(path: pathlib.Path) -> Unwritten | None:
    """What is in a file; None if it is none of ours. A line that cannot be read is left out."""
    run: RunOf | None = None
    records: list[Record] = []
    entries: list[Entry] = []
    with path.open("rb") as file:
        for line in file:
            found = codec.decode(line.decode("ascii", "replace"))
            if not isinstance(found, Mapping):
                continue
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                if "run" in found:
                    run = RunOf(**found["run"])
                elif RECORD in found:
                    records.append(Record(**found[RECORD]))
                elif EVENT in found:
                    entries.append(_entry_from(found[EVENT]))
    return None if run is None else Unwritten(run, records, entries)


def remove(path: pathlib.Path) -> None:
    """Remove a file that was read in, on disk when this returns. Raises OSError."""
    path.unlink()
    _sync(path.parent)


def _sync(directory: pathlib.Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
