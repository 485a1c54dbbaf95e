"""`doctor`: each thing that can be wrong, by REST and beside a master's directory."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.db import migrations
from buildbot_lifecycle.shell import directory, findings, inside
from buildbot_lifecycle.shell.findings import BROKEN, OK, UNKNOWN, WARNING, Finding
from tests.shell.conftest import Fake, Shell, well
from tests.shell.examples import example
from tests.test_docs import ROOT


def told(shell: Shell, *arguments: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit status, and of each finding its level and text."""
    done = shell("doctor", "--json", *arguments)
    answer = json.loads(done.stdout)
    assert answer["status"] == done.exit_code
    assert all(each["help"] for each in answer["findings"])
    return done.exit_code, {
        each["what"]: (each["level"], each["text"]) for each in answer["findings"]
    }


# by REST


def test_what_is_well_is_said_thing_by_thing(fake: Fake, shell: Shell) -> None:
    well(fake)
    status, found = told(shell)
    assert status == 0, found
    assert {level for level, _ in found.values()} == {OK}
    assert set(found) == {
        *("plugin", "service", "behind", "Buildbot", "Twisted", "rights", "clock", "websocket")
    }
    done = shell("doctor")
    assert done.exit_code == 0
    assert done.stdout.startswith(fake.url)
    assert done.stdout.count("-> ") == len(found)


@pytest.mark.parametrize(
    ("changes", "what", "level", "status"),
    [
        ({"version": "99.0"}, "plugin", WARNING, 1),
        ({"recording": False}, "service", BROKEN, 6),
        ({"probe": "off: a name is missing"}, "service", BROKEN, 6),
        ({"status": "behind", "behind_since": 5.0, "queued": 7}, "behind", BROKEN, 6),
        ({"status": "behind", "behind_since": None}, "behind", BROKEN, 6),
        ({"status": "degraded", "dropped": 3}, "behind", BROKEN, 6),
        ({"errors": 2, "last_error": "OperationalError"}, "errors", WARNING, 1),
        ({"clocks_differ_s": 9.0}, "clocks", WARNING, 1),
    ],
)
def test_each_fault_of_the_plugin_is_found(
    fake: Fake, shell: Shell, changes: Any, what: str, level: str, status: int
) -> None:
    well(fake, **changes)
    code, found = told(shell)
    assert found[what][0] == level
    assert code == status
    assert [each for each, (lvl, _) in found.items() if lvl != OK] == [what]


@pytest.mark.parametrize(
    ("status", "value", "code"),
    [
        (404, b"<html>", 3),
        (503, {"error": "not yet", "code": "not_ready"}, 3),
        (401, {"error": "who?", "code": "not_logged_in"}, 4),
        (200, {"health": {}}, 3),
        (None, None, 3),
    ],
)
def test_what_cannot_be_asked_is_a_finding_with_the_status_of_its_trouble(
    fake: Fake, shell: Shell, status: int, value: Any, code: int
) -> None:
    well(fake)
    fake.put("GET", "/health", value, status=status)
    assert told(shell)[0] == code


def test_rights_are_those_of_the_caller(fake: Fake, shell: Shell) -> None:
    def meta(**changes: Any) -> dict[str, Any]:
        return {**example("workers")["meta"], **changes}

    known = findings.of_rights(meta(user="alice", can_force=False), is_named=True)
    assert known.level == OK
    assert known.text == "alice may not force a disconnect, sees details"
    # a rule may be for some workers only, and REST says whether there is one
    some = findings.of_rights(meta(user="op", can_force=True), is_named=True)
    assert some.text == "op may force a disconnect and sees details, at least of some workers"
    lost = findings.of_rights(meta(user=None), is_named=True)
    assert lost.level == WARNING
    assert "login" in lost.help


@pytest.mark.parametrize(
    ("theirs", "level"), [(100.0, OK), (100.9, OK), (94.0, WARNING), (106.5, WARNING), (96.0, OK)]
)
def test_the_clocks_differ_by_more_than_the_question_took(theirs: float, level: str) -> None:
    (found,) = findings.of_clock(theirs, 100.0, 101.0, None)
    assert found.level == level
    if level == WARNING:
        assert ("ahead" in found.text) is (theirs > 101)


