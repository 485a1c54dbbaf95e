"""`make screenshots`: the Instances view before and after the end of what is nobody's, on a real engine.

A dockerd of its own, a master with a worker of Buildbot's own Docker driver, and a container with this
master's mark that no worker has: as a crash leaves it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.support import open_page, part
from tests.clouds.backends import Dockerd
from tests.clouds.test_census_on_masters import SOON, become
from tests.clouds.test_on_masters import docker_worker
from tests.harness import browser
from tests.harness.master import RealMaster

#: What the socket of the engine is called in the pictures.
SOCKET = "unix:///run/docker.sock"

#: What is told to the master's own page only: the real ones are of this machine.
_RENAME = """(names) => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        for (const [from, to] of names) {
            walk.currentNode.nodeValue = walk.currentNode.nodeValue.replaceAll(from, to);
        }
    }
}"""


def shoot(page: Page, path: Path, dockerd: Dockerd, *, dialog: bool = False) -> None:
    """A picture of the view, down to the end of its table; or of the dialog."""
    page.wait_for_timeout(1500)
    page.evaluate(_RENAME, [[dockerd.url, SOCKET]])
    if dialog:
        part(page, "end-dialog").locator(".modal-content").screenshot(path=path)
    else:
        bottom = page.locator("[data-test=instances]").bounding_box()
        height = 700.0 if bottom is None else bottom["y"] + bottom["height"] + 24
        page.screenshot(path=path, clip={"x": 0, "y": 0, "width": 1280, "height": height})
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")


def take(page: Page, master: RealMaster, dockerd: Dockerd, folder: Path) -> None:
    """Bring the master there, and take the pictures."""
    master.force_build("a")
    mine = master.wait_worker("a", state="substantiating_starting", instance=bool)["instance"]
    become(master, mine, "starting")
    with dockerd.client() as client:
        (found,) = client.containers(all=True, filters={"id": mine})
    mark = re.sub(".*-", "", found["Names"][0])
    stray = dockerd.run(f"buildbot-b-{mark}")
    become(master, stray, "nobodys")

    page.set_viewport_size({"width": 1280, "height": 900})
    open_page(page, master, "/instances")
    row = page.locator(f"[data-test=instance-row][data-instance='{stray}']")
    row.wait_for()
    shoot(page, folder / "instances-before.png", dockerd)

    open_page(page, master, "/instances")
    row.locator("[data-test=end-instance]").click()
    part(page, "end-dialog").locator("[data-test=end-name]").fill(stray)
    part(page, "end-dialog").locator("[data-test=end-reason]").fill("left by the crash of 10:38")
    # shut while the plan is looked at
    page.locator("[data-test=end-submit][aria-disabled=false]").click()
    page.locator("[data-test=end-outcome][data-status=done]").wait_for(timeout=60_000)
    shoot(page, folder / "instances-ended.png", dockerd, dialog=True)

    part(page, "end-close").click()
    row.wait_for(state="detached")
    shoot(page, folder / "instances-after.png", dockerd)


def main(folder: Path) -> None:
    """Take all pictures of the census."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        dockerd = Dockerd(Path(directory))
        stack.callback(dockerd.close)
        dockerd.start()
        lifecycle = {"anonymous_may_force": True}
        master = RealMaster(workers=[docker_worker(dockerd.url)], extra=SOON, lifecycle=lifecycle)
        stack.callback(master.teardown)
        master.start()
        for chromium in browser.launch():
            take(browser.Watched(chromium).page, master, dockerd, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
