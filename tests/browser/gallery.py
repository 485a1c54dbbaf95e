"""`make gallery`: each view and state of the page at three widths, a force disconnect in six pictures.

Everything in the pictures happened on real masters: that of the demonstration, and for the states that
it does not come to, masters that were brought there (a database taken away, a frozen process).
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from buildbot_lifecycle.demo.demo import Demo
from tests.browser.screenshots import REASON, Camera
from tests.browser.support import ORDINARY, make_stuck, part, rights, row, unhang
from tests.conftest import MakeMaster
from tests.harness import browser, databases
from tests.harness.master import ROOT, RealMaster, worker
from tests.harness.ports import free_port
from tests.master.support import LIFECYCLE, get_stuck

FOLDER = ROOT / "docs" / "gallery"

#: Pixels: a phone, a tablet, a desk.
WIDTHS = (360, 768, 1400)

#: Pixels of a picture at most; a phone's page may be long.
HEIGHT = 1400

#: Of WebP, from 0 to 100: text stays sharp, and fifty pictures stay under three megabytes.
QUALITY = 70


class Photographer:
    """Takes pictures of a page, and writes them into a folder."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        # Buildbot's menu is folded on narrow screens, and stays as it was when a screen becomes one.
        page.add_init_script("localStorage.setItem('sidebarPinned', 'false')")
        self._devtools = page.context.new_cdp_session(page)

    def take(self, name: str, clip: Any | None = None) -> bytes:
        """A picture as WebP, of the window or of a part of it; also written to the folder."""
        size = self.page.viewport_size
        assert size is not None
        area = clip or {"x": 0, "y": 0, "width": size["width"], "height": size["height"]}
        told = {"format": "webp", "quality": QUALITY, "clip": {**area, "scale": 1}}
        picture = base64.b64decode(self._devtools.send("Page.captureScreenshot", told)["data"])
        (self.folder / f"{name}.webp").write_bytes(picture)
        return picture

    def at_all_widths(self, name: str, settle: Callable[[], object] = lambda: None) -> None:
        """The same at each width, the page being laid out anew for it."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            settle()
            self.page.wait_for_timeout(700)
            self.take(f"{name}-{width}", self._used(width))
        sys.stdout.write(f"{name}\n")

    def _used(self, width: int) -> Any:
        """The window down to where there is nothing more of ours in it."""
        script = """() => Math.max(...[...document.querySelectorAll('.bbl *, .modal-content')]
            .filter(each => each.matches('.modal-content, svg, canvas, input')
                || !each.firstElementChild && each.textContent.trim())
            .filter(each => each.getClientRects().length)
            .map(each => each.getBoundingClientRect().bottom))"""
        used = float(self.page.evaluate(script)) + 24
        return {"x": 0, "y": 0, "width": width, "height": max(300.0, min(HEIGHT, used))}


# What the demonstration comes to.


def the_overview(camera: Camera, taker: Photographer) -> None:
    for name in ("stuck-stop", "stuck-thread", "stuck-start"):
        camera.wait_for(name, verdict__level="stuck")
    camera.wait_for("raising-stop", verdict__level="attention", state="not_substantiated")
    camera.open()
    taker.at_all_widths("overview")


def no_match(camera: Camera, taker: Photographer) -> None:
    camera.open("?text=nothing-of-this-name")
    taker.at_all_widths("no-match")


def the_timeline(camera: Camera, taker: Photographer) -> None:
    camera.open("/timeline")
    camera.page.get_by_role("button", name="1 h", exact=True).click()
    taker.at_all_widths("timeline", lambda: camera.page.wait_for_timeout(1500))


def a_stuck_worker(camera: Camera, taker: Photographer) -> None:
    camera.open_worker("stuck-stop")
    taker.at_all_widths("worker")


def an_episode(camera: Camera, taker: Photographer) -> None:
    camera.open_worker("raising-stop")
    camera.part("episode-row").locator("a").first.click()
    camera.part("waterfall").wait_for()
    taker.at_all_widths("episode")


def the_stop(camera: Camera, taker: Photographer) -> None:
    camera.open("/stop")
    taker.at_all_widths("stop")


def the_dialog_of_several(camera: Camera, taker: Photographer) -> None:
    camera.open()
    for name in ("stuck-stop", "stuck-thread"):
        camera.row(name).locator("[data-test=select]").check()
    camera.part("force-selected").click()
    camera.part("force-submit").wait_for()
    taker.at_all_widths("dialog-of-several")
    camera.page.keyboard.press("Escape")


def the_dialog(camera: Camera, taker: Photographer) -> None:
    camera.open()
    camera.row("stuck-start").locator("[data-test=force-button]").click()
    camera.part("force-plan").wait_for()
    taker.at_all_widths("dialog")
    camera.part("force-name").fill("stuck-start")
    camera.part("force-reason").fill(REASON)
    camera.part("force-submit").click()
    camera.page.locator("[data-test=force-outcome][data-status=done]").wait_for()
    taker.at_all_widths("outcome")


def the_orphans(camera: Camera, taker: Photographer) -> None:
    camera.open("/orphans")
    camera.part("ledger").wait_for()
    taker.at_all_widths("orphans")


def the_actions(camera: Camera, taker: Photographer) -> None:
    camera.open("/actions")
    camera.part("action-row").wait_for()
    taker.at_all_widths("actions")


def not_live(camera: Camera, taker: Photographer) -> None:
    camera.page.route_web_socket("**/ws", lambda socket: socket.close())
    camera.page.goto("about:blank")
    camera.page.goto(f"{camera.demo.url}#/lifecycle")
    camera.page.locator("[data-test=live-state][data-mode=polling]").wait_for()
    taker.at_all_widths("not-live")


OF_THE_DEMO: tuple[Callable[[Camera, Photographer], None], ...] = (
    the_overview,
    no_match,
    the_timeline,
    a_stuck_worker,
    an_episode,
    the_stop,
    the_dialog_of_several,
    the_dialog,
    the_orphans,
    the_actions,
    not_live,
)


# What it does not come to.


def nothing_yet(make: MakeMaster, taker: Photographer) -> None:
    """No latent workers at all."""
    master = make([], lifecycle=LIFECYCLE, extra=ORDINARY)
    taker.page.goto(f"{master.url}#/lifecycle")
    part(taker.page, "empty").wait_for()
    taker.at_all_widths("no-latent-workers")


def without_the_service(make: MakeMaster, taker: Photographer) -> None:
    """The page is there, and the recorder is not in master.cfg."""
    extra = "c['www']['plugins']['lifecycle'] = {}"
    master = make([worker("Healthy", "healthy")], plugin=False, hide=False, extra=extra)
    taker.page.goto(f"{master.url}#/lifecycle")
    part(taker.page, "failed").wait_for()
    taker.at_all_widths("no-recorder")


def not_allowed(make: MakeMaster, taker: Photographer) -> None:
    """Somebody who has not logged in points at the button."""
    master = make_stuck(make, extra=rights(), lifecycle={"anonymous_may_force": False})
    get_stuck(master, "stuck")
    taker.page.goto(f"{master.url}#/lifecycle")
    shut = row(taker.page, "stuck").locator("[data-test=force-button]")
    taker.at_all_widths("not-allowed", shut.focus)


def silent_master(make: MakeMaster, taker: Photographer) -> None:
    """The master's process is frozen: first nothing comes, then what was there is old."""
    master = make_stuck(make)
    get_stuck(master, "stuck")
    taker.page.goto(f"{master.url}#/lifecycle/orphans")
    part(taker.page, "filter-show").wait_for()
    master.signal(signal.SIGSTOP)
    try:
        taker.page.evaluate("location.hash = '#/lifecycle/workers/' + 1")
        part(taker.page, "loading").wait_for()
        taker.at_all_widths("loading")
    finally:
        master.signal(signal.SIGCONT)


