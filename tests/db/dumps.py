"""What a version of the tables has written, as a file for the tests of the versions after it.

    python -m tests.db.dumps

writes ``stored/versionN.ENGINE.sql`` for each engine: the tables as their steps make them, with a small
history. Do it once for a version, before it is released; a file is never made anew.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.db import beliefs, migrations, requests, rollups, schema
from buildbot_lifecycle.db.group import Group, write
from buildbot_lifecycle.db.store import Store
from tests.db.play import Seq, Worker
from tests.harness import databases

STORED = Path(__file__).parent / "stored"


def play(conn: sa.engine.Connection) -> None:
    """A name that two masters have, an episode that is over and an open one, and a row of each table."""
    for number, at in ((1, 1000.0), (2, 5000.0)):
        run = {
            "masterid": number,
            "token": f"run{number}",
            "master": f"m{number}",
            "pid": 1,
            "host": "h",
        }
        conn.execute(
            schema.incarnations.insert(), {**run, "started_at": at, "heartbeat_at": at + 60}
        )
        worker = Worker(7, Seq(), "linux", at)
        write(
            conn,
            Group(number, number, [*worker.life(), *(worker.begin() if number == 1 else [])], {}),
        )
    action = {
        "workerid": 7,
        "masterid": 1,
        "what": "force-disconnect",
        "at": 1000.0,
        "actor": "ann",
    }
    more = {"reason": "hung \u2603", "steps": [], "pause": True, "override": False}
    row = Store.action_row("a1", {**action, "status": "done", "finished_at": 1001.0, **more})
    conn.execute(schema.actions.insert(), row)
    orphan = {
        "workerid": 7,
        "masterid": 1,
        "opened_at": 1001.0,
        "instance": "i-1",
        "cause": "release",
    }
    conn.execute(schema.orphans.insert(), Store.orphan_row("o1", orphan))
    asked = {"token": "q1", "masterid": 2, "asker": 1, "workerid": 7, "kind": "force", "data": {}}
    requests.ask(conn, None, asked, 10.0)
    rollups.count(conn, 100)
    beliefs.believe(conn, 1, 1, 6000.0, False)


def load(engine: sa.engine.Engine, text: str) -> None:
    """Put what a file has into an empty database."""
    with engine.connect() as conn:
        driver: Any = conn.connection.driver_connection
        if engine.dialect.name == "sqlite":
            driver.executescript(text)
            return
        with driver.cursor() as cursor:
            for statement in text.split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
        driver.commit()


def dump(engine: sa.engine.Engine) -> str:
    """The database as statements, each ended by a semicolon and the end of a line."""
    how = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}
    return how[engine.dialect.name](engine)


def _sqlite(engine: sa.engine.Engine) -> str:
    with sqlite3.connect(str(engine.url.database)) as database:
        return "\n".join(database.iterdump()) + "\n"


def _postgresql(engine: sa.engine.Engine) -> str:
    url = engine.url
    command = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", "-h", str(url.host)]
    command += ["-p", str(url.port), "-U", str(url.username), str(url.database)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # comments, and commands of psql alone
    lines = [
        line for line in text.splitlines() if line and not line.startswith(("--", "\\", "SET"))
    ]
    return "\n".join(line for line in lines if "set_config" not in line) + "\n"


def _mysql(engine: sa.engine.Engine) -> str:
    lines = []
    with engine.connect() as conn:
        driver: Any = conn.connection.driver_connection
        with driver.cursor() as cursor:
            for table in sorted(schema.metadata.tables):
                cursor.execute(f"SHOW CREATE TABLE {table}")
                lines.append(f"{cursor.fetchone()[1]};")
                cursor.execute(f"SELECT * FROM {table}")
                for row in cursor.fetchall():
                    values = ",".join(driver.escape(value) for value in row)
                    lines.append(f"INSERT INTO {table} VALUES ({values});")
    return "\n".join(lines) + "\n"


def keep(url: str) -> None:
    """Write the file of an engine at whose ``url`` there is an empty database."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    migrations.migrate(engine)
    with engine.begin() as conn:
        play(conn)
    path = STORED / f"version{migrations.VERSION}.{engine.dialect.name}.sql"
    if path.exists():
        sys.exit(f"{path} is there; what a version has written is kept as it is")
    path.write_text(dump(engine), encoding="utf-8")


def main() -> None:
    """All engines."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as directory:
        keep(f"sqlite:///{directory}/stored.sqlite")
    for server in databases.SERVERS.values():
        with server() as running:
            keep(running.fresh())


if __name__ == "__main__":
    main()
