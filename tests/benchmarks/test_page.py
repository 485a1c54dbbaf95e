"""What the page costs in a browser: 5,000 workers, and a timeline of 200 lanes with 60,000 bars.

    pytest tests/benchmarks/test_page.py -s

prints the figures. The page is served by a real master; what its API answers is canned, so that it
is the page that is measured. The bounds that are asserted are a multiple of the page's promise: this
runs on two cores that others use as well, where every figure is several times what an idle machine has.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, Route, WebSocketRoute

from tests.conftest import MakeMaster
from tests.harness.browser import Watched
from tests.harness.master import API, RealMaster
from tests.harness.master import worker as one

pytestmark = [pytest.mark.master, pytest.mark.browser, pytest.mark.slow]

WORKERS, LANES, EPISODES = 5_000, 200, 100

#: Milliseconds: first useful paint, the longest task after it, from message to screen.
PAINT, TASK, LIVE = 1_000, 50, 250

#: Milliseconds of a frame of the timeline: thirty in a second.
FRAME = 33

#: How much slower than promised a busy machine may be.
ALLOWED = 6

STATES = ["not_substantiated", "substantiating_starting", "substantiated", "insubstantiating"]
HEALTHY = {"code": "healthy", "reason": "nothing is waited for", "since": None, "threshold_s": None}

#: Notes when the first row can be seen, and every task of 50 ms or more.
OBSERVE = """
window.seen = {tasks: [], row: null};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.seen.tasks.push([entry.startTime, entry.duration]);
}).observe({type: 'longtask', buffered: true});
new MutationObserver((_, observer) => {
  if (document.querySelector('[data-test=worker-row]') === null) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.seen.row = performance.now(); }));
}).observe(document, {childList: true, subtree: true});
"""


def worker(number: int, now: float) -> dict[str, Any]:
    level = "stuck" if number % 250 == 0 else "ok"
    verdict = {**HEALTHY, "level": level}
    if level == "stuck":
        verdict.update(code="stop_pending", reason="stop_instance has not ended", since=now - 900)
    return {
        "workerid": number,
        "name": f"ec2-{number:05}",
        "masterid": number % 3,
        "master": f"ci{number % 3}.example.org:/srv/master",
        "class": ["EC2LatentWorker", "DockerLatentWorker"][number % 2],
        "state": STATES[number % 4],
        "state_since": now - number % 3600,
        "connected": number % 4 == 2,
        "building": [],
        "paused": False,
        "pause_reason": None,
        "episode": number,
        "instance": f"i-{number:012x}",
        "pending": None,
        "abandoned": [],
        "refused": 0,
        "held": 0,
        "orphans": 0,
        "verdict": verdict,
        "forceable": level == "stuck",
        "live": True,
        "updated_at": now,
    }


class Canned:
    """What the API answers; `change` makes a worker another one and says so by websocket."""

    def __init__(self, page: Page) -> None:
        now = time.time()
        self.workers = {n: worker(n, now) for n in range(1, WORKERS + 1)}
        self.sockets: list[WebSocketRoute] = []
        self.pick = random.Random(0)
        page.route(f"**/{API}/**", self._answer)
        page.route_web_socket(re.compile("/ws$"), self._connect)

    def _answer(self, route: Route) -> None:
        path = route.request.url.split(f"{API}/")[1]
        what, _, rest = path.partition("?")[0].partition("/")
        now = time.time()
        meta = {"total": WORKERS, "now": now, "can_force": True, "user": "amber"}
        meta["behind"] = {"events": 0, "since": None}
        answers: dict[str, Any] = {
            "recent": lambda: {"recent": [_recent(n, now) for n in self.workers], "meta": {}},
            "shutdown": lambda: {"shutdown": [], "meta": {"total": 0}},
            "orphans": lambda: {"orphans": [], "meta": {"next": None}},
            "timeline": lambda: _timeline(now),
            "workers": lambda: {
                "workers": [self.workers[int(rest)]] if rest else list(self.workers.values()),
                "meta": meta,
            },
        }
        route.fulfill(body=json.dumps(answers[what]()), content_type="application/json")

    def _connect(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)

        def answer(message: Any) -> None:
            asked = json.loads(message)
            socket.send(json.dumps({"msg": "OK", "code": 200, "_id": asked["_id"]}))

        socket.on_message(answer)

    def change(self, number: int, **fields: Any) -> None:
        self.workers[number] = {**self.workers[number], **fields, "updated_at": time.time()}
        for socket in self.sockets:
            socket.send(json.dumps({"k": f"lifecycle/{number}/transition", "m": {}}))


def _recent(number: int, now: float) -> dict[str, Any]:
    episodes = [[number * 10 + i, "ok", 40.5, 600.25 * i, 12.125, now - 900 * i] for i in range(6)]
    return {"workerid": number, "episodes": episodes}


def _timeline(now: float) -> dict[str, Any]:
    each = 6 * 3600 / EPISODES

    def episode(lane: int, i: int) -> dict[str, Any]:
        at = now - (i + 1) * each
        phases = [
            ["substantiating_starting", at, at + each * 0.2],
            ["substantiated", at + each * 0.2, at + each * 0.8],
            ["insubstantiating", at + each * 0.8, at + each * 0.95],
        ]
        outcome = "stop_failed" if (lane + i) % 17 == 0 else "ok"
        builds = [[at, at + each * 0.7, "runtests", i, 1]]
        return {"id": lane * EPISODES + i, "outcome": outcome, "phases": phases, "builds": builds}

    lanes = [
        {
            "workerid": n,
            "worker": f"ec2-{n:05}",
            "masterid": n % 3,
            "episodes": [episode(n, i) for i in range(EPISODES)],
        }
        for n in range(1, LANES + 1)
    ]
    marks = [
        {"at": now - 3600, "kind": "master_start", "workerid": None, "masterid": 1, "text": "ci"},
        {"at": now - 1800, "kind": "force", "workerid": 7, "masterid": 1, "text": "by amber"},
    ]
    meta = {"since": now - 6 * 3600, "until": now, "truncated": False}
    return {"lanes": lanes, "marks": marks, "meta": meta}


@pytest.fixture
def served(make_master: MakeMaster) -> RealMaster:
    return make_master([one("Healthy", "healthy")])


@pytest.fixture
def canned(watched_page: Watched) -> Iterator[Canned]:
    watched_page.page.add_init_script(OBSERVE)
    yield Canned(watched_page.page)
    watched_page.page.unroute_all(behavior="ignoreErrors")


def tell(what: str, **figures: float) -> None:
    told = ", ".join(f"{name} {value:.1f}" for name, value in figures.items())
    sys.stdout.write(f"\n{what}: {told}\n")


def longest_task(page: Page, since: float) -> float:
    tasks: list[list[float]] = page.evaluate("window.seen.tasks")
    return max((duration for at, duration in tasks if at >= since), default=0.0)


def now_in(page: Page) -> float:
    return float(page.evaluate("performance.now()"))


def heap_mb(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    used = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return float(used["JSHeapUsedSize"]) / 2**20


def open_overview(page: Page, master: RealMaster) -> None:
    page.goto(f"{master.url}#/lifecycle")
    page.wait_for_function("window.seen.row !== null")
    page.locator("[data-test=live-state][data-mode=live]").wait_for()


def test_five_thousand_workers_are_there_at_once_and_nothing_stalls_afterwards(
    served: RealMaster, canned: Canned, page: Page
) -> None:
    open_overview(page, served)
    page.reload()  # with a warm cache, as an operator has it
    page.wait_for_function("window.seen.row !== null")
    script = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".find((entry) => entry.name.includes('plugins/lifecycle/scripts.js')).responseEnd"
    )
    row = page.evaluate("window.seen.row")
    answered = page.evaluate(
        "Math.max(...performance.getEntriesByType('resource')"
        ".filter((entry) => entry.name.endsWith('v1/workers')).map((entry) => entry.responseEnd))"
    )
    tell(
        "first rows of 5,000 (ms)",
        after_navigation=row,
        after_our_script=row - script,
        after_the_answer=row - answered,
        load=os.getloadavg()[0],
    )
    assert row - script < PAINT * ALLOWED

    page.locator("[data-test=live-state][data-mode=live]").wait_for()
    page.wait_for_timeout(3_000)
    figures = {}
    since = now_in(page)
    page.wait_for_timeout(5_000)
    figures["ticking"] = longest_task(page, since)
    since = now_in(page)
    for _ in range(60):
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(30)
    figures["scrolling"] = longest_task(page, since)
    since = now_in(page)
    page.locator("[data-test=filter-text]").press_sequentially("ec2-0123", delay=80)
    page.wait_for_timeout(500)
    figures["filtering"] = longest_task(page, since)
    assert page.locator("[data-test=worker-row]").count() == 10
    page.locator("[data-test=filter-clear]").click()
    page.wait_for_timeout(500)
    since = now_in(page)
    for _ in range(100):
        canned.change(canned.pick.randint(1, WORKERS), state=canned.pick.choice(STATES))
        page.wait_for_timeout(20)
    figures["updates"] = longest_task(page, since)
    tell("longest task of 50 ms or more, 5,000 workers (ms; 0: none)", **figures)
    assert max(figures.values()) < TASK * ALLOWED


def test_a_change_is_on_the_screen_within_a_quarter_of_a_second(
    served: RealMaster, canned: Canned, page: Page
) -> None:
    open_overview(page, served)
    page.wait_for_timeout(2_000)
    took = []
    for state in STATES * 3:
        began = time.perf_counter()
        canned.change(250, state=state)
        page.wait_for_function(
            "(state) => document.querySelector('[data-worker=\"ec2-00250\"]')?.dataset.state === state",
            arg=state,
            polling="raf",
        )
        took.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(700)
    took.sort()
    tell("message to screen (ms)", median=took[len(took) // 2], longest=took[-1])
    assert took[len(took) // 2] < LIVE * 2
    assert took[-1] < LIVE * ALLOWED


def test_memory_stays_flat_over_an_hour_of_changes(
    served: RealMaster, canned: Canned, page: Page
) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    open_overview(page, served)
    # an hour of a fleet with a change every three seconds; the first part fills what is kept
    sizes = []
    for part in range(4):
        for _ in range(300):
            canned.change(canned.pick.randint(1, WORKERS), state=canned.pick.choice(STATES))
            page.wait_for_timeout(12)
        if part % 2 == 1:
            page.goto(f"{served.url}#/lifecycle/stop")
            page.wait_for_timeout(300)
            page.goto(f"{served.url}#/lifecycle")
        page.wait_for_timeout(1_500)
        sizes.append(heap_mb(session))
    tell("heap after 300, 600, 900, 1,200 changes (MB)", **dict(zip("abcd", sizes)))
    assert sizes[-1] < sizes[0] * 1.2 + 2


def test_a_timeline_of_sixty_thousand_bars_moves_and_zooms_smoothly(
    served: RealMaster, canned: Canned, page: Page
) -> None:
    canned.workers = {n: w for n, w in canned.workers.items() if n <= LANES}
    page.goto(f"{served.url}#/lifecycle/timeline?range=6_h")
    page.locator("[data-test=lanes]").wait_for()
    page.wait_for_timeout(2_000)
    since = now_in(page)
    frames = page.evaluate(
        """async () => {
          const canvas = document.querySelector('.bbl-chart-canvas');
          const box = canvas.getBoundingClientRect();
          const at = {clientX: box.left + 400, clientY: box.top + 40, bubbles: true, cancelable: true};
          const frames = [];
          for (let i = 0; i < 90; i++) {
            const began = performance.now();
            const zoom = {deltaY: i % 2 ? 60 : -50, ctrlKey: true};
            const how = i < 45 ? zoom : {deltaX: i % 4 < 2 ? 80 : -90};
            canvas.dispatchEvent(new WheelEvent('wheel', {...at, ...how}));
            await new Promise(requestAnimationFrame);
            await new Promise((done) => setTimeout(done));
            frames.push(performance.now() - began);
          }
          return frames.sort((a, b) => a - b);
        }"""
    )
    scrolls = now_in(page)
    page.locator(".bbl-chart-lanes").hover()
    for _ in range(30):
        page.mouse.wheel(0, 150)
        page.wait_for_timeout(20)
    tell(
        "timeline, 200 lanes, 20,000 episodes, 60,000 bars: a frame of zoom or move (ms)",
        median=frames[len(frames) // 2],
        p95=frames[int(len(frames) * 0.95)],
        longest_task=longest_task(page, since),
        longest_task_of_scrolling=longest_task(page, scrolls),
    )
    assert frames[len(frames) // 2] < FRAME * ALLOWED
    assert longest_task(page, since) < TASK * ALLOWED
