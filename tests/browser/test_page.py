"""The page on a real master, in a real browser: from a stuck worker to a freed one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.support import (
    LIVE,
    ORDINARY,
    button,
    log_in,
    make_stuck,
    open_page,
    part,
    rights,
    row,
    slow_to_be_stuck,
    unhang,
)
from tests.conftest import MakeMaster
from tests.harness import databases
from tests.harness.browser import Watched
from tests.harness.master import RealMaster, worker
from tests.harness.waiting import patient
from tests.master.support import LIFECYCLE, force, get_stuck, rows, unpause

pytestmark = [pytest.mark.master, pytest.mark.browser]

#: A reason that would run, if it became markup anywhere.
REASON = "the console <b>shows</b> no instance <img src=x onerror=alert(1)>"

NOT_ANONYMOUS = {"anonymous_may_force": False}


def fill(page: Page, name: str = "stuck", reason: str = REASON) -> None:
    """What the dialog asks for."""
    part(page, "force-name").fill(name)
    part(page, "force-reason").fill(reason)


def steps(page: Page) -> list[tuple[str | None, str | None]]:
    """The steps that the dialog shows, each with whether it was done."""
    shown = page.locator("[data-test=force-dialog] [data-step]").all()
    return [(each.get_attribute("data-step"), each.get_attribute("data-done")) for each in shown]


def test_a_stuck_worker_is_freed_from_the_page_and_who_did_it_is_written_down(
    make_master: MakeMaster, watched_page: Watched
) -> None:
    page = watched_page.page
    master = make_stuck(make_master, extra=rights(), lifecycle=NOT_ANONYMOUS)
    log_in(page, master, "alice")
    open_page(page, master)
    # it stands out: first row, the reason, the badge in the menu
    expect(row(page, "stuck")).to_have_attribute("data-verdict", "stuck")
    first = page.locator("[data-test=worker-row]").first
    expect(first).to_have_attribute("data-worker", "stuck")
    expect(first).to_contain_text("stop_instance has not ended for")
    expect(part(page, "menu-badge")).to_have_attribute("data-stuck", "1")
    expect(part(page, "health-line")).to_have_attribute("data-level", "stuck")
    unhang(master)
    waiting = master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="substantiation_queued")

    # nothing is done by opening the dialog, nor by pressing without a name and a reason
    button(page, "stuck").click()
    planned = ["pause", "cancel_substantiation", "end_wait", "open_orphan"]
    expect(part(page, "force-warnings")).to_contain_text("The instance is not stopped by this")
    expect(part(page, "force-plan").locator("[data-step]")).to_have_count(4)
    assert steps(page) == [(step, "null") for step in planned]
    part(page, "force-submit").click()
    expect(page.get_by_text("Type the worker's name.")).to_be_visible()
    fill(page, reason=" ")
    part(page, "force-submit").click()
    expect(page.get_by_text("A reason is needed")).to_be_visible()
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]

    fill(page)
    part(page, "force-submit").click()
    expect(part(page, "force-outcome")).to_have_attribute("data-status", "done")
    assert steps(page) == [(step, "true") for step in planned]
    expect(part(page, "force-outcome")).to_contain_text("by alice")
    part(page, "force-close").click()
    expect(part(page, "force-dialog")).to_have_count(0)
    expect(row(page, "stuck")).to_have_attribute("data-state", "not_substantiated", timeout=LIVE)
    expect(row(page, "stuck")).to_contain_text("paused", timeout=LIVE)
    expect(row(page, "stuck")).to_contain_text("its stop_instance still runs")
    expect(part(page, "menu-badge")).to_have_count(0)

    # what the database says of it
    told = rows(master, "select what, actor, status, data from lifecycle_actions")
    assert [row_[:3] for row_ in told] == [("force-disconnect", "alice", "done")]
    assert json.loads(told[0][3])["reason"] == REASON
    query = "select state, paused from lifecycle_workers where name = 'stuck'"
    assert rows(master, query) == [("not_substantiated", 1)]
    query = "select outcome from lifecycle_episodes where ended_at is not null"
    assert rows(master, query) == [("released",)]
    query = (
        "select from_state, to_state from lifecycle_events where kind = 'transition' order by id"
    )
    assert rows(master, query)[-1] == ("insubstantiating", "not_substantiated")
    assert rows(master, "select closed_at from lifecycle_orphans") == [(None,)]

    # and what is to be done afterwards: look for the instance, unpause
    _close_the_orphan(page, master)
    unpause(master, "stuck")
    assert master.wait_build(waiting)["results"] == 0
    assert [text for text in watched_page.said if "rror" in text or "uncaught" in text] == []


def _close_the_orphan(page: Page, master: RealMaster) -> None:
    line = part(page, "orphans")
    expect(line).to_contain_text("1 instance may still run")
    line.get_by_role("link").click()
    orphan = page.locator("[data-test=orphan][data-worker=stuck]")
    expect(orphan).to_contain_text(REASON)
    orphan.locator("[data-test=orphan-mark]").click()
    expect(part(page, "orphan-note")).to_be_focused()
    part(page, "orphan-note").fill("ended by hand")
    part(page, "orphan-resolve").click()
    expect(part(page, "orphans-said")).to_contain_text("1 entry closed")
    expect(part(page, "orphans-said")).to_be_focused()
    expect(orphan).to_have_count(0)
    ((data,),) = rows(master, "select data from lifecycle_orphans where closed_at is not null")
    assert json.loads(data)["closed_by"] == "alice"
    assert json.loads(data)["note"] == "ended by hand"


def test_the_workers_own_page_tells_what_happened_and_frees_it_too(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_stuck(make_master)
    get_stuck(master, "stuck")
    open_page(page, master)
    row(page, "stuck").locator("th a").click()
    expect(part(page, "verdict")).to_have_attribute("data-verdict", "stuck")
    expect(part(page, "facts")).to_contain_text("stop_instance")
    expect(part(page, "timeline-row")).to_have_count(1)
    expect(part(page, "episode-row")).to_contain_text("open")
    part(page, "force-button").click()
    fill(page)
    part(page, "force-submit").click()
    expect(part(page, "force-outcome")).to_have_attribute("data-status", "done")
    part(page, "force-close").click()
    expect(part(page, "fact-state")).to_have_attribute("data-state", "not_substantiated")
    expect(part(page, "episode-row")).to_contain_text("released by force")
    expect(part(page, "action-row")).to_contain_text(REASON)
    # Buildbot tells of the pause a moment later: that comes by a message of its own
    paused = page.locator("[data-test=event-row][data-kind=paused]")
    expect(paused).to_have_count(1, timeout=LIVE)
    # nothing is waited for by now; what is left of it is listed, with the call that was abandoned
    expect(part(page, "abandoned")).to_contain_text("the abandoned stop_instance still runs, for")
    expect(part(page, "to-do")).to_contain_text("Left to do: 3 things")
    kinds = page.locator("[data-test=event-row]").evaluate_all(
        "rows => rows.map(row => row.dataset.kind)"
    )
    assert kinds[-1] == "baseline"
    assert {"transition", "call_started", "call_ended", "action"} <= set(kinds)


def test_a_worker_is_freed_by_keyboard_alone(make_master: MakeMaster, page: Page) -> None:
    master = make_stuck(make_master)
    get_stuck(master, "stuck")
    open_page(page, master)
    expect(row(page, "stuck")).to_have_attribute("data-verdict", "stuck")
    _tab_to(page, "force-button")
    # Escape closes it and gives the focus back, with nothing done
    page.keyboard.press("Enter")
    expect(part(page, "force-dialog")).to_be_visible()
    expect(part(page, "force-name")).to_be_visible()
    page.keyboard.press("Escape")
    expect(part(page, "force-dialog")).to_have_count(0)
    expect(button(page, "stuck")).to_be_focused()
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]

    page.keyboard.press("Enter")
    expect(part(page, "force-name")).to_be_visible()
    _tab_to(page, "force-pause")
    _tab_to(page, "force-name")
    page.keyboard.type("stuck")
    _tab_to(page, "force-reason")
    page.keyboard.type("by keyboard")
    _tab_to(page, "force-submit")
    page.keyboard.press("Enter")
    expect(part(page, "force-outcome")).to_have_attribute("data-status", "done")
    _tab_to(page, "force-close")
    page.keyboard.press("Enter")
    expect(part(page, "force-dialog")).to_have_count(0)
    # the focus is somewhere, not lost
    assert page.evaluate("document.activeElement !== document.body")
    assert rows(master, "select status from lifecycle_actions") == [("done",)]


def _tab_to(page: Page, name: str, presses: int = 150) -> None:
    """Press Tab until the focus is on a part of the page; each stop must be one that can be seen."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.test") == name:
            assert page.evaluate("document.activeElement.checkVisibility()")
            return
    raise AssertionError(f"{name} was not reached by {presses} times Tab")


