"""Who may import whom: the table of docs/architecture, held against the imports."""

from __future__ import annotations

import ast
import fnmatch
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import buildbot_lifecycle

PACKAGE = Path(buildbot_lifecycle.__file__).parent
NAME = "buildbot_lifecycle"

#: Libraries that the core, which is plain values and rules, knows nothing of.
WORLD = ("twisted", "sqlalchemy", "alembic", "klein", "werkzeug", "buildbot", "zope", "autobahn")

#: For each module (a pattern; the first that matches counts): what of ours it may import. Patterns too.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "core.*": ("core.*",),
    # The answers as types: who builds, stores or sends one knows it.
    "shapes.*": ("core.*", "shapes.*"),
    "db.*": ("core.*", "shapes.*", "host.log", "host.pauses", "db.*"),
    # Buildbot and Twisted, by their private names.
    "host.*": ("core.*", "host.*"),
    # Below the rest of the master's side: what the probe sees, it tells to a sink.
    "watch.*": ("core.*", "shapes.*", "host.*", "watch.*"),
    # What is done: it decides, does it, and writes it down by a protocol that the hub fulfils.
    "act.*": ("core.*", "shapes.*", "clouds.values", "host.*", "master.*", "watch.*", "act.*"),
    # What clouds are asked past Buildbot's drivers. It knows nothing of the master's side.
    "clouds.*": ("core.*", "clouds.*"),
    # What is found out by looking.
    "diagnose.*": ("core.*", "shapes.*", "host.*", "watch.*", "master.*", "diagnose.*"),
    # What was recorded, answered at length.
    "history.*": ("core.*", "shapes.*", "host.log", "host.pauses", "db.*", "history.*"),
    # What Prometheus is told.
    "metrics.*": ("core.*", "metrics.*"),
    # The hub. It alone knows both the tables and the master's side.
    "service.*": (
        "core.*",
        "shapes.*",
        "db.*",
        "clouds.*",
        "history.*",
        "host.*",
        "watch.*",
        "master.*",
        "diagnose.*",
        "act.*",
        "metrics.*",
        "service.*",
    ),
    # What is told by Buildbot's reporters. It asks the service, as the page does.
    "reporting.*": (
        "core.*",
        "host.clock",
        "host.edge",
        "host.log",
        "host.pauses",
        "host.bots",
        "host.configurations",
        "host.receivers",
        "service.service",
        "reporting.*",
    ),
    # An address that others know.
    "master.service": ("service.service",),
    "master.*": ("core.*", "shapes.*", "host.*", "master.*", "watch.*"),
    # The page's side asks the service, never the tables.
    "www.*": (
        "core.*",
        "shapes.*",
        "host.clock",
        "host.log",
        "host.pauses",
        "host.versions",
        "service.service",
        "www.*",
    ),
    # These stand on public names: what a user may import.
    # note_step is what authors of workers are given; ours have no other way.
    # core.checks are those of the settings; core.hiding takes secrets out of a text;
    # host.connections aborts a connection that stays.
    "workers.*": (
        *("workers.*", "service.service", "core.checks", "core.hiding"),
        *("host.clock", "host.connections", "host.edge", "host.reconfigured"),
    ),
    "testing.web": ("www.reactor",),  # an address that others know
    "testing.*": ("testing.*",),
    # What `doctor` asks beside a master's directory, in a process of its own: Buildbot and the tables.
    # Nothing else of the command imports it.
    "shell.inside": ("host.required", "host.versions", "db.migrations", "db.schema"),
    # The command asks by REST, as anybody does: it knows nothing of the service.
    "shell.*": ("core.durations", "core.formulas", "shell.*"),
    "demo.*": ("demo.*",),
    "drivers": (),  # what authors of drivers read
    # `note_step` for authors of workers, which imports when it is called.
    "": ("service.service",),
}


