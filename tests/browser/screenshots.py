"""`make screenshots`: the pictures of the documentation, taken from the demonstration.

Everything in them happened on a real master; only its name is another, since Buildbot makes it of the
machine's name and of the temporary directory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Route

from buildbot_lifecycle.demo.demo import Demo
from tests.harness import browser, web
from tests.harness.master import API, ROOT
from tests.harness.ports import free_port
from tests.harness.waiting import wait_until

SCREENSHOTS = ROOT / "docs" / "screenshots"

#: What the master is called in the pictures.
MASTER = "ci.example.org:/srv/buildbot/master"

#: Pixels left free around what is cut out of the page.
MARGIN = 8

REASON = "the cloud's console has not shown this instance for ten minutes"


class Camera:
    """The demonstration, a browser that looks at it, and where the pictures go."""

    def __init__(self, demo: Demo, page: Page, folder: Path) -> None:
        self.demo, self.page, self.folder = demo, page, folder
        page.route(f"**/{API}/**", self._rename)

    def _rename(self, route: Route) -> None:
        answer = route.fetch()
        names = json.loads(web.request("GET", f"{self.demo.url}api/v2/masters").text)["masters"]
        text = answer.text()
        for each in names:
            text = text.replace(json.dumps(each["name"])[1:-1], MASTER)
        route.fulfill(response=answer, body=text)

    def worker(self, name: str) -> Any:
        """A worker as REST tells it."""
        answer = web.request("GET", f"{self.demo.url}{API}/workers/{name}").ok()
        return answer.json["workers"][0]

    def wait_for(self, name: str, **fields: Any) -> None:
        """Wait until a worker is as described; `verdict__level="stuck"` looks into its verdict."""

        def is_so() -> bool:
            seen = self.worker(name)
            flat = {**seen, **{f"verdict__{k}": v for k, v in seen["verdict"].items()}}
            return all(
                value(flat[key]) if callable(value) else flat[key] == value
                for key, value in fields.items()
            )

        wait_until(is_so, 120, f"{name} to be {fields}")

    def build(self, name: str) -> None:
        """Ask for a build."""
        call = {"jsonrpc": "2.0", "method": "force", "id": 1, "params": {"builderName": name}}
        web.request("POST", f"{self.demo.url}api/v2/forceschedulers/force", call).ok()

    def open(self, route: str = "") -> None:
        """Open a page of ours, and wait until it is live and has stopped moving."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.demo.url}#/lifecycle{route}")
        self.page.locator("[data-test=live-state][data-mode=live]").wait_for()
        self.page.wait_for_timeout(2500)

    def open_worker(self, name: str) -> None:
        """Open the page of one worker."""
        self.open(f"/workers/{self.worker(name)['workerid']}")
        self.page.locator("[data-test=episode-row]").first.wait_for()

    def shoot(self, name: str, *parts: Locator, height: int | None = None) -> None:
        """A picture of the window, or of the smallest part of it that has all of `parts`."""
        path = self.folder / f"{name}.png"
        if not parts:
            clip = {"x": 0, "y": 0, "width": 1280, "height": height or 900}
            self.page.screenshot(path=path, clip=clip, full_page=True)
        else:
            with _tall(self.page):
                boxes = [part.bounding_box() for part in parts]
                self.page.screenshot(path=path, clip=_around([b for b in boxes if b]))
        sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")

    def part(self, name: str) -> Locator:
        """The part of the page with this name; see frontend/README.md."""
        return self.page.locator(f"[data-test={name}]").first

    def row(self, name: str) -> Locator:
        """The row of a worker in the table."""
        return self.page.locator(f"[data-test=worker-row][data-worker={name}]")


def _around(boxes: list[Any]) -> Any:
    left = max(0.0, min(b["x"] for b in boxes) - MARGIN)
    top = max(0.0, min(b["y"] for b in boxes) - MARGIN)
    right = max(b["x"] + b["width"] for b in boxes) + MARGIN
    bottom = max(b["y"] + b["height"] for b in boxes) + MARGIN
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


# The pictures, in the order of what happens to the workers.


