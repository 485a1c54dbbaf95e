"""The view of the instances: what it says, at which width, and how an end is asked for."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.support import SOON, make_stuck, open_page, part
from tests.browser.test_axe import findings
from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster
from tests.master.support import force, get_stuck, written

pytestmark = [pytest.mark.master, pytest.mark.browser]


@pytest.fixture
def master(make_master: MakeMaster) -> RealMaster:
    """One worker was released: its instance stands in the ledger."""
    made = make_stuck(make_master)
    get_stuck(made, "stuck")
    force(made, "stuck", reason="the console has not shown it for ten minutes")
    written(made)
    return made


def instance(name: str, **change: Any) -> dict[str, Any]:
    """One as REST tells it, of a cloud that no test has."""
    told = {
        "id": f"1-{name}", "name": name, "masterid": 1, "workerid": None, "worker": None,
        "class": "EC2LatentWorker", "place": "EC2 eu-west-1", "state": "up", "standing": "nobodys",
        "why": None, "born": time.time() - 90_000, "kind": "m5.large", "cost": 12.4, "link": None,
        "orphan": None, "episode": None, "seen": time.time() - 10, "endable": True, "why_not": None,
    }  # fmt: skip
    return {**told, **change}


def place(title: str, error: Any = None) -> dict[str, Any]:
    return {
        "place": title, "class": "EC2LatentWorker", "asked": time.time() - 10, "took_s": 0.4,
        "count": None if error else 3, "error": error, "can_list": True,
    }  # fmt: skip


def show(page: Page, *instances: dict[str, Any]) -> None:
    """The master's answers, with these instances for those that it has; a place does not answer."""
    dark = {"why": "timeout", "text": "no answer in 20 s"}
    body = {
        "instances": list(instances),
        "places": [place("EC2 eu-west-1"), place("Docker at unix:///run/docker.sock", dark)],
        "meta": {
            "total": len(instances), "taken": time.time() - 10, "taking": False, "next": None,
            "now": time.time(),
        },
    }  # fmt: skip

    def answer(route: Route) -> None:
        route.fulfill(json=body)

    page.route(re.compile(f"{API}/instances(\\?.*)?$"), answer)


def test_what_the_ledger_names_is_among_the_instances_and_a_link_asks_for_its_end(
    master: RealMaster, page: Page
) -> None:
    open_page(page, master, "/orphans")
    (entry,) = master.api("orphans")["orphans"]
    page.locator("[data-test=orphan-end]").click()
    expect(page).to_have_url(re.compile(f"/lifecycle/instances\\?entry={entry['id']}"))
    dialog = part(page, "end-dialog")
    expect(dialog).to_contain_text(entry["instance"], timeout=SOON)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    # the address does not ask for it again
    expect(page).to_have_url(re.compile("/lifecycle/instances$"))
    row = page.locator(f"[data-test=instance-row][data-instance={entry['instance']}]")
    expect(row).to_have_attribute("data-standing", "in_ledger")
    expect(row).to_contain_text("no census has listed it")


def test_nobodys_comes_first_at_each_width_and_axe_finds_nothing(
    master: RealMaster, page: Page
) -> None:
    long = "b7e1f0c2d9f84a3e8b1f7e3b1b6d1b11" * 2
    owned = {"worker": "stuck", "workerid": 1, "endable": False}
    show(
        page,
        instance("i-up", standing="up", why_not="healthy", **owned),
        instance(long, standing="missing", why_not="gone", seen=None, **owned),
        instance("i-0bb", link="https://console.example.org/i-0bb"),
        instance("i-odd", standing="unknown", why="seen_once", why_not="seen_once", endable=False),
    )
    found = []
    for width in (360, 768, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("about:blank")
        open_page(page, master, "/instances")
        rows = page.locator("[data-test=instance-row]")
        expect(rows).to_have_count(4)
        expect(rows.first).to_have_attribute("data-instance", "i-0bb")
        expect(part(page, "census-line")).to_contain_text("1 instance runs for nobody")
        expect(part(page, "place-troubles")).to_contain_text(
            "Docker at unix:///run/docker.sock: no answer in 20 s; what runs there is not known."
        )
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), width
        found += findings(page, f"instances at {width}")
    part(page, "tiles-standing").locator("[data-value=missing]").click()
    expect(page.locator("[data-test=instance-row]")).to_have_count(1)
    assert "standing=missing" in page.url
    assert found == []


def test_an_end_that_was_only_accepted_is_not_told_as_gone_until_it_is(
    master: RealMaster, page: Page
) -> None:
    """By keyboard alone, from the row to the outcome."""
    show(page, instance("i-0bb"))
    step = {"target": "instance", "done": None, "detail": None}
    steps = [
        {**step, "step": "end_instance", "text": "Ask the cloud to end i-0bb"},
        {**step, "step": "verify_gone", "text": "Ask the cloud until it is gone"},
    ]
    action = {
        "id": 900, "workerid": 1, "worker": "stuck", "masterid": 1, "episode": None, "what": "end",
        "actor": "alice", "actor_kind": "user", "reason": "it runs for nobody", "at": time.time(),
        "status": "asked", "finished_at": None, "steps": steps, "outcome": None, "verdict": None,
        "pause": False, "override": False,
    }  # fmt: skip
    over = {
        "status": "done",
        "finished_at": time.time(),
        "outcome": "EC2 does not have it any more",
    }
    asked: list[Any] = []
    gone: list[bool] = []

    def end(route: Route) -> None:
        sent = route.request.post_data_json
        asked.append(sent)
        if sent["dry_run"]:
            told = {"eligible": True, "why_not": None, "code": None, "steps": steps}
            route.fulfill(json={"dry_run": {**told, "warnings": ["What is on it is lost."]}})
        else:
            route.fulfill(status=202, json={"action": action})

    page.route(f"**/{API}/instances/1-i-0bb/end", end)
    page.route(
        f"**/{API}/actions/900",
        lambda route: route.fulfill(json={"actions": [{**action, **(over if gone else {})}]}),
    )
    open_page(page, master, "/instances")
    page.locator("[data-test=end-instance]").focus()
    page.keyboard.press("Enter")
    expect(part(page, "end-danger")).to_contain_text("What is on it is lost.")
    part(page, "end-name").focus()
    page.keyboard.type("i-0bb")
    page.keyboard.press("Tab")
    page.keyboard.type("it runs for nobody")
    part(page, "end-submit").focus()
    page.keyboard.press("Enter")
    outcome = part(page, "end-outcome")
    expect(outcome).to_contain_text("Accepted; not yet seen gone", timeout=SOON)
    expect(part(page, "end-waiting")).to_contain_text("Do not count it as gone yet")
    gone.append(True)
    expect(outcome).to_have_attribute("data-status", "done", timeout=SOON)
    expect(outcome).to_contain_text("Gone")
    assert asked == [
        {"dry_run": True},
        {"confirm": "i-0bb", "reason": "it runs for nobody", "dry_run": False},
    ]


def test_a_view_of_another_build_is_not_shown(master: RealMaster, page: Page) -> None:
    page.route(
        "**/views.js*",
        lambda route: route.fulfill(
            body="var buildbotLifecycleViews = {build: 'another'}",
            content_type="text/javascript",
        ),
    )
    open_page(page, master, "/timeline")
    expect(part(page, "views-script")).to_contain_text("Reload it", timeout=SOON)
    page.unroute("**/views.js*")
    part(page, "views-script").get_by_role("button").click()
    expect(part(page, "lanes")).to_be_visible(timeout=SOON)