@pytest.mark.parametrize(
    ("status", "value", "level", "said"),
    [
        (200, b"<html>", WARNING, "proxy"),
        (400, b"", WARNING, "proxy"),
        (403, b"", WARNING, "listen"),
        (101, b"", WARNING, "not from a websocket"),
        (None, None, UNKNOWN, "polls"),
    ],
)
def test_a_websocket_that_does_not_open_is_told_and_why(
    fake: Fake, shell: Shell, status: int, value: Any, level: str, said: str
) -> None:
    well(fake)
    fake.put("GET", "/ws", value, status=status, root="")
    done = shell("doctor")
    assert done.exit_code == 1
    line = next(each for each in done.stdout.splitlines() if " websocket " in each)
    assert line.split("  ")[1] == level
    assert said in done.stdout
    sent = next(sent for _, path, _, _, sent in fake.asked if path == "/ws")
    assert sent["Upgrade"] == "websocket"
    assert sent["Origin"] == fake.url


def test_the_websocket_is_asked_for_as_the_caller(fake: Fake, shell: Shell) -> None:
    well(fake)
    file = shell.home / "token"
    file.write_text("abc\n")
    file.chmod(0o600)
    shell("--token-file", str(file), "doctor")
    sent = next(sent for _, path, _, _, sent in fake.asked if path == "/ws")
    assert sent["Authorization"] == "Bearer abc"


def test_a_buildbot_that_does_not_tell_its_versions_is_none_that_is_wrong(
    fake: Fake, shell: Shell
) -> None:
    well(fake)
    for value, status in ((b"<html>", 200), (b"", 404), ({"versions": "x"}, 200), (None, None)):
        fake.put("GET", "/config", value, status=status, root="")
        code, found = told(shell)
        assert code == 0, found
        assert "Buildbot" not in found


# of versions


@pytest.mark.parametrize(
    ("given", "level"),
    [("4.0.9", WARNING), ("4.1.0", OK), ("4.3.0", OK), ("4.4", WARNING), ("master", UNKNOWN)],
)
def test_versions_that_were_not_run_are_told(given: str, level: str) -> None:
    (found,) = findings.of_versions({"Buildbot": given, "Python": "2.7"})
    assert (found.level, found.what) == (level, "Buildbot")


def test_the_oldest_that_were_run_are_those_that_setup_asks_for() -> None:
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    for name, (oldest, _) in findings.RUN.items():
        assert f'"{name.lower()}>={oldest[0]}.{oldest[1]}' in text


# beside a directory


_CFG = """
from buildbot.plugins import schedulers, util, worker
import beside  # of the directory, as a master finds it
print("noise on standard output")
c = BuildmasterConfig = {
    "protocols": {"pb": {"port": 0}},
    "workers": [worker.Worker("w", "pass")],
    "builders": [util.BuilderConfig(name="b", workernames=["w"], factory=util.BuildFactory())],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=["b"])],
    "db_url": "sqlite:///state.sqlite",
    "services": [util.LifecycleService()],
    "www": {"port": 0, "plugins": {"lifecycle": {}}},
    "buildbotNetUsageData": None,
}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A master's directory, as `buildbot create-master` and a first start of the plugin leave it."""
    made = tmp_path / "master here"
    made.mkdir()
    tac = "from twisted.application import service\nconfigfile = 'master.cfg'\n"
    (made / "buildbot.tac").write_text(tac)
    (made / "master.cfg").write_text(_CFG)
    (made / "beside.py").write_text("")
    (made / "json.py").write_text("raise SystemExit('not yours')\n")
    engine = sa.create_engine(f"sqlite:///{made / 'state.sqlite'}", future=True)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA journal_mode = wal")  # as Buildbot has it
    migrations.migrate(engine)
    engine.dispose()
    return made