def gone_master(make: MakeMaster, taker: Photographer) -> None:
    """The master has died under an open page."""
    master = make_stuck(make)
    get_stuck(master, "stuck")
    taker.page.goto(f"{master.url}#/lifecycle")
    row(taker.page, "stuck").wait_for()
    master.kill9()
    part(taker.page, "stale").wait_for()
    taker.at_all_widths("master-gone")


def database_away(make: MakeMaster, taker: Photographer) -> None:
    """What happens waits to be written."""
    with databases.SERVERS["postgresql"]() as server:
        master = make([], lifecycle=LIFECYCLE, db_url=server.fresh(), start=False)
        ends = master.basedir.parent / "ends"
        slow = worker("StuckStopDeferred", "slow", release_file=ends)
        master.workers = [worker("Healthy", "healthy"), slow]
        master.start()
        master.build("healthy")
        master.build("slow")
        master.wait_worker("slow", state="insubstantiating")
        taker.page.goto(f"{master.url}#/lifecycle")
        row(taker.page, "slow").wait_for()
        server.stop()
        ends.touch()
        try:
            master.wait_worker("slow", state="not_substantiated")
            taker.page.reload()
            part(taker.page, "behind").wait_for()
            taker.at_all_widths("behind")
        finally:
            server.start()


OF_OTHER_MASTERS: tuple[Callable[[MakeMaster, Photographer], None], ...] = (
    nothing_yet,
    without_the_service,
    not_allowed,
    silent_master,
    gone_master,
    database_away,
)


