"""Fixtures for all tests: see tests/harness/README.md."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import core as hypothesis_core

from tests.harness import browser, databases, master, two_times
from tests.harness.limits import (
    may_strike,
    pytest_runtest_call,
    pytest_runtest_setup,
    pytest_runtest_teardown,
    pytest_timeout_set_timer,
)
from tests.harness.master import ROOT, RealMaster
from tests.harness.need import may_miss
from tests.harness.processes import _processes_are_marked

MakeMaster = Callable[..., RealMaster]

#: Hooks are what pytest finds here.
__all__ = [
    "_processes_are_marked",
    "pytest_runtest_call",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "pytest_timeout_set_timer",
]

# How long an example takes, or its making, says how busy the machine is; it is no reason to fail. What
# fails prints how to play it again.
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("any machine")

# Only `make test` has steps before pytest.
collect_ignore = [] if "LIFECYCLE_STEPS" in os.environ else ["test_steps.py"]

#: What failed tests leave for whoever looks into them.
ARTIFACTS = ROOT / "test-artifacts"

_PAGES = pytest.StashKey[list[browser.Watched]]()


def _miss(what: str, why: str) -> NoReturn:
    """Skip if the user said that the tests may do without; the summary says so again."""
    if what in may_miss():
        pytest.skip(f"{what} is missing, as $LIFECYCLE_MAY_MISS allows: {why}")
    pytest.fail(f"{what} is missing: {why}. `make test` installs it; see tests/harness/need.py")


@pytest.fixture
def make_master(tmp_path: Path) -> Iterator[MakeMaster]:
    """`make_master(workers, **options)`: a RealMaster, started unless `start=False`."""
    made: list[RealMaster] = []

    def make(workers: Any = (), *, start: bool = True, **options: Any) -> RealMaster:
        name = options.setdefault("name", f"master{len(made) + 1}")
        new = RealMaster(tmp_path / name, workers, **options)
        made.append(new)
        return new.start() if start else new

    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [each.teardown() for each in reversed(made)])
        yield make


def need_faketime() -> Path:
    """The library that sets a master's wall clock."""
    found = two_times.library()
    if found is None:
        _miss("faketime", "no libfaketimeMT.so.1 in /usr/lib (Debian: faketime)")
    return found


@pytest.fixture(scope="session")
def database_server() -> Iterator[Callable[[str], databases.Server]]:
    """`database_server("postgresql" | "mysql")`: a server, the same for the whole session."""
    running: dict[str, databases.Server] = {}

    def get(kind: str) -> databases.Server:
        if kind not in running:
            try:
                running[kind] = databases.SERVERS[kind]()
            except databases.MissingServer as missing:
                _miss("mariadb" if kind == "mysql" else kind, str(missing))
        return running[kind]

    yield get
    for server in running.values():
        server.close()


def make_db_url(
    kind: str, tmp_path: Path, server: Callable[[str], databases.Server]
) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'database.sqlite'}"
        return
    url = server(kind).fresh()
    yield url
    server(kind).drop(url)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.database),
        pytest.param("mysql", marks=pytest.mark.database),
    ]
)
def db_url(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database_server: Callable[[str], databases.Server],
) -> Iterator[str]:
    """A url of an empty database for SQLAlchemy and Buildbot; once per kind of database."""
    yield from make_db_url(request.param, tmp_path, database_server)


@pytest.fixture
def postgresql_url(
    tmp_path: Path, database_server: Callable[[str], databases.Server]
) -> Iterator[str]:
    """As `db_url`, PostgreSQL only."""
    yield from make_db_url("postgresql", tmp_path, database_server)


@pytest.fixture
def mysql_url(tmp_path: Path, database_server: Callable[[str], databases.Server]) -> Iterator[str]:
    """As `db_url`, MariaDB only."""
    yield from make_db_url("mysql", tmp_path, database_server)


# Not for the session: as long as Playwright's sync interface is open, an event loop counts as running
# in this thread, and nobody else's `asyncio.run` works.
@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    """The module's browser."""
    if not browser.find():
        _miss("chromium", "none in PATH (Debian: chromium), and $CHROMIUM is not set")
    yield from browser.launch()


@pytest.fixture
def watched_page(
    request: pytest.FixtureRequest, chromium: browser.Browser
) -> Iterator[browser.Watched]:
    """A page in a new, empty profile, with `.said`: all that came to its console."""
    watched = browser.Watched(chromium)
    request.node.stash.setdefault(_PAGES, []).append(watched)
    yield watched
    watched.context.close()


@pytest.fixture
def page(watched_page: browser.Watched) -> browser.Page:
    """Playwright's page alone."""
    return watched_page.page


def _keep(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Screenshots and logs of a failed test go to a folder of its name; texts also to its report."""
    folder = ARTIFACTS / re.sub(r"[^\w.-]+", "-", item.nodeid)
    for each in master.ALIVE:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{each.name}.log").write_text(each.output() + each.log(), encoding="utf-8")
        yield f"log of {each}", each.tail()
    for watched in item.stash.get(_PAGES, []):
        watched.keep(folder)
        yield f"console of the page, which is in {folder}", "\n".join(watched.said)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test's report has what its masters and its page said."""
    report = yield
    if report.failed:
        try:
            with may_strike(item):
                report.sections.extend(_keep(item))
        # it must not hide why the test failed; nor does the test's time limit
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001
            report.sections.append(("the evidence could not be kept", repr(error)))
    return report


def pytest_sessionstart(session: pytest.Session) -> None:
    """One seed for all that is left to chance: the order of the tests, and hypothesis's examples.

    Each run has another one. It is in pytest's head line, and beside what failed; `--randomly-seed` takes
    it again. The processes of pytest-xdist get it from the first one: all must collect the same order.
    """
    seed = session.config.getoption("randomly_seed", None)
    if isinstance(seed, int) and session.config.getoption("hypothesis_seed") is None:
        hypothesis_core.global_force_seed = seed


def longest_files(stats: Mapping[str, list[Any]], most: int) -> list[tuple[str, float]]:
    """Files with the seconds of their tests, fixtures included: `make test` has a limit in time."""
    spent: collections.Counter[str] = collections.Counter()
    for reports in stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                spent[report.nodeid.partition("::")[0]] += report.duration
    return spent.most_common(most)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not run, in so many words; the times of the steps before pytest; the seed of chance."""
    seed = terminalreporter.config.getoption("randomly_seed", None)
    if isinstance(seed, int) and any(
        terminalreporter.stats.get(how) for how in ("failed", "error")
    ):
        terminalreporter.section("the same order and examples again")
        terminalreporter.write_line(
            f"pytest --randomly-seed={seed} (or in the order of the files: -p no:randomly)"
        )
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section(f"NOT RUN: {len(skipped)}", sep="!")
        for report in skipped:
            terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2]}")
    if "LIFECYCLE_STEPS" in os.environ:
        terminalreporter.section("files of tests that took longest")
        for name, seconds in longest_files(terminalreporter.stats, 30):
            terminalreporter.write_line(f"{seconds:7.1f} s  {name}")
        terminalreporter.section("steps before pytest")
        steps = json.loads(Path(os.environ["LIFECYCLE_STEPS"]).read_text(encoding="utf-8"))
        for name, seconds, failure in steps:
            terminalreporter.write_line(f"{seconds:7.1f} s  {name}  {failure and 'FAILED'}")
