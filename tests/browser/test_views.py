"""The views of the page on a real master: each leads to what an operator asks next."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Position, expect

from tests.browser.support import SOON, make_stuck, open_page, part, row
from tests.conftest import MakeMaster
from tests.harness.browser import Watched
from tests.harness.master import API, RealMaster, worker
from tests.master.support import LIFECYCLE, force, get_stuck, written

pytestmark = [pytest.mark.master, pytest.mark.browser]


@pytest.fixture
def master(make_master: MakeMaster) -> RealMaster:
    """One worker is stuck; the other has built, and is at rest."""
    made = make_stuck(make_master)
    made.build("healthy")
    get_stuck(made, "stuck")
    made.wait_worker("healthy", state="not_substantiated")
    written(made)
    return made


def workerid(master: RealMaster, name: str) -> int:
    return int(master.worker(name)["workerid"])


def episode(master: RealMaster, name: str) -> Any:
    return master.api(f"workers/{name}/episodes")["episodes"][0]


def tile(page: Page, value: str) -> Any:
    return page.locator(f"[data-test=tile][data-value={value}]")


def test_the_health_line_says_what_a_stop_would_cost(master: RealMaster, page: Page) -> None:
    open_page(page, master)
    line = part(page, "health-line")
    expect(line).to_contain_text("1 of 2 latent workers is stuck")
    cost = re.compile(r"stopping the master now would take up to \d+ s and release 1 call")
    expect(line).to_contain_text(cost, timeout=SOON)


def test_a_tile_filters_and_the_address_remembers_it(master: RealMaster, page: Page) -> None:
    open_page(page, master)
    expect(tile(page, "stuck")).to_have_attribute("data-count", "1", timeout=SOON)
    tile(page, "ok").click()
    expect(row(page, "stuck")).to_have_count(0)
    expect(row(page, "healthy")).to_be_visible()
    assert "verdict=ok" in page.url
    page.reload()
    expect(row(page, "healthy")).to_be_visible(timeout=SOON)
    expect(row(page, "stuck")).to_have_count(0)
    expect(tile(page, "ok")).to_have_attribute("aria-pressed", "true")
    # the filter goes along to the timeline
    part(page, "tabs").get_by_role("link", name="Timeline").click()
    expect(part(page, "lanes")).to_have_attribute("data-lanes", "1", timeout=SOON)
    page.go_back()
    tile(page, "ok").click()
    expect(row(page, "stuck")).to_be_visible()


def test_a_row_shows_its_last_episodes_and_one_more_when_it_has_ended(
    master: RealMaster, page: Page
) -> None:
    open_page(page, master)
    spark = row(page, "healthy").locator("[data-test=sparkline]")
    expect(spark).to_have_attribute("data-episodes", "1", timeout=SOON)
    master.build("healthy")
    expect(spark).to_have_attribute("data-episodes", "2", timeout=SOON)
    expect(spark).to_have_attribute("aria-label", re.compile("none went wrong"))


def test_the_time_column_is_that_of_the_wait_also_where_the_state_has_just_changed(
    master: RealMaster, page: Page
) -> None:
    master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="substantiation_queued")
    open_page(page, master)
    cell = row(page, "stuck").locator(".bbl-c-for")
    expect(cell.locator("[data-test=limit]")).to_have_attribute("data-percent", "100")
    worker_ = master.worker("stuck")
    waited = cell.locator("[data-test=waited] time")
    stated = waited.evaluate("(time) => Date.parse(time.dateTime) / 1000")
    # the page has milliseconds
    assert abs(stated - worker_["verdict"]["since"]) < 0.002
    in_state = cell.locator("[data-test=state-age] time").evaluate(
        "(time) => Date.parse(time.dateTime) / 1000"
    )
    assert in_state > stated
    expect(row(page, "healthy").locator("[data-test=limit]")).to_have_count(0)


def test_the_timeline_leads_by_mouse_and_by_keyboard_to_the_episode(
    master: RealMaster, page: Page
) -> None:
    open_page(page, master, "/timeline?range=1_h")
    lanes = part(page, "lanes")
    expect(lanes).to_have_attribute("data-lanes", "2", timeout=SOON)
    chart = page.get_by_role("application")
    chart.focus()
    page.keyboard.press("ArrowDown")
    tip = part(page, "lane-tip")
    expect(tip).to_contain_text("stuck")
    expect(tip).to_contain_text("insubstantiating")
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("substantiated")
    expect(page).to_have_url(re.compile("since="), timeout=SOON)
    page.keyboard.press("Enter")
    at = episode(master, "stuck")["id"]
    expect(page).to_have_url(re.compile(f"/lifecycle/episodes/{at}$"))
    _show_stop(master, page, "stuck")
    canvas = page.locator(".bbl-chart-canvas")
    canvas.hover(position=_in_stop(page))
    expect(tip).to_contain_text("insubstantiating")
    expect(tip).to_contain_text(f"episode {at}")
    canvas.click(position=_in_stop(page))
    expect(page).to_have_url(re.compile(f"/lifecycle/episodes/{at}$"))


def test_the_timelines_tip_stays_with_its_worker_when_lanes_change_places(
    master: RealMaster, page: Page
) -> None:
    at = episode(master, "stuck")["id"]
    _show_stop(master, page, "stuck")
    canvas, tip = page.locator(".bbl-chart-canvas"), part(page, "lane-tip")
    spot = _in_stop(page)
    canvas.hover(position=spot)
    expect(tip).to_contain_text(f"episode {at}")
    # who is stuck is in the first lane: once it is not, the healthy worker is
    force(master, "stuck")
    expect(page.locator(".bbl-lane-label").first).to_have_text("healthy")
    expect(tip.locator("strong")).to_have_text("stuck")
    expect(tip).to_contain_text(f"episode {at}")
    # the mouse is over the other worker by now: the first click says so and opens nothing
    page.mouse.down()
    page.mouse.up()
    expect(tip.locator("strong")).to_have_text("healthy")
    assert "/lifecycle/timeline" in page.url


def test_the_timelines_keyboard_stays_with_its_worker_when_lanes_change_places(
    master: RealMaster, page: Page
) -> None:
    at = episode(master, "stuck")["id"]
    _show_stop(master, page, "stuck")
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowDown")
    tip = part(page, "lane-tip")
    expect(tip).to_contain_text(f"episode {at}")
    force(master, "stuck")
    expect(page.locator(".bbl-lane-label").first).to_have_text("healthy")
    expect(tip.locator("strong")).to_have_text("stuck")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/lifecycle/episodes/{at}$"))


def _show_stop(master: RealMaster, page: Page, name: str) -> None:
    """Open the timeline such that the pending stop of a stuck worker fills half of the first lane."""
    since = master.wait_worker(name, pending=bool)["pending"]["since"]
    length = max(1.0, time.time() - since)
    page.goto("about:blank")
    open_page(page, master, f"/timeline?since={since - length}&until={since + length}")
    expect(page.locator(".bbl-lane-label").first).to_contain_text(name)


def _in_stop(page: Page) -> Position:
    """The middle of that bar: it has grown since, and is as wide on any machine."""
    box = page.locator(".bbl-chart-canvas").bounding_box()
    assert box is not None
    return {"x": box["width"] * 0.75, "y": 12}


def test_zooming_by_its_button_keeps_now_in_sight(master: RealMaster, page: Page) -> None:
    open_page(page, master, "/timeline?range=1_h")
    expect(part(page, "lanes")).to_be_visible(timeout=SOON)
    for _ in range(3):
        part(page, "zoom-in").click()
    expect(page).to_have_url(re.compile(r"until=\d+"), timeout=SOON)
    until = re.search(r"until=(\d+)", page.url)
    since = re.search(r"since=(\d+)", page.url)
    assert until is not None
    assert since is not None
    length = int(until[1]) - int(since[1])
    assert 400 < length < 500
    assert abs(time.time() - int(until[1])) < length / 4


def test_the_timeline_says_the_same_in_words(master: RealMaster, page: Page) -> None:
    open_page(page, master, "/timeline?range=1_h")
    table = part(page, "lane-table")
    table.locator("summary").click()
    line = table.get_by_role("row", name=re.compile("stuck"))
    expect(line).to_contain_text("insubstantiating")
    expect(table.get_by_role("row")).to_have_count(3)


def test_the_workers_page_draws_its_durations_with_the_threshold(
    master: RealMaster, page: Page
) -> None:
    open_page(page, master, f"/workers/{workerid(master, 'healthy')}")
    stop = page.locator("[data-test=distribution][data-phase=stop]")
    expect(stop).to_be_visible(timeout=SOON)
    for number in ("p50", "p95", "p99", "stuck after", "longest"):
        expect(stop).to_contain_text(number)
    part(page, "episode-row").first.locator("th a").click()
    expect(part(page, "episode-outcome")).to_contain_text("ended well")


def test_an_episode_is_told_from_its_build_to_its_failure(
    make_master: MakeMaster, page: Page
) -> None:
    workers = [worker("RaisingStop", "raising", instance_dies=True)]
    master = make_master(workers, lifecycle=LIFECYCLE)
    master.build("raising")
    master.wait_worker("raising", verdict__level="attention")
    written(master)
    open_page(page, master, f"/episodes/{episode(master, 'raising')['id']}")
    expect(part(page, "episode-outcome")).to_contain_text("stop failed", timeout=SOON)
    expect(part(page, "episode-outcome")).to_contain_text("RuntimeError")
    page.get_by_text("Traceback").first.click()
    expect(page.locator(".bbl-traceback").first).to_contain_text(
        "Traceback (most recent call last)"
    )
    falls = page.locator("[data-test=fall]")
    expect(falls.filter(has_text="stop_instance").first).to_be_visible()
    for kind in ("phase", "call", "build", "mark"):
        of_kind = page.locator(f"[data-test=fall][data-kind={kind}]")
        expect(of_kind.first).to_be_visible(timeout=SOON)
    part(page, "facts").get_by_role("link", name="raising #1").click()
    expect(page).to_have_url(re.compile(r"/builders/\d+/builds/1"))


def test_what_blocks_the_stop_is_told_of_each_master(master: RealMaster, page: Page) -> None:
    open_page(page, master, "/stop")
    stop = part(page, "stop")
    expect(stop).to_contain_text("Stopping it now would take up to", timeout=SOON)
    expect(stop.locator("[data-test=blocker][data-worker=stuck]")).to_contain_text("stop_instance")
    force(master, "stuck")
    expect(stop).to_contain_text("It could be stopped at once", timeout=SOON)


def test_an_orphan_is_found_and_closed_with_a_note_and_both_ledgers_are_exported(
    master: RealMaster, page: Page
) -> None:
    force(master, "stuck", reason="=cmd()")
    open_page(page, master, "/orphans")
    orphan = part(page, "orphan")
    expect(orphan).to_have_count(1, timeout=SOON)
    orphan.locator("[data-test=select]").check()
    part(page, "orphan-note").fill("terminated by hand")
    part(page, "orphan-resolve").click()
    expect(orphan).to_have_count(0, timeout=SOON)
    part(page, "filter-show").select_option("closed")
    expect(orphan).to_contain_text("terminated by hand", timeout=SOON)
    assert "terminated by hand" in _csv(page)

    page.goto(f"{master.url}#/lifecycle/actions?status=done")
    expect(part(page, "action-row")).to_have_count(1, timeout=SOON)
    # what would be a formula in a spreadsheet is not one
    assert "'=cmd()" in _csv(page)
    part(page, "filter-worker").fill("nobody")
    expect(page.get_by_text("No actions match.")).to_be_visible(timeout=SOON)


def _csv(page: Page) -> str:
    href = part(page, "csv").get_attribute("href")
    assert href is not None
    return str(page.context.request.get(href).text())


def test_several_workers_are_freed_at_once_each_with_its_own_result(
    make_master: MakeMaster, page: Page
) -> None:
    names = ["one", "two"]
    workers = [worker("StuckStopDeferred", name) for name in names]
    workers.append(worker("Healthy", "healthy"))
    master = make_master(workers, lifecycle=LIFECYCLE)
    for name in names:
        master.force_build(name)
    for name in names:
        get_stuck(master, name)
    open_page(page, master)
    for name in (*names, "healthy"):
        row(page, name).locator("[data-test=select]").check()
    part(page, "force-selected").click()
    ones = page.locator("[data-test=force-one]")
    left = page.locator("[data-test=force-one][data-worker=healthy]")
    expect(left).to_have_attribute("data-state", "left", timeout=SOON)
    part(page, "force-name").fill("2")
    part(page, "force-reason").fill("the cloud is gone")
    part(page, "force-submit").click()
    expect(part(page, "force-many-outcome")).to_have_attribute("data-done", "2", timeout=SOON)
    expect(ones).to_have_count(3)
    part(page, "force-close").click()
    for name in names:
        told = row(page, name).locator("[data-test=row-outcome]")
        expect(told).to_have_attribute("data-status", "done", timeout=SOON)
        expect(row(page, name)).to_have_attribute("data-state", "not_substantiated")
    assert {a["worker"] for a in master.api("actions")["actions"]} == set(names)


def test_buildbots_settings_page_sets_what_the_badge_counts(master: RealMaster, page: Page) -> None:
    open_page(page, master)
    expect(part(page, "menu-badge")).to_have_attribute("data-stuck", "1", timeout=SOON)
    page.goto(f"{master.url}#/settings")
    group = page.locator("[data-bb-test-id=settings-group-Lifecycle]")
    group.locator("select").nth(1).select_option("nothing")
    group.locator("select").nth(0).select_option("1 d")
    open_page(page, master, "/timeline")
    expect(part(page, "menu-badge")).to_have_count(0, timeout=SOON)
    expect(page.locator("[data-test=range][aria-pressed=true]")).to_have_text("1 d")


def test_a_hidden_tab_asks_for_nothing_and_looks_again_when_it_is_seen(
    master: RealMaster, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if API in request.url else None)
    open_page(page, master)
    expect(row(page, "stuck")).to_be_visible()
    _set_hidden(page, True)
    page.wait_for_timeout(500)
    asked.clear()
    force(master, "stuck")
    page.wait_for_timeout(11_000)
    assert asked == []
    _set_hidden(page, False)
    expect(row(page, "stuck")).to_have_attribute("data-state", "not_substantiated", timeout=SOON)
    expect(part(page, "live-state")).to_have_attribute("data-mode", "live", timeout=SOON)


def _set_hidden(page: Page, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


#: Would run if it became markup, turns the line around, and is long.
NASTY = "<script>window.pwned = 1</script><img src=x onerror='window.pwned=1'>\u202e" + "x" * 10_000


def test_text_of_others_stays_text_however_long_it_is(
    master: RealMaster, watched_page: Watched
) -> None:
    page = watched_page.page

    def spoil(route: Any) -> None:
        answer = route.fetch()
        told = answer.json()
        for each in told.get("workers", []):
            each["verdict"]["reason"] = each["name"] = each["instance"] = NASTY
        for each in told.get("episodes", []):
            each["worker"] = each["instance"] = NASTY
            each["failure"] = {"call": "stop_instance", "error": NASTY, "traceback": NASTY}
        for each in told.get("actions", []) + told.get("orphans", []):
            each.update(reason=NASTY, outcome=NASTY, why=NASTY, worker=NASTY, instance=NASTY)
        route.fulfill(response=answer, json=told)

    at = episode(master, "stuck")["id"]
    force(master, "stuck")
    page.route(f"**/{API}/**", spoil)
    for route in ("", "/timeline", f"/workers/{workerid(master, 'stuck')}", f"/episodes/{at}",
                  "/orphans", "/actions", "/stop"):  # fmt: skip
        page.goto("about:blank")
        open_page(page, master, route)
        page.wait_for_timeout(700)
        assert page.evaluate("window.pwned") is None
        assert page.locator(".bbl script, .bbl img").count() == 0
        # nothing is pushed out of the window by it
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), route
    assert [said for said in watched_page.said if "uncaught" in said] == []


@pytest.mark.parametrize("width", [360, 768, 1000, 1210, 1400])
def test_at_no_width_a_word_is_broken_or_the_table_wider_than_the_window(
    master: RealMaster, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_page(page, master)
    expect(row(page, "stuck")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    state = row(page, "stuck").locator(".bbl-c-state")
    wide = state.evaluate(
        """(cell) => {
          const probe = document.createElement('span');
          probe.style.cssText = 'position:absolute;white-space:nowrap';
          probe.textContent = 'insubstantiating,';
          cell.append(probe);
          const style = getComputedStyle(cell);
          const room = cell.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
          const fits = probe.offsetWidth <= room;
          probe.remove();
          return fits;
        }"""
    )
    assert wide


def test_at_a_phones_width_nothing_is_cut_off_and_a_worker_can_be_freed(
    master: RealMaster, page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    at = episode(master, "stuck")["id"]
    for route in ("/timeline", "/stop", "/orphans", "/actions", f"/episodes/{at}", ""):
        open_page(page, master, route)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), route
    row(page, "stuck").locator("[data-test=force-button]").click()
    part(page, "force-name").fill("stuck")
    part(page, "force-reason").fill("from a phone")
    part(page, "force-submit").click()
    expect(part(page, "force-outcome")).to_have_attribute("data-status", "done", timeout=SOON)


def test_without_the_newer_endpoints_the_page_says_so_and_the_rest_works(
    master: RealMaster, page: Page
) -> None:
    gone = {"error": "there is nothing at this address", "code": "not_found"}
    for what in ("stats", "recent", "timeline"):
        page.route(re.compile(f"{API}/{what}"), lambda route: route.fulfill(status=404, json=gone))
    open_page(page, master)
    expect(row(page, "healthy")).to_contain_text("not available")
    part(page, "tabs").get_by_role("link", name="Timeline").click()
    expect(part(page, "timeline-absent")).to_be_visible(timeout=SOON)
    open_page(page, master, f"/workers/{workerid(master, 'healthy')}")
    expect(part(page, "durations-absent")).to_be_visible(timeout=SOON)
    expect(part(page, "episode-row").first).to_be_visible()