# A force disconnect.


@dataclasses.dataclass(frozen=True)
class Frame:
    """One of its pictures, and what is said below it."""

    text: str
    picture: bytes


def force_disconnect(make: MakeMaster, taker: Photographer) -> None:
    """A force disconnect from the stuck worker to the next build, in six pictures."""
    page, frames = taker.page, []
    master = make_stuck(make)
    waiting = master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="substantiation_queued")
    page.set_viewport_size({"width": 1200, "height": 760})
    page.goto(f"{master.url}#/lifecycle")
    stuck = row(page, "stuck")

    def shoot(text: str) -> None:
        page.wait_for_timeout(700)
        frames.append(Frame(text, taker.take("frame")))

    stuck.and_(page.locator("[data-verdict=stuck]")).wait_for()
    shoot("1. A stop that does not end, and a build behind it.")
    stuck.locator("[data-test=force-button]").click()
    part(page, "force-plan").wait_for()
    shoot("2. What would be done, and what would not: the instance is not stopped.")
    unhang(master)
    part(page, "force-name").fill("stuck")
    part(page, "force-reason").fill(REASON)
    part(page, "force-reason").scroll_into_view_if_needed()
    shoot("3. The worker's name and a reason are asked for.")
    part(page, "force-submit").click()
    page.locator("[data-test=force-outcome][data-status=done]").wait_for()
    part(page, "force-outcome").scroll_into_view_if_needed()
    shoot("4. What came of it, step by step.")
    part(page, "force-close").click()
    stuck.and_(page.locator("[data-state=not_substantiated]")).wait_for()
    shoot("5. The worker is free, and paused; its instance may still run.")
    master.post(f"api/v2/workers/{master.worker('stuck')['workerid']}", _UNPAUSE).ok()
    master.wait_build(waiting)
    workerid = master.worker("stuck")["workerid"]
    page.goto(f"{master.url}#/lifecycle/workers/{workerid}")
    part(page, "episode-row").first.wait_for()
    shoot("6. Unpaused, the build that waited has run: it stands in the newest episode.")
    (taker.folder / "frame.webp").unlink()
    _show(page, frames)
    taker.take("force-disconnect", page.locator("main").bounding_box())


_UNPAUSE = {"jsonrpc": "2.0", "method": "unpause", "id": 1, "params": {"reason": "looked after"}}


def _show(page: Page, frames: list[Frame]) -> None:
    figures = "".join(
        f"<figure><img src='data:image/webp;base64,{base64.b64encode(each.picture).decode()}'>"
        f"<figcaption>{each.text}</figcaption></figure>"
        for each in frames
    )
    style = """body { margin: 0; font: 15px sans-serif } main { width: 1360px; padding: 8px;
        display: grid; grid-template-columns: repeat(2, 1fr); gap: 12px; background: #fff }
        figure { margin: 0 } img { width: 100%; border: 1px solid #bbb } figcaption { margin-top: 4px }"""
    page.set_viewport_size({"width": 1376, "height": 1600})
    page.set_content(f"<style>{style}</style><main>{figures}</main>")


# All of it.


@contextmanager
def _masters() -> Iterator[MakeMaster]:
    """As the fixture of this name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def make(workers: Any = (), *, start: bool = True, **options: Any) -> RealMaster:
            number = len(list(folder.iterdir()))
            made = RealMaster(folder / str(number) / "master", workers, **options)
            (folder / str(number)).mkdir()
            stack.callback(made.teardown)
            return made.start() if start else made

        yield make


def _new_taker(chromium: Browser, folder: Path) -> Photographer:
    return Photographer(browser.Watched(chromium).page, folder)


def take_all(chromium: Browser, folder: Path, wanted: set[str]) -> None:
    """All pictures, or those whose functions are named."""

    def is_wanted(function: Any) -> bool:
        return not wanted or function.__name__ in wanted

    for picture in filter(is_wanted, (*OF_OTHER_MASTERS, force_disconnect)):
        taker = _new_taker(chromium, folder)
        with _masters() as make:
            picture(make, taker)
        taker.page.close()
    if any(map(is_wanted, OF_THE_DEMO)):
        demo = Demo(free_port(), free_port())
        try:
            demo.start()
            taker = _new_taker(chromium, folder)
            camera = Camera(demo, taker.page, folder)
            for each in filter(is_wanted, OF_THE_DEMO):
                each(camera, taker)
            taker.page.unroute_all(behavior="ignoreErrors")
        finally:
            demo.end()


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("names", nargs="*", help="functions of this module (all)")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    for chromium in browser.launch():
        take_all(chromium, told.folder.absolute(), set(told.names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
