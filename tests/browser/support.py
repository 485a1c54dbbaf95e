"""The page, as its tests speak of it: the names are those of frontend/README.md."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.harness.master import ROOT, RealMaster, worker
from tests.harness.waiting import patient
from tests.master.support import LIFECYCLE, STUCK_AFTER, get_stuck

#: Milliseconds. While the page is live it looks by itself only once a minute: what is there sooner
#: came by the websocket.
LIVE = min(patient(20), 50) * 1000

#: Milliseconds for everything else, on a machine that is busy with other tests.
SOON = patient(30) * 1000

expect.set_options(timeout=SOON)

PASSWORD = "opensesame"

#: For master.cfg: a worker that is not latent, and a builder, which a master must have.
ORDINARY = """
from buildbot.plugins import worker as _worker
c['workers'].append(_worker.Worker('ordinary', 'secret'))
c['builders'].append(util.BuilderConfig(
    name='ordinary', workernames=['ordinary'], factory=util.BuildFactory()))
c['schedulers'].append(schedulers.ForceScheduler(name='ordinary', builderNames=['ordinary']))
"""


def rights() -> str:
    """Text for master.cfg: one has to log in, alice may force, bob may not. From docs/configuration."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (example,) = [block for block in blocks if "class ForceDisconnectMatcher" in block]
    groups = 'util.RolesFromGroups(groupPrefix="buildbot-")'
    assert groups in example
    names = 'util.RolesFromUsername(roles=["operators"], usernames=["alice"])'
    users = {"alice": PASSWORD, "bob": PASSWORD}
    auth = f'c["www"]["auth"] = util.UserPasswordAuth({users!r})'
    return f"{example.replace(groups, names)}\n{auth}\n"


def part(page: Page, name: str) -> Locator:
    """The part of the page of this name."""
    return page.locator(f"[data-test={name}]")


def row(page: Page, name: str) -> Locator:
    """The row of a worker in the table."""
    return page.locator(f"[data-test=worker-row][data-worker={name}]")


def button(page: Page, name: str) -> Locator:
    """The button of a worker's row."""
    return row(page, name).locator("[data-test=force-button]")


def open_page(page: Page, master: RealMaster, route: str = "") -> None:
    """Open a page of ours and wait until it is live."""
    page.goto(f"{master.url}#/lifecycle{route}")
    expect(part(page, "live-state")).to_have_attribute("data-mode", "live", timeout=SOON)


def log_in(page: Page, master: RealMaster, user: str) -> None:
    """As the button "Login" of Buildbot does it, with the browser's own question answered."""
    secret = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    got = page.context.request.get(
        f"{master.url}auth/login", headers={"Authorization": f"Basic {secret}"}, max_redirects=0
    )
    assert got.status == 302, got.status


def make_stuck(make_master: Any, **options: Any) -> RealMaster:
    """A master whose worker "stuck" hangs in its stop while there is a file; "healthy" is at rest.

    `unhang` removes the file.
    """
    lifecycle = {**LIFECYCLE, **options.pop("lifecycle", {})}
    master: RealMaster = make_master([], lifecycle=lifecycle, start=False, **options)
    hang = _hang_file(master)
    hang.touch()
    stuck = worker("StuckStopDeferred", "stuck", hang_file=hang)
    master.workers = [stuck, worker("Healthy", "healthy")]
    master.start()
    master.force_build("stuck")
    master.wait_worker("stuck", 60, state="insubstantiating", pending=bool, episode=bool)
    return master


def make_stuck_and_built(make_master: Any) -> RealMaster:
    """The same, once "stuck" is told as stuck, and "healthy" has built."""
    master = make_stuck(make_master)
    master.build("healthy")
    get_stuck(master, "stuck")
    return master


def _hang_file(master: RealMaster) -> Path:
    return master.basedir.parent / "hang"


def unhang(master: RealMaster) -> None:
    """Let later stops of "stuck" end; the one that hangs hangs on."""
    _hang_file(master).unlink()


def slow_to_be_stuck(seconds: float) -> dict[str, Any]:
    """Arguments of the service under which nothing is stuck before `seconds`."""
    return {"stuck_after": dict.fromkeys(STUCK_AFTER, seconds)}