def test_a_verdict_that_turns_is_on_the_page_without_a_reload_or_a_poll(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_stuck(make_master, lifecycle=slow_to_be_stuck(300))
    open_page(page, master)
    expect(row(page, "stuck")).to_have_attribute("data-verdict", "ok")
    master.reconfig(lifecycle=LIFECYCLE)
    get_stuck(master, "stuck")
    expect(row(page, "stuck")).to_have_attribute("data-verdict", "stuck", timeout=LIVE)
    expect(part(page, "live-state")).to_have_attribute("data-mode", "live")


def test_who_hears_of_something_finds_it_in_the_database(
    make_master: MakeMaster, page: Page
) -> None:
    heard: list[tuple[str, bool]] = []
    master = make_stuck(make_master, lifecycle=slow_to_be_stuck(300))

    def hear(text: str | bytes) -> None:
        message = json.loads(text)
        kind = str(message.get("k", "")).rpartition("/")[2]
        told = message.get("m", {})
        if kind == "verdict":
            query = f"select verdict from lifecycle_workers where workerid = {told['workerid']}"
            ((verdict,),) = rows(master, query)
            heard.append((kind, json.loads(verdict)["code"] == told["code"]))
        elif kind in ("event", "transition"):
            query = f"select count(*) from lifecycle_events where id = {told['id']}"
            heard.append((kind, rows(master, query) == [(1,)]))

    page.on("websocket", lambda socket: socket.on("framereceived", hear))
    open_page(page, master)
    master.reconfig(lifecycle=LIFECYCLE)
    get_stuck(master, "stuck")
    expect(row(page, "stuck")).to_have_attribute("data-verdict", "stuck", timeout=LIVE)
    force(master, "stuck")
    expect(row(page, "stuck")).to_have_attribute("data-state", "not_substantiated", timeout=LIVE)
    # somebody unpauses it on Buildbot's own page: nothing but that happens
    expect(row(page, "stuck")).to_contain_text("paused", timeout=LIVE)
    unpause(master, "stuck")
    expect(row(page, "stuck").get_by_text("paused", exact=True)).to_have_count(0, timeout=LIVE)
    assert {kind for kind, _ in heard} == {"verdict", "event", "transition"}
    assert all(there for _, there in heard)


def test_without_its_websocket_the_page_says_that_it_polls_and_goes_on(
    make_master: MakeMaster, page: Page
) -> None:
    sockets: list[WebSocketRoute] = []
    refused = [False]

    def connect(socket: WebSocketRoute) -> None:
        if refused[0]:
            socket.close()
            return
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket("**/ws", connect)
    master = make_stuck(make_master, lifecycle=slow_to_be_stuck(300))
    open_page(page, master)
    refused[0] = True
    for socket in sockets:
        socket.close()
    state = part(page, "live-state")
    expect(state).to_have_attribute("data-mode", "polling")
    expect(state).to_contain_text("not live: polling every")
    # what happens meanwhile is seen all the same
    master.reconfig(lifecycle=LIFECYCLE)
    expect(row(page, "stuck")).to_have_attribute("data-verdict", "stuck")
    expect(state).to_have_attribute("data-mode", "polling")
    refused[0] = False
    page.get_by_role("button", name="Try now").click()
    expect(state).to_have_attribute("data-mode", "live")


def shut_because(page: Page, name: str, text: str) -> None:
    """The button cannot be pressed, can be reached by keyboard, and says why."""
    door = button(page, name)
    expect(door).to_have_attribute("data-door", "shut")
    expect(door).to_have_attribute("aria-disabled", "true")
    door.focus()
    expect(door).to_be_focused()
    why = row(page, name).locator("[data-test=force-why]")
    expect(why).to_be_visible()
    expect(why).to_contain_text(text)
    door.press("Enter")
    expect(part(page, "force-dialog")).to_have_count(0)
    # as a person does who has read it: the reason lies over the next row while it is shown
    page.get_by_role("heading", name="Latent workers").click()
    expect(why).not_to_be_visible()


def test_a_reason_that_is_shown_leaves_the_next_button_to_the_pointer(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_stuck(make_master)
    get_stuck(master, "stuck")
    open_page(page, master)
    _tab_to(page, "force-button")
    why = row(page, "stuck").locator("[data-test=force-why]")
    expect(why).to_be_visible()
    over, under = why.bounding_box(), button(page, "healthy").bounding_box()
    assert over is not None
    assert under is not None
    assert over["y"] < under["y"] + under["height"] < over["y"] + over["height"] + under["height"]
    spot = (under["x"] + under["width"] / 2, under["y"] + under["height"] / 2)
    hit = "([x, y]) => document.elementFromPoint(x, y).closest('tr').dataset.worker"
    assert page.evaluate(hit, spot) == "healthy"
    page.mouse.click(*spot)
    expect(row(page, "healthy").locator("[data-test=force-why]")).to_be_visible()


def test_who_may_not_force_is_told_so_before_the_click_and_by_the_server(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_stuck(make_master, extra=rights(), lifecycle=NOT_ANONYMOUS)
    get_stuck(master, "stuck")
    open_page(page, master)
    shut_because(page, "stuck", "you are not logged in")
    log_in(page, master, "bob")
    page.reload()
    shut_because(page, "stuck", "bob has no right")
    log_in(page, master, "alice")
    page.reload()
    expect(button(page, "stuck")).to_have_attribute("data-door", "open")
    # logged out in another tab, while the dialog is open
    button(page, "stuck").click()
    fill(page)
    page.context.clear_cookies()
    part(page, "force-submit").click()
    expect(part(page, "force-refusal")).to_contain_text("Not logged in")
    expect(part(page, "force-refusal")).to_contain_text("Nothing was done")
    assert master.worker("stuck")["state"] == "insubstantiating"
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]


def test_a_worker_that_is_well_is_shut_and_one_not_stuck_yet_can_be_overridden(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_stuck(make_master, lifecycle=slow_to_be_stuck(300))
    building = master.force_build("healthy", seconds=300)
    master.wait_build(building, state="started")
    open_page(page, master)
    shut_because(page, "healthy", "Stop the build instead")
    door = button(page, "stuck")
    expect(door).to_have_attribute("data-door", "override")
    door.click()
    expect(part(page, "force-why-not")).to_contain_text("not stuck")
    expect(part(page, "force-submit")).to_have_count(0)
    part(page, "force-override").check()
    expect(part(page, "force-submit")).to_be_visible()
    part(page, "force-pause").uncheck()
    expect(part(page, "force-warnings")).to_contain_text("Without the pause")
    fill(page)
    part(page, "force-submit").click()
    expect(part(page, "force-outcome")).to_have_attribute("data-status", "done")
    ((data,),) = rows(master, "select data from lifecycle_actions")
    assert (json.loads(data)["override"], json.loads(data)["pause"]) == (True, False)
    assert master.worker("stuck")["paused"] is False


def test_a_worker_that_somebody_else_freed_meanwhile_is_not_forced_again(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_stuck(make_master)
    get_stuck(master, "stuck")
    open_page(page, master)
    button(page, "stuck").click()
    fill(page)
    force(master, "stuck", reason="I was faster")
    part(page, "force-submit").click()
    refusal = part(page, "force-refusal")
    expect(refusal).to_contain_text("Already gone on")
    expect(refusal).to_contain_text("Nothing was done")
    expect(part(page, "force-submit")).to_have_count(0)
    part(page, "force-reload").click()
    expect(part(page, "force-why-not")).to_contain_text("nothing to release")
    assert rows(master, "select count(*) from lifecycle_actions") == [(1,)]


def test_a_worker_that_comes_back_after_its_stop_is_freed(
    make_master: MakeMaster, page: Page
) -> None:
    workers = [worker("SurvivesStop", "survivor", restart_after=2)]
    master = make_master(workers, lifecycle=LIFECYCLE)
    master.build("survivor")
    open_page(page, master)
    expect(row(page, "survivor")).to_have_attribute("data-verdict", "stuck")
    expect(row(page, "survivor")).to_contain_text("came back after it was stopped")
    button(page, "survivor").click()
    expect(part(page, "force-plan").locator("[data-step=deliver_disconnection]")).to_be_visible()
    fill(page, name="survivor")
    part(page, "force-submit").click()
    expect(part(page, "force-outcome")).to_have_attribute("data-status", "done")
    assert rows(master, "select status from lifecycle_actions") == [("done",)]


def test_a_master_without_latent_workers_says_what_would_be_here(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_master([], lifecycle=LIFECYCLE, extra=ORDINARY)
    open_page(page, master)
    expect(part(page, "empty")).to_contain_text("no latent workers")
    # and one that is added appears by itself, once something happens to it
    master.reconfig(workers=[worker("Healthy", "new")])
    master.force_build("new")
    expect(row(page, "new")).to_be_visible(timeout=LIVE)
    expect(part(page, "empty")).to_have_count(0)


def test_a_master_without_the_service_says_which_line_is_missing(
    make_master: MakeMaster, page: Page
) -> None:
    master = make_master(
        [worker("Healthy", "healthy")],
        plugin=False,
        hide=False,
        extra="c['www']['plugins']['lifecycle'] = {}",
    )
    page.goto(f"{master.url}#/lifecycle")
    expect(part(page, "failed")).to_contain_text("The recorder is not running")
    expect(part(page, "failed")).to_contain_text("util.LifecycleService()")


@pytest.mark.database
def test_while_the_database_is_away_the_page_shows_what_is_and_forces_nothing(
    make_master: MakeMaster, page: Page, tmp_path: Path
) -> None:
    with databases.SERVERS["postgresql"]() as server:
        ends = tmp_path / "ends"
        workers = [
            worker("StuckStopDeferred", "stuck"),
            worker("StuckStopDeferred", "slow", release_file=ends),
        ]
        master = make_master(workers, lifecycle=LIFECYCLE, db_url=server.fresh())
        master.force_build("stuck")
        get_stuck(master, "stuck")
        master.build("slow")
        master.wait_worker("slow", state="insubstantiating")
        open_page(page, master)
        server.stop()
        ends.touch()
        try:
            # what happens meanwhile waits to be written, and the page says so
            master.wait_worker("slow", state="not_substantiated")
            page.reload()
            expect(row(page, "slow")).to_have_attribute("data-state", "not_substantiated")
            expect(part(page, "behind")).to_contain_text("not written yet")
            button(page, "stuck").click()
            fill(page)
            part(page, "force-submit").click()
            refusal = part(page, "force-refusal")
            expect(refusal).to_contain_text(
                "What cannot be recorded is not done", timeout=patient(60) * 1000
            )
            assert master.worker("stuck")["state"] == "insubstantiating"
            part(page, "force-close").click()
        finally:
            server.start()
        master.wait_until(
            lambda: master.api("health")["health"]["queued"] == 0, 40, "all to be written"
        )
        page.reload()
        expect(row(page, "slow")).to_be_visible()
        expect(part(page, "behind")).to_have_count(0)
        assert master.api("actions")["actions"] == []
