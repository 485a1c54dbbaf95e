"""axe finds nothing serious on any view, in any of its states: as axe-core sees it in Chromium.

    pytest tests/browser/test_axe.py -s

prints what it found. The axe-core that runs is the one of frontend/package-lock.json.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.support import SOON, button, make_stuck_and_built, open_page, part, row
from tests.conftest import MakeMaster
from tests.harness.master import ROOT, RealMaster
from tests.master.support import force, written

pytestmark = [pytest.mark.master, pytest.mark.browser]

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

#: What is ours: the frame around it is Buildbot's. Dialogs stand inside of it as well.
OURS = ".bbl"


def findings(page: Page, where: str) -> list[str]:
    """What axe calls serious or critical in our part of the page; all that it says is printed."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    told: dict[str, Any] = page.evaluate(f"axe.run({json.dumps(OURS)})")
    lines = [
        f"{v['impact']}: {v['id']}: {node['target']} {node['failureSummary']}"
        for v in told["violations"]
        for node in v["nodes"]
    ]
    sys.stdout.write(
        f"\n{where}: {len(told['passes'])} rules passed, {len(told['violations'])} violated"
    )
    sys.stdout.writelines(f"\n  {line}" for line in lines)
    return [line for line in lines if line.startswith(("serious", "critical"))]


@pytest.fixture
def master(make_master: MakeMaster) -> RealMaster:
    """One worker is stuck, the other has built."""
    if not AXE.exists():
        pytest.fail("axe-core is missing: `npm ci` in frontend")
    return make_stuck_and_built(make_master)


def test_axe_finds_nothing_serious_on_the_overview_and_its_dialogs(
    master: RealMaster, page: Page
) -> None:
    open_page(page, master)
    expect(row(page, "stuck")).to_have_attribute("data-verdict", "stuck", timeout=SOON)
    found = findings(page, "overview")
    for panel in page.locator(".bbl-panels summary").all():
        panel.click()
    found += findings(page, "overview, panels open")
    button(page, "stuck").click()
    expect(part(page, "force-name")).to_be_visible()
    found += findings(page, "dialog")
    part(page, "force-submit").click()
    found += findings(page, "dialog, with what is missing")
    part(page, "force-close").click()
    for select in part(page, "select").all():
        select.check()
    found += findings(page, "workers selected")
    part(page, "force-selected").click()
    expect(part(page, "force-submit")).to_be_visible(timeout=SOON)
    found += findings(page, "dialog of several")
    assert found == []


@pytest.mark.parametrize("width", [1280, 640, 390])
def test_axe_finds_nothing_serious_on_any_view(master: RealMaster, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    force(master, "stuck")
    written(master)
    workerid = master.worker("stuck")["workerid"]
    (episode,) = master.api("workers/stuck/episodes")["episodes"]
    found = []
    views = {
        "": "worker-row",
        "?q=nobody": "no-match",
        "/timeline?range=1_h": "lanes",
        "/stop": "stop",
        "/orphans?show=any": "orphan",
        "/actions": "action-row",
        f"/workers/{workerid}": "episode-row",
        f"/episodes/{episode['id']}": "fall",
        "/workers/123456": "failed",
        "/episodes/123456": "failed",
    }
    for route, awaited in views.items():
        page.goto("about:blank")
        open_page(page, master, route)
        expect(part(page, awaited).first).to_be_visible(timeout=SOON)
        for closed in page.locator(".bbl details:not([open]) > summary").all():
            if closed.is_visible():
                closed.click()
        found += findings(page, f"{route or 'overview'} at {width}")
    assert found == []
