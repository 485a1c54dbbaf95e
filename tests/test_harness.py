"""The harness itself: what the other tests believe of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from buildbot_lifecycle.demo.processes import marked
from buildbot_lifecycle.demo.workers import MARK as INSTANCE_MARK
from tests.conftest import MakeMaster
from tests.harness.master import MARK, ROOT, worker
from tests.harness.waiting import patient


@pytest.mark.master
def test_a_stock_master_builds_on_a_healthy_worker_and_stops(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "healthy")], plugin=False)
    assert master.build("healthy")["results"] == 0
    master.wait_peek("healthy", state="not_substantiated", connected=False)
    master.stop(10)


@pytest.mark.master
def test_nothing_is_left_of_a_torn_down_master_though_it_was_killed(
    make_master: MakeMaster,
) -> None:
    workers = [worker("Healthy", "survivor", outlives_master=True)]
    master = make_master(workers, plugin=False)
    request = master.force_build("survivor", seconds=300)
    master.wait_build(request, state="started")
    master.kill9()
    assert master.instance_pids("survivor")
    master.teardown()
    assert marked(MARK, master.mark) == []


@pytest.mark.master
def test_a_start_that_finds_a_process_which_is_about_to_end_starts_another_when_it_has(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("Healthy", "w")], plugin=False)
    # stands for one that was refused a moment ago: it will not connect any more, and has not ended yet
    directory = master.basedir / "instances" / "w"
    with subprocess.Popen(
        ["sleep", "600"], env={**master.env, INSTANCE_MARK: str(directory)}
    ) as old:
        request = master.force_build("w")
        master.wait_log("instance of w is there already")
        old.kill()
    assert master.wait_build(request)["results"] == 0


def test_a_fresh_database_answers_and_is_empty(db_url: str) -> None:
    engine = sa.create_engine(db_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    assert sa.inspect(engine).get_table_names() == []


@pytest.mark.master
def test_a_stock_master_runs_on_each_database(make_master: MakeMaster, db_url: str) -> None:
    master = make_master([worker("Healthy", "healthy")], plugin=False, db_url=db_url)
    assert master.build("healthy")["results"] == 0
    master.stop(10)


@pytest.mark.browser
@pytest.mark.master
def test_a_browser_shows_the_page_of_a_stock_master(make_master: MakeMaster, page: Page) -> None:
    master = make_master([worker("Healthy", "healthy")], plugin=False, name="of-its-own")
    page.goto(master.url + "#/workers")
    expect(page.get_by_role("navigation")).to_contain_text("of-its-own")
    expect(page.get_by_role("link", name="healthy")).to_be_visible()


_TELL_THREADS = """
import threading
from buildbot.www import rest
from twisted.internet import threads
from twisted.web.http import Request

_write = Request.write


def write(self, data):
    is_main = threading.current_thread() is threading.main_thread()
    print('written in the', 'reactor' if is_main else 'thread', flush=True)
    return _write(self, data)


Request.write = write
"""


@pytest.mark.master
@pytest.mark.parametrize("stock", [False, True])
def test_rest_is_written_in_the_reactor_and_in_stock_buildbot_from_a_thread(
    make_master: MakeMaster, stock: bool
) -> None:
    # once the second is not so any more, `answer_in_reactor` can go
    extra = _TELL_THREADS + ("rest.threads = threads\n" if stock else "")
    master = make_master([worker("Healthy", "healthy")], plugin=False, extra=extra)
    since = master.log_size()
    assert master.get("api/v2/workers").json["workers"][0]["name"] == "healthy"
    found = master.wait_log(r"written in the (reactor|thread)", since)
    assert found[1] == ("thread" if stock else "reactor")


_HANGS = """
import time

import pytest

from tests.harness import master


class Hangs:
    '''A master whose evidence never comes.'''

    name = "hangs"

    def output(self):
        time.sleep(1000)


@pytest.fixture
def slow_to_go():
    yield
    time.sleep(1000)


def test_evidence():
    master.ALIVE.append(Hangs())
    try:
        raise AssertionError("its own failure")
    finally:
        time.sleep(0.5)


def test_body_and_end(slow_to_go):
    master.ALIVE.clear()
    time.sleep(1000)


@pytest.mark.parametrize("number", range(6))
def test_others(number):
    pass
"""


@pytest.mark.process
def test_a_test_over_its_limit_fails_alone_wherever_it_hangs(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *  # noqa: F403\n")
    (tmp_path / "test_hangs.py").write_text(_HANGS)
    options = [
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(tmp_path),
        "-p",
        "no:cacheprovider",
        # its tests are one story
        "-p",
        "no:randomly",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-n", "2", "--timeout", "2", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    assert "INTERNALERROR" not in done.stdout, done.stdout
    assert "2 failed, 6 passed, 1 error in" in done.stdout, done.stdout
    assert "its own failure" in done.stdout


@pytest.mark.process
def test_a_master_can_be_interrupted_where_the_run_was_put_into_the_background() -> None:
    """A shell without job control starts what is in the background with SIGINT ignored."""
    ask = "import signal; print(signal.getsignal(signal.SIGINT))"
    command = [sys.executable, "-m", "buildbot_lifecycle.demo.processes", sys.executable, "-c", ask]
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
    said = subprocess.run(ignoring, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "default_int_handler" in said
