"""What the page's main thread does, by the time that the processor spent on it.

Wall-clock time says how busy a machine is; the time of a thread hardly depends on it. And since
machines differ, what is asserted is a ratio to something else that ran in the same browser.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator

from playwright.sync_api import Page

_CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]

#: About 50 ms of work where this was written: sorting, as the page does, and parsing.
_LOOP = """() => {
  const collator = new Intl.Collator('en', {numeric: true});
  const rows = Array.from({length: 15_000}, (_, i) => ({name: `ec2-${(i * 7919) % 15_000}`, i}));
  rows.sort((a, b) => collator.compare(a.name, b.name));
  return JSON.parse(JSON.stringify(rows)).length;
}"""


class Tasks:
    """The tasks of the page's main thread while it was traced."""

    def __init__(self) -> None:
        #: Milliseconds that the processor spent on each, the longest first.
        self.cpu_ms: list[float] = []

    @property
    def longest(self) -> float:
        """Milliseconds."""
        return self.cpu_ms[0] if self.cpu_ms else 0.0


@contextlib.contextmanager
def traced(page: Page) -> Iterator[Tasks]:
    """Note the tasks of the page while the block runs; they are there after it."""
    browser = page.context.browser
    assert browser is not None
    tasks = Tasks()
    browser.start_tracing(page=page, categories=_CATEGORIES)
    try:
        yield tasks
    finally:
        events = json.loads(browser.stop_tracing())["traceEvents"]
        mains = {
            (event["pid"], event["tid"])
            for event in events
            if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
        }
        tasks.cpu_ms = sorted(
            (
                event.get("tdur", 0) / 1000
                for event in events
                if event["ph"] == "X"
                and event["name"].endswith("RunTask")
                and (event["pid"], event["tid"]) in mains
            ),
            reverse=True,
        )


def calibration(page: Page) -> float:
    """Milliseconds of the processor for a fixed piece of work in this browser; the median of five."""
    found = []
    for _ in range(5):
        with traced(page) as tasks:
            page.evaluate(_LOOP)
        found.append(tasks.longest)
    return sorted(found)[2]


def tell(what: str, **figures: float) -> None:
    """Print figures, with the load of the machine."""
    told = ", ".join(f"{name} {value:.1f}" for name, value in figures.items())
    sys.stdout.write(f"\n{what}: {told} (load {os.getloadavg()[0]:.1f})\n")
