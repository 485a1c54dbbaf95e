"""A real Firefox: the one that is installed, driven over WebDriver BiDi by Puppeteer.

Playwright's own Firefox has to be downloaded, and it does not get on with a stock one. Each method is a
step of frontend/tests/firefox/journey.js; parts of the page are named as in frontend/README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.master import ROOT
from tests.harness.waiting import PATIENCE, patient

_NAMES = ("firefox-esr", "firefox")

_JOURNEY = ROOT / "frontend" / "tests" / "firefox" / "journey.js"

#: Seconds for the browser to go.
_END = 20


def find() -> str | None:
    """Its path: $FIREFOX, or what is in PATH."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, _NAMES)), None)


class Firefox:
    """One window. Each step waits for what it needs, and raises AssertionError if it does not come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        #: What the page has said to the console that is an error, uncaught ones included.
        self.errors: list[str] = []

    def open(self, route: str = "") -> None:
        """Go to a page of ours, and wait until it is live."""
        self._step("open", route=route)

    def see(self, selector: str) -> None:
        """Wait until this CSS selector is to be seen."""
        self._step("see", selector=selector)

    def click(self, selector: str) -> None:
        self._step("click", selector=selector)

    def type(self, selector: str, text: str) -> None:
        self._step("type", selector=selector, text=text)

    def press(self, key: str) -> None:
        """A key, to what has the focus: `Tab`, `Enter`, `Escape`."""
        self._step("press", key=key)

    def _step(self, step: str, **told: Any) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"step": step, **told}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser is gone: see what Node said"
        answer = json.loads(line)
        self.errors = answer["errors"]
        assert "failed" not in answer, answer


@contextmanager
def launch(address: str, folder: Path) -> Iterator[Firefox]:
    """A Firefox with a new profile, for the master at `address`; a failed step leaves a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["node", str(_JOURNEY), str(find()), address, str(folder)]
    env = {**os.environ, "LIFECYCLE_PATIENCE": str(PATIENCE)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    try:
        yield Firefox(process)
        process.communicate(timeout=patient(_END))
    finally:
        process.kill()
        process.wait(patient(_END))