def module_name(path: Path) -> str:
    """Below the package: `core.states`; a package is `core.`, so that patterns match it too."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = (*parts[:-1], "") if len(parts) > 1 else ()
    return ".".join(parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """A file as the parser sees it; several tests look at each."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path, name: str) -> Iterator[str]:
    """Full names of what a file imports, wherever in it, relative ones resolved."""
    package = [NAME, *name.split(".")[:-1]]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from buildbot_lifecycle.core import states` imports a module.
                yield f"{source}.{alias.name}" if is_module(f"{source}.{alias.name}") else source


def is_module(full_name: str) -> bool:
    below = full_name.partition(".")[2]
    return full_name.startswith(f"{NAME}.") and (below in MODULES or f"{below}." in MODULES)


def may(name: str) -> tuple[str, ...]:
    for pattern, allowed in MAY_IMPORT.items():
        if fnmatch.fnmatchcase(name, pattern):
            return allowed
    raise AssertionError(f"{name}.py stands in no room of the house: see MAY_IMPORT")


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_its_room_may(name: str) -> None:
    wrong = []
    for full_name in imported(MODULES[name], name):
        if full_name != NAME and not full_name.startswith(f"{NAME}."):
            continue
        below = full_name.partition(".")[2]
        below = f"{below}." if f"{below}." in MODULES else below
        # The version, and nothing else, is everybody's.
        if below and not any(fnmatch.fnmatchcase(below, pattern) for pattern in may(name)):
            wrong.append(full_name)
    assert not wrong


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("core.")])
def test_the_core_knows_no_library_of_the_world_outside(name: str) -> None:
    roots = {full_name.partition(".")[0] for full_name in imported(MODULES[name], name)}
    assert roots.isdisjoint(WORLD)


def test_only_the_process_of_doctor_meets_buildbot_in_the_command() -> None:
    """All else of `shell` starts at once, on machines where no master is."""
    heavy = ("twisted", "sqlalchemy", "buildbot", "klein")
    for name, path in MODULES.items():
        if name.startswith("shell.") and name != "shell.inside":
            names = set(imported(path, name))
            assert f"{NAME}.shell.inside" not in names, name
            assert {each.partition(".")[0] for each in names}.isdisjoint(heavy), name


def test_the_rooms_are_those_of_the_plan() -> None:
    """A rule for a room that is not there protects nothing: a renamed room would be free of rules."""
    rooms = {name.partition(".")[0] for name in MODULES if name}
    planned = {pattern.partition(".")[0] for pattern in MAY_IMPORT if pattern}
    assert rooms <= planned
    assert {"core", "shapes", "db", "master", "www", "demo"} <= rooms


def test_the_table_in_the_docs_is_the_one_that_binds() -> None:
    """A reader takes it as it stands in docs/architecture, so it must not only be nearly so."""
    text = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", text, re.MULTILINE)
    told = {room: set(re.findall(r"`([\w.]+)`", last)) for room, last in rows}
    binding = {
        pattern.removesuffix(".*"): {each.removesuffix(".*") for each in allowed if each != pattern}
        for pattern, allowed in MAY_IMPORT.items()
        if pattern.endswith(".*")
    }
    assert told == binding


def test_an_import_that_breaks_the_rule_is_seen(tmp_path: Path) -> None:
    """The test of the test, with each way to write an import."""
    forms = [
        "import buildbot_lifecycle.db.schema",
        "from buildbot_lifecycle.db import schema",
        "from buildbot_lifecycle.db.schema import anything",
        "from ..db.schema import anything",
        "from ..db import schema",
        "def late():\n    from ..db import schema",
    ]
    for form in forms:
        module = tmp_path / "guard.py"
        module.write_text(form)
        assert list(imported(module, "www.guard")) == [f"{NAME}.db.schema"], form
    assert not any(fnmatch.fnmatchcase("db.schema", pattern) for pattern in may("www.guard"))


#: Names that begin with an underscore and are public all the same: of namedtuples, of rows, of processes.
PUBLIC = {"_asdict", "_exit", "_fields", "_make", "_mapping", "_replace"}

#: Insides of Buildbot's and Twisted's objects that no documentation has, though their names have none.
INSIDES = {
    "broker",
    "dataBuffer",
    "lastMessageReceived",
    "mind",
    "missing_timer",
    "quarantine_timer",
    "reconfig_active",
    "secrets_manager",
    "shuttingDown",
    "substantiation_build",
    "threadpool",
    "workerforbuilder",
}

#: Rooms of private names: Buildbot's and Twisted's own; those of its drivers and of their libraries.
PRIVATE_ROOMS = ("host.", "clouds.")

#: What is no code of the master's: it is sent to a worker's machine, and runs there without us.
SENT = {"workers.ssh.program"}


def reached(tree: ast.AST) -> Iterator[str]:
    """Private names of other people's objects: by a dot, by getattr, by import."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owned_by, name = node.value, node.attr
        elif isinstance(node, ast.Call) and _called(node).endswith("attr") and len(node.args) > 1:
            owned_by, given = node.args[:2]
            name = str(given.value) if isinstance(given, ast.Constant) else ""
        elif isinstance(node, ast.ImportFrom) and not (node.module or NAME).startswith(NAME):
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if alias.name[0] == "_"
            )
            continue
        else:
            continue
        is_private = name.startswith("_") and not name.endswith("__") and name not in PUBLIC
        if is_private or name in INSIDES:
            owner = ast.unparse(owned_by)  # slow: only of what may be one
            if owner not in {"self", "cls", "super()", *own}:
                yield f"{owner}.{name}"


def _called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    return getattr(node.func, "attr", None) or getattr(node.func, "id", "")


@pytest.mark.parametrize("name", MODULES)
def test_private_names_of_buildbot_stand_in_one_room(name: str) -> None:
    """As docs/architecture says: who looks for what breaks with another version looks there."""
    if name.startswith(PRIVATE_ROOMS) or name in SENT:
        return
    found = set(reached(tree_of(MODULES[name])))
    assert found == set()


@pytest.mark.parametrize(
    "text",
    [
        "worker._start_stop_lock.acquire()",
        "getattr(worker, '_graceful', False)",
        "setattr(worker, '_graceful', False)",
        "def f(self):\n    return self.worker._deferwaiter",
        "conn.mind.notifyOnDisconnect(f)",
        "getattr(conn, 'mind', None)",
        "from twisted.internet.defer import _CancellationStatus",
    ],
)
def test_a_private_name_is_seen_however_it_is_written(text: str) -> None:
    assert len(list(reached(ast.parse(text)))) == 1


def test_what_is_ones_own_is_nobodys_private_name() -> None:
    text = "self._calls, cls._made, super()._start(), row._mapping, thing.__dict__, os._exit(0)"
    assert list(reached(ast.parse(text))) == []


TESTS = Path(__file__).parent

#: Calls of Python that take a deadline as it is; the harness's own multiply theirs.
_RAW = {"run", "communicate", "check_output", "wait"}

#: The others that are looked at by their whole name.
_MAY_BE_RAW = {*_RAW, "timeout", "sleep"}


def _clocked(tree: ast.AST) -> Iterator[str]:
    """What in a test goes by the clock of a quiet machine."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
            is_method = isinstance(node.left.func, ast.Attribute)
            is_stop = is_method and _called(node.left) in ("stop", "wait_exit")
            if is_stop and isinstance(node.ops[0], ast.Lt):
                yield ast.unparse(node)
        if not isinstance(node, ast.Call) or _called(node) not in _MAY_BE_RAW:
            continue
        called = ast.unparse(node.func)
        deadlines = [k.value for k in node.keywords if k.arg == "timeout"]
        if re.search(r"(process|launch\(.*\)|frozen|entered|writer)\.wait$", called):
            deadlines += node.args[:1]
        raw = called.rpartition(".")[2] in _RAW and any(map(_is_number, deadlines))
        marked = called.endswith("mark.timeout") and any(map(_is_number, node.args))
        if raw or marked or called == "time.sleep":
            yield ast.unparse(node)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float))


def test_tests_wait_by_the_factor_and_not_by_the_clock_of_a_quiet_machine() -> None:
    """As tests/harness/README.md says. In tests/core the clock is a number."""
    found = [
        f"{path.relative_to(TESTS)}: {what}"
        for path in sorted(TESTS.rglob("*.py"))
        if path.relative_to(TESTS).parts[0] not in ("benchmarks", "core")
        and path.name not in ("waiting.py", "gallery.py", "screenshots.py")
        for what in _clocked(tree_of(path))
    ]
    assert found == []


# time


#: What waits or counts by a ``clock``, and where that stands among its arguments.
_BY_A_CLOCK = {"addTimeout": 1, "deferLater": 0, "callLater": None, "seconds": None}

#: The clock itself; what is Buildbot's own time; drivers of the demonstration and of authors, which know
#: nothing of ours; and what runs on another machine.
_OF_THE_REACTOR = ("host.*", "demo.*", "testing.*", "workers.ssh.program")

#: These are given a clock under that name.
_SO_CALLED = ("clouds.hooks", "clouds.pool", "db.recorder")


def by_the_reactor(tree: ast.AST) -> Iterator[str]:
    """Calls that follow the wall clock, since they wait or count by the reactor."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        place = _BY_A_CLOCK.get(node.func.attr, -1)
        if place == -1:
            continue
        args = node.args
        clock = node.func.value if place is None else args[place] if len(args) > place else None
        if clock is not None and ast.unparse(clock).rpartition(".")[2] in ("reactor", "_reactor"):
            yield ast.unparse(node)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_of_ours_waits_by_a_clock_that_somebody_sets(name: str) -> None:
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in (*_OF_THE_REACTOR, *_SO_CALLED)):
        return
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    assert list(by_the_reactor(tree)) == []
