"""The page in Firefox: every view, a worker freed, a change that comes by itself, a quiet console."""

from __future__ import annotations

import json

import pytest

from tests.browser.support import make_stuck, unhang
from tests.conftest import ARTIFACTS, MakeMaster
from tests.harness import firefox
from tests.harness.need import may_miss
from tests.master.support import get_stuck, rows

pytestmark = [pytest.mark.master, pytest.mark.browser]

STUCK = "[data-test=worker-row][data-worker=stuck]"
HEALTHY = "[data-test=worker-row][data-worker=healthy]"


def test_in_firefox_every_view_opens_a_worker_is_freed_and_changes_come_by_themselves(
    make_master: MakeMaster,
) -> None:
    if not firefox.find():
        (pytest.skip if "firefox" in may_miss() else pytest.fail)("firefox is missing: firefox-esr")
    master = make_stuck(make_master)
    told = get_stuck(master, "stuck")
    with firefox.launch(master.url, ARTIFACTS / "firefox") as fox:
        for route, part in (
            ("/timeline", "lanes"),
            (f"/workers/{told['workerid']}", "facts"),
            (f"/episodes/{told['episode']}", "waterfall"),
            ("/stop", "stop"),
            ("/orphans", "filter-show"),
            ("/actions", "filter-status"),
        ):
            fox.open(route)
            fox.see(f"[data-test={part}]")

        fox.open()
        fox.see(f"{STUCK}[data-verdict=stuck]")
        master.build("healthy")
        fox.see(f"{HEALTHY} [data-test=sparkline][data-episodes='1']")

        unhang(master)
        fox.click(f"{STUCK} [data-test=force-button][data-door=open]")
        fox.see("[data-test=force-plan] [data-step]")
        fox.type("[data-test=force-name]", "stuck")
        fox.type("[data-test=force-reason]", "looked at in Firefox")
        fox.click("[data-test=force-submit]")
        fox.see("[data-test=force-outcome][data-status=done]")
        fox.press("Escape")
        fox.see(f"{STUCK}[data-state=not_substantiated]")
        assert fox.errors == []
    ((status, data),) = rows(master, "select status, data from lifecycle_actions")
    assert (status, json.loads(data)["reason"]) == ("done", "looked at in Firefox")