@pytest.fixture
def alone(shell: Shell) -> Shell:
    """Without an address: only the directory is looked into."""
    shell.env |= {"BUILDBOT_LIFECYCLE_URL": None, "PYTHONPATH": str(ROOT)}
    return shell


def files(of: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in sorted(of.rglob("*")) if each.is_file()}


@pytest.mark.process
def test_a_directory_is_looked_into_without_a_master_and_is_left_as_it_was(
    home: Path, alone: Shell
) -> None:
    before = files(home)
    status, found = told(alone, "--master-dir", str(home))
    kinds = {
        "checkconfig",
        "Buildbot",
        "Twisted",
        "SQLAlchemy",
        "names",
        "service",
        "page",
        "tables",
    }
    assert set(found) == {*kinds, "disk"}, found
    assert {
        what: level for what, (level, _) in found.items() if level != OK and what != "disk"
    } == {}
    assert found["tables"][1].startswith(f"version {migrations.VERSION},")
    assert str(home / "state.sqlite") in found["disk"][1]
    assert files(home) == before
    assert status == 0 or found["disk"][0] != OK


@pytest.mark.process
def test_a_configuration_that_is_wrong_comes_first(home: Path, alone: Shell) -> None:
    (home / "master.cfg").write_text(
        _CFG.replace("LifecycleService()", "LifecycleService(limits=5)")
    )
    status, found = told(alone, "--master-dir", str(home))
    assert status == 6
    assert found["checkconfig"][0] == BROKEN
    assert "limits" in found["checkconfig"][1]
    assert found["names"][0] == OK
    assert found["database"][0] == UNKNOWN


def test_an_address_makes_both_sides_and_the_worst_of_both_is_the_status(
    fake: Fake, shell: Shell, tmp_path: Path
) -> None:
    well(fake)
    status, found = told(shell, "--master-dir", str(tmp_path))
    assert found["plugin"][0] == OK
    assert found["directory"][0] == BROKEN
    assert status == 6


@pytest.mark.process
def test_an_interpreter_without_buildbot_is_not_known_and_no_fault(
    home: Path, tmp_path: Path
) -> None:
    found = list(directory.look(home, str(tmp_path / "no-python")))
    assert {each.level for each in found} == {UNKNOWN}
    assert all("--python" in each.help for each in found)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 1000\n")
    slow.chmod(0o755)
    found = list(directory.look(home, str(slow), limit=0.1))
    assert {each.level for each in found} == {UNKNOWN}
    assert "has not ended" in found[0].text


def database(home: Path, url: Any = "sqlite:///state.sqlite") -> Finding | str:
    answer = inside.of_database(url, home)
    if "error" in answer:
        return str(answer["error"])
    return findings.of_tables(answer["version"], answer["known"], answer["why"])


def test_tables_of_each_age_are_told(home: Path) -> None:
    def change(sql: str) -> Finding | str:
        with sqlite3.connect(home / "state.sqlite") as conn:
            conn.execute(sql)
        conn.close()
        return database(home)

    for sql, level, said in (
        ("UPDATE lifecycle_version SET version = 1", WARNING, "version 1"),
        ("UPDATE lifecycle_version SET version = 999", BROKEN, "999"),
        (f"UPDATE lifecycle_version SET version = {migrations.VERSION}", OK, "writes"),
        ("DROP TABLE lifecycle_events", BROKEN, "lifecycle_events"),
        ("DELETE FROM lifecycle_version", WARNING, "none yet"),
        ("DROP TABLE lifecycle_version", WARNING, "none yet"),
    ):
        found = change(sql)
        assert isinstance(found, Finding), found
        assert found.level == level, (sql, found)
        assert said in found.text
        assert found.help


