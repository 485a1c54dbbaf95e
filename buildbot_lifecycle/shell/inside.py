"""What `doctor` asks inside of a master's environment, in a process of its own that has no master.

It alone of the command knows Buildbot and the tables. It only reads; no address of a database, which may
have a password, leaves it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Arguments: the directory, where the answer goes, and ``all`` or ``names``."""
    directory, answer, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    found: dict[str, Any] = {"versions": versions(), "missing": missing()}
    if what == "all":
        found |= of_configuration(directory)
    answer.write_text(json.dumps(found), encoding="utf-8")


def versions() -> dict[str, str]:
    """Of what the plugin stands on."""
    import sqlalchemy  # noqa: PLC0415

    from buildbot_lifecycle.host.versions import running  # noqa: PLC0415

    here = running()
    return {
        "Buildbot": here["buildbot"],
        "Twisted": here["twisted"],
        "SQLAlchemy": str(sqlalchemy.__version__),
    }


def missing() -> list[str]:
    """The names that this Buildbot lacks."""
    from buildbot_lifecycle.host import required  # noqa: PLC0415

    return required.missing()


def of_configuration(directory: Path) -> dict[str, Any]:
    """What the configuration has of the plugin, and how its tables are; or ``error``."""
    from buildbot.config.master import FileLoader  # noqa: PLC0415
    from buildbot.scripts.base import getConfigFileFromTac  # noqa: PLC0415

    try:
        file = getConfigFileFromTac(str(directory), quiet=True)
        config = FileLoader(str(directory), file).loadConfig()
    except Exception as error:  # noqa: BLE001  # a configuration may raise anything
        return {"error": f"the configuration cannot be read a second time: {type(error).__name__}"}
    services = [type(each).__module__ for each in config.services.values()]
    plugins = config.www.get("plugins") or {}
    return {
        "service": "buildbot_lifecycle.service.service" in services,
        "page": "lifecycle" in plugins,
        "database": of_database(config.db.db_url, directory),
    }


def of_database(url: Any, directory: Path) -> dict[str, Any]:
    """The version of the tables, and why they cannot be used; ``error`` where it is not known."""
    import sqlalchemy as sa  # noqa: PLC0415
    from buildbot.db import enginestrategy  # noqa: PLC0415

    if not isinstance(url, str):
        return {"error": "the database's address has a secret, which only a running master reads"}
    file = None
    try:
        if url.startswith("sqlite"):
            file = sqlite_file(url, directory)
            if file is None:
                return {"error": "it is in memory, and ends with the master"}
            if not file.exists():
                return {"error": f"{file} is not there: `buildbot create-master` makes it"}
            how = reading(file)
            if how is None:
                advice = "start the master, which puts it in order"
                return {
                    "error": f"{file} has a journal without its index: {advice}",
                    "file": str(file),
                }
            # Buildbot's own engine would set the journal's mode, which writes.
            engine = sa.create_engine(f"sqlite:///file:{quoted(file)}?{how}&uri=true")
        else:
            engine = enginestrategy.create_engine(url, basedir=str(directory))
        with engine.connect() as conn:
            found = of_tables(conn)
    except Exception as error:  # noqa: BLE001  # of any driver
        # The text of a driver's error may have the address in it.
        found = {"error": f"the database cannot be read: {type(error).__name__}"}
    return {**found, "file": str(file) if file else None}


def sqlite_file(url: str, directory: Path) -> Path | None:
    """The file of a database, as Buildbot finds it."""
    import sqlalchemy as sa  # noqa: PLC0415

    name = sa.engine.make_url(url).database
    if not name or name == ":memory:":
        return None
    return directory / (name % {"basedir": str(directory)})


def reading(file: Path) -> str | None:
    """How SQLite reads a file without making another one beside it; None: it cannot.

    Buildbot's journal is a WAL. To read one, SQLite makes the file -shm where there is none, also with
    ``mode=ro``; made by root, it would keep the master from its own database.
    """
    journal, index = (file.with_name(file.name + end) for end in ("-wal", "-shm"))
    if not journal.exists():
        return "immutable=1"  # nobody has it open, and all that was written is in it
    return "mode=ro" if index.exists() else None


def quoted(file: Path) -> str:
    """A file's name as SQLite's own URI has it."""
    from urllib.parse import quote  # noqa: PLC0415

    return quote(str(file))


def of_tables(conn: Any) -> dict[str, Any]:
    """Of an open connection."""
    import sqlalchemy as sa  # noqa: PLC0415

    from buildbot_lifecycle.db import migrations, schema  # noqa: PLC0415

    known = migrations.VERSION
    if not sa.inspect(conn).has_table(schema.version.name):
        return {"version": None, "known": known, "why": None}
    number = conn.execute(sa.select(schema.version.c.version)).scalar()
    found = None if number is None else int(number)
    # Tables of later steps are not there yet where the version is an older one.
    why = migrations.look(conn) if found is not None and found >= known else None
    return {"version": found, "known": known, "why": why}
