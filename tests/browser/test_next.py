"""Our views under Bootstrap 5, light and dark, as the next Buildbot has them.

That Buildbot is not released. Its part is taken by the Bootstrap of frontend/package-lock.json and a
few lines that do what Buildbot does there: colours as variables on the root element, some of them
given to our parts by the id of the root. The stylesheet of the installed Buildbot is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.support import SOON, button, make_stuck_and_built, open_page, part, row
from tests.browser.test_axe import findings
from tests.conftest import MakeMaster
from tests.harness.master import ROOT, RealMaster
from tests.master.support import force, written

pytestmark = [pytest.mark.master, pytest.mark.browser]

BOOTSTRAP = ROOT / "frontend" / "node_modules" / "bootstrap" / "dist" / "css" / "bootstrap.min.css"

#: What the next Buildbot does to parts of ours, and the badges.
HOST = """
html, #root { background-color: var(--bb-background-color); color: var(--bb-text-color); }
#root { font: 14px/20px Arial, sans-serif; min-height: 100vh; }
#root a { color: var(--bb-link-color); }
#root .form-control { background-color: var(--bb-background-color); color: var(--bb-text-color); }
#root .card-header { background-color: var(--bb-card-bg-color); color: var(--bb-text-color); }
#root .card-body { background-color: var(--bb-background-color); color: var(--bb-text-color); }
#root .table { color: var(--bb-text-color); }
#root .table td, #root .table th { border-color: var(--bb-border-color); }
.results_SUCCESS, .results_FAILURE, .results_EXCEPTION { background: #e88; color: #000; }
.results_WARNINGS { background: #fa3; color: #fff; }
.results_PENDING { background: #e7d100; color: #000; }
.results_UNKNOWN { background: #eee; color: #000; }
"""

COLOURS = {
    "light": {
        "background": "#fff",
        "text": "#333",
        "muted-text": "#555",
        "link": "#3379b4",
        "border": "#ddd",
        "card-bg": "#f5f5f5",
    },
    "dark": {
        "background": "#1f1f2b",
        "text": "#d6d6da",
        "muted-text": "#9f9fae",
        "link": "#7bb6e4",
        "border": "#3b3b49",
        "card-bg": "#2b2b3a",
    },
}


def choose(page: Page, theme: str) -> None:
    """As the next Buildbot's settings do: nothing but variables tells the theme."""
    script = "all => { for (const [name, value] of Object.entries(all)) SET }".replace(
        "SET", "document.documentElement.style.setProperty(`--bb-${name}-color`, value)"
    )
    page.evaluate(script, COLOURS[theme])


def style(page: Page, selector: str, name: str) -> str:
    """A computed style of the first such element."""
    told: Any = page.locator(selector).first.evaluate(f"each => getComputedStyle(each).{name}")
    return str(told)


@pytest.fixture
def master(make_master: MakeMaster) -> RealMaster:
    """One worker is stuck, the other has built."""
    if not BOOTSTRAP.exists():
        pytest.fail("Bootstrap is missing: `npm ci` in frontend")
    return make_stuck_and_built(make_master)


@pytest.fixture
def next_page(page: Page) -> Iterator[Page]:
    """A page with that stylesheet instead of Buildbot's."""
    text = BOOTSTRAP.read_text(encoding="utf-8") + HOST
    page.route("**/assets/*.css", lambda route: route.fulfill(body=text, content_type="text/css"))
    page.emulate_media(reduced_motion="reduce")  # no colour is half way to another one
    yield page
    page.unroute_all()


def test_the_page_is_readable_in_both_themes_of_the_next_buildbot(
    master: RealMaster, next_page: Page
) -> None:
    page = next_page
    open_page(page, master)
    ours = page.locator(".bbl")
    found = []
    for theme in ("light", "dark"):
        choose(page, theme)
        expect(row(page, "stuck")).to_have_attribute("data-verdict", "stuck", timeout=SOON)
        if theme == "dark":
            expect(ours).to_have_attribute("data-bs-theme", "dark")
        else:
            expect(ours).not_to_have_attribute("data-bs-theme", "dark")
        assert style(page, "[data-test=worker-row] > td", "backgroundColor") == "rgba(0, 0, 0, 0)"
        assert "svg" in style(page, "[data-test=filter-state]", "backgroundImage"), "no arrow"
        found += findings(page, f"overview, {theme}")
        button(page, "stuck").click()
        part(page, "force-submit").click()
        for each in ("header", "body", "footer"):
            assert float(style(page, f".modal-{each}", "paddingLeft")[:-2]) >= 8, each
        found += findings(page, f"dialog, {theme}")
        part(page, "force-close").click()
    assert found == []


#: Whether the labels on the timeline's axis are "bright" or "dark": what is opaque there is text.
LABELS = """() => {
    const pen = document.querySelector('.bbl-chart-axis').getContext('2d');
    const { data } = pen.getImageData(0, 0, 900, 14);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 250) sum += data[i] < 128 ? -1 : 1;
    return sum === 0 ? 'none' : sum > 0 ? 'bright' : 'dark';
}"""


def test_every_view_is_readable_in_the_dark_and_a_canvas_follows_the_theme(
    master: RealMaster, next_page: Page
) -> None:
    page = next_page
    force(master, "stuck")
    written(master)
    (episode,) = master.api("workers/stuck/episodes")["episodes"]
    open_page(page, master, "/timeline?range=1_h")
    expect(part(page, "lanes")).to_be_visible(timeout=SOON)
    for theme, labels in (("light", "dark"), ("dark", "bright"), ("light", "dark")):
        choose(page, theme)
        page.wait_for_function(f"({LABELS})() === '{labels}'", timeout=SOON)
    views = {
        "/timeline?range=1_h": "lanes",
        "/stop": "stop",
        "/orphans?show=any": "orphan",
        "/actions": "action-row",
        f"/workers/{master.worker('stuck')['workerid']}": "episode-row",
        f"/episodes/{episode['id']}": "fall",
        "/workers/123456": "failed",
    }
    found = []
    for route, awaited in views.items():
        page.goto("about:blank")
        open_page(page, master, route)
        choose(page, "dark")
        expect(part(page, awaited).first).to_be_visible(timeout=SOON)
        for closed in page.locator(".bbl details:not([open]) > summary").all():
            if closed.is_visible():
                closed.click()
        found += findings(page, f"{route}, dark")
    assert found == []