def test_a_database_is_read_without_a_file_more_while_a_master_has_it_open_and_after(
    home: Path,
) -> None:
    """A -shm that root has made would keep the master, another user, from its own database."""
    before = files(home)
    assert isinstance(found := database(home), Finding)
    assert found.level == OK
    assert files(home) == before
    with sqlite3.connect(home / "state.sqlite") as conn:
        conn.execute("UPDATE lifecycle_version SET version = 1")
        conn.commit()
        names = set(files(home))
        assert str(home / "state.sqlite-wal") in names
        assert isinstance(found := database(home), Finding)
        assert found.text.startswith("version 1,")  # it stands in the journal only
        assert set(files(home)) == names
        left = {name: data for name, data in files(home).items() if "state" in name}
    conn.close()
    for name, data in left.items():  # as a copy, or a crash, leaves them
        Path(name).write_bytes(data)
    (home / "state.sqlite-shm").unlink()
    names = set(files(home))
    assert "journal" in str(database(home))
    assert set(files(home)) == names


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
@pytest.mark.database
def test_a_directory_whose_database_is_a_server_is_looked_into_too(
    home: Path, alone: Shell, kind: str, database_server: Any
) -> None:
    """Its tables, of each age, and each way in which a server says no."""
    url = database_server(kind).fresh()
    cfg = (home / "master.cfg").read_text()
    (home / "master.cfg").write_text(cfg.replace("sqlite:///state.sqlite", url))
    if kind == "postgresql":  # the whole look, with its processes; the rest of it is the same
        status, found = told(alone, "--master-dir", str(home))
        assert found["tables"] == (WARNING, "there are none yet")
        assert "disk" not in found
        assert status == 1

    engine = sa.create_engine(url, future=True)
    migrations.migrate(engine)
    with engine.begin() as conn:
        assert isinstance(seen := database(home, url), Finding)
        assert (seen.level, seen.what) == (OK, "tables")
        conn.exec_driver_sql("UPDATE lifecycle_version SET version = 1")
    assert isinstance(seen := database(home, url), Finding)
    assert seen.level == WARNING
    engine.dispose()
    database_server(kind).drop(url)

    made = sa.engine.make_url(url)
    for wrong in (made.set(database="nowhere"), made.set(username="nobody", password="pa55word")):
        text = database(home, wrong.render_as_string(hide_password=False))
        assert "cannot be read" in str(text)
        assert "pa55word" not in str(text)


def test_a_database_that_cannot_be_read_is_not_known_and_its_password_is_not_told(
    home: Path,
) -> None:
    assert "in memory" in str(database(home, "sqlite://"))
    assert "not there" in str(database(home, "sqlite:///other.sqlite"))
    assert "secret" in str(database(home, object()))
    assert not (home / "other.sqlite").exists()
    (home / "state.sqlite").write_bytes(b"no database at all" * 100)
    assert "DatabaseError" in str(database(home))
    text = database(home, "nonsense://bob:pa55word@host/db")
    assert "pa55word" not in str(text)
    assert "cannot be read" in str(text)


@pytest.mark.parametrize(
    ("size", "free", "level"),
    [(1, 5000, OK), (1, 900, WARNING), (6000, 5000, WARNING), (1, 50, BROKEN)],
)
def test_the_disk_has_to_hold_the_database_once_more(size: int, free: int, level: str) -> None:
    assert findings.of_disk("/x", size << 20, free << 20).level == level


def test_what_the_configuration_lacks_is_told() -> None:
    levels = {
        (service, page): [each.level for each in findings.of_configuration(service, page)]
        for service in (True, False)
        for page in (True, False)
    }
    assert levels[True, True] == [OK, OK]
    assert levels[True, False] == [OK, WARNING]
    assert levels[False, True] == [BROKEN, OK]
    # pasted below what is there already, the advice keeps it
    service, page = findings.of_configuration(False, False)
    c: dict[str, Any] = {"services": ["another"], "www": {"plugins": {"badges": {}}}}
    given = {"c": c, "util": SimpleNamespace(LifecycleService=lambda: "ours")}
    for each in (service, page):
        exec(re.split(r"[:;] without", each.help)[0], given)
    assert c["services"] == ["another", "ours"]
    assert c["www"] == {"plugins": {"badges": {}, "lifecycle": {}}}
    assert findings.of_names([]).level == OK
    assert findings.of_names(["buildbot.x.y"]).level == BROKEN
    assert findings.worst([]) == 0
