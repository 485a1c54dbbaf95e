"""The harness itself: what the other tests believe of it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from buildbot_lifecycle.cli.processes import marked
from tests.conftest import MakeMaster
from tests.harness.master import MARK, worker


@pytest.mark.master
def test_a_stock_master_builds_on_a_healthy_worker_and_stops(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "healthy")], plugin=False)
    assert master.build("healthy")["results"] == 0
    master.wait_peek("healthy", state="not_substantiated", connected=False)
    assert master.stop() < 10


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


def test_a_fresh_database_answers_and_is_empty(db_url: str) -> None:
    engine = sa.create_engine(db_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    assert sa.inspect(engine).get_table_names() == []


@pytest.mark.master
def test_a_stock_master_runs_on_each_database(make_master: MakeMaster, db_url: str) -> None:
    master = make_master([worker("Healthy", "healthy")], plugin=False, db_url=db_url)
    assert master.build("healthy")["results"] == 0
    assert master.stop() < 10


@pytest.mark.browser
@pytest.mark.master
def test_a_browser_shows_the_page_of_a_stock_master(make_master: MakeMaster, page: Page) -> None:
    master = make_master([worker("Healthy", "healthy")], plugin=False, name="of-its-own")
    page.goto(master.url + "#/workers")
    expect(page.get_by_role("navigation")).to_contain_text("of-its-own")
    expect(page.get_by_role("link", name="healthy")).to_be_visible()
