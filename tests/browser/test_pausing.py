"""Pause and unpause on the page, of one worker and of several, and the list of what is left to do."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.support import make_stuck_and_built, open_page, part, row
from tests.browser.test_axe import AXE, findings
from tests.conftest import MakeMaster
from tests.master.support import force

pytestmark = [pytest.mark.master, pytest.mark.browser]


def test_workers_are_paused_and_unpaused_with_a_reason_and_what_is_left_is_done_in_place(
    make_master: MakeMaster, page: Page
) -> None:
    if not AXE.exists():
        pytest.fail("axe-core is missing: `npm ci` in frontend")
    master = make_stuck_and_built(make_master)
    open_page(page, master)
    found = []

    # both are selected and paused, each by an action of its own
    for name in ("stuck", "healthy"):
        row(page, name).locator("[data-test=select]").check()
    part(page, "pause-selected").click()
    expect(part(page, "pause-one")).to_have_count(2)
    found += findings(page, "pause of several")
    part(page, "pause-reason").fill("the image is rebuilt")
    part(page, "pause-submit").click()
    expect(part(page, "pause-outcome")).to_have_attribute("data-done", "2")
    found += findings(page, "pause of several, done")
    part(page, "pause-close").click()
    expect(part(page, "selected")).to_be_empty()
    expect(row(page, "healthy")).to_contain_text("paused")
    assert master.wait_worker("healthy", paused=True)["pause_reason"].startswith("pause, action ")

    # one is unpaused on its own page
    row(page, "healthy").locator("th a").click()
    part(page, "pause-button").click()
    expect(part(page, "pause-one")).to_contain_text("is paused (pause, action ")
    part(page, "pause-reason").fill("it is there")
    part(page, "pause-submit").click()
    expect(part(page, "pause-outcome")).to_have_attribute("data-done", "1")
    part(page, "pause-close").click()
    master.wait_worker("healthy", paused=False)
    told = {(a["worker"], a["what"], a["reason"]) for a in master.api("actions")["actions"]}
    assert told == {
        ("stuck", "pause", "the image is rebuilt"),
        ("healthy", "pause", "the image is rebuilt"),
        ("healthy", "unpause", "it is there"),
    }

    # what a force disconnect leaves stands on the page until it is done, also after a reload
    force(master, "stuck")
    workerid = master.worker("stuck")["workerid"]
    open_page(page, master, f"/workers/{workerid}")
    page.reload()
    left = part(page, "to-do")
    instance = part(page, "to-do-instance")
    expect(instance).to_have_count(1)
    part(page, "to-do-mark").click()
    found += findings(page, "what is left to do, with a form")
    part(page, "to-do-gone-note").fill("ended by hand")
    part(page, "to-do-gone-submit").click()
    expect(part(page, "to-do-said")).to_contain_text("is marked as gone")
    expect(part(page, "to-do-said")).to_be_focused()
    expect(instance).to_have_count(0)
    expect(left).to_contain_text("stop_instance still runs")
    assert found == []