def overview(camera: Camera) -> None:
    """The first screen: stuck ones first, then failed, slow and healthy ones."""
    for name in ("stuck-stop", "stuck-thread", "stuck-start"):
        camera.wait_for(name, verdict__level="stuck")
    camera.wait_for("raising-stop", verdict__level="attention", state="not_substantiated")
    camera.build("healthy")
    camera.wait_for("healthy", state="substantiated", building=bool)
    camera.open()
    camera.shoot("overview", height=1110)


def blockers(camera: Camera) -> None:
    """What blocks the stop, opened."""
    camera.part("blockers").locator("summary").first.click()
    camera.shoot("blockers", camera.part("health-line"), camera.part("blockers"))


def shut_door(camera: Camera) -> None:
    """Why the button of a healthy worker is shut."""
    camera.open()
    row = camera.row("healthy")
    row.locator("[data-test=force-button]").focus()
    camera.shoot("shut-door", row, row.locator("[data-test=force-why]"))


def stuck_page(camera: Camera) -> None:
    """A stuck worker's own page."""
    camera.open_worker("stuck-stop")
    camera.shoot("worker-stuck", height=900)


def dialog(camera: Camera) -> None:
    """The dialog, as the dry run filled it."""
    # a build queued behind the stop, so that the picture has the longest plan
    camera.build("stuck-stop")
    camera.wait_for("stuck-stop", verdict__code="substantiation_queued", building=bool)
    camera.open()
    camera.row("stuck-stop").locator("[data-test=force-button]").click()
    camera.part("force-name").fill("stuck-stop")
    camera.part("force-reason").fill(REASON)
    camera.shoot("force-dialog", camera.part("force-dialog"))


def outcome(camera: Camera) -> None:
    """What came of it."""
    camera.part("force-submit").click()
    camera.page.locator("[data-test=force-outcome][data-status=done]").wait_for(timeout=20_000)
    camera.page.wait_for_timeout(500)
    camera.shoot("force-outcome", camera.part("force-dialog"))
    camera.part("force-close").click()


def orphans(camera: Camera) -> None:
    """The ledger of what may still run."""
    camera.open("/orphans")
    camera.part("orphan").wait_for()
    camera.shoot("orphans", camera.page.locator(".bbl-filters"), camera.part("ledger"))


def timeline(camera: Camera) -> None:
    """All workers, one lane each."""
    camera.open("/timeline")
    camera.page.get_by_role("button", name="1 h", exact=True).click()
    for name in ["Zoom in"] * 3 + ["Later"] * 8:
        camera.page.get_by_role("button", name=name, exact=True).click()
    camera.page.wait_for_timeout(2500)
    camera.shoot("timeline", height=800)


def polling(camera: Camera) -> None:
    """The page without its websocket."""
    camera.page.route_web_socket("**/ws", lambda socket: socket.close())
    camera.page.goto("about:blank")
    camera.page.goto(f"{camera.demo.url}#/lifecycle")
    camera.page.locator("[data-test=live-state][data-mode=polling]").wait_for()
    camera.page.wait_for_timeout(1000)
    camera.shoot("polling", camera.page.locator(".bbl-top"), camera.part("health-line"))


def failed_page(camera: Camera) -> None:
    """A worker whose stop fails, with several episodes."""
    camera.open_worker("raising-stop")
    camera.shoot("worker-failed", height=900)


PICTURES: tuple[Callable[[Camera], None], ...] = (
    overview,
    blockers,
    shut_door,
    stuck_page,
    dialog,
    outcome,
    orphans,
    failed_page,
    timeline,
    polling,
)


@contextmanager
def _tall(page: Page) -> Iterator[None]:
    """Room for all of the page: where boxes are is told by the window, and dialogs scroll in it."""
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.wait_for_timeout(500)
    yield
    page.set_viewport_size({"width": 1280, "height": 900})


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=SCREENSHOTS)
    folder = parser.parse_args().folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    demo = Demo(free_port(), free_port())
    try:
        demo.start()
        for chromium in browser.launch():
            camera = Camera(demo, browser.Watched(chromium).page, folder)
            for picture in PICTURES:
                picture(camera)
            camera.page.unroute_all(behavior="ignoreErrors")
    finally:
        demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
