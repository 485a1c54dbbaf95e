"""A real chromium, by Playwright: the one that is installed, nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.harness.waiting import patient

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # It is to talk to our master only.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str | None:
    """Its path: $CHROMIUM, or what is in PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


def launch() -> Iterator[Browser]:
    """A browser. It takes a second."""
    # Chromium's sandbox does not work for root.
    flags = [*_FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), headless=True, args=flags)
        yield browser
        browser.close()


class Watched:
    """A page, and what it said to the console."""

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(patient(30) * 1000)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))

    def keep(self, directory: Path) -> None:
        """Screenshot, HTML and console, for a failed test."""
        directory.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=directory / "page.png", full_page=True, timeout=10_000)
        (directory / "page.html").write_text(self.page.content(), encoding="utf-8")
        (directory / "console.txt").write_text("\n".join(self.said), encoding="utf-8")
