"""The terminal sessions of docs/command-line: each command as a reader types it, and what it prints.

With ``LIFECYCLE_WRITE_SESSIONS=1``, tests/master/test_shell.py writes them into the page anew.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tests.browser.support import PASSWORD
from tests.harness.master import ROOT, RealMaster
from tests.harness.terminal import Terminal
from tests.test_docs import DOCS, FENCE

PAGE = DOCS / "command-line.md"

#: The terminal on which they were written.
WIDTH = 100

#: Where the reader's master is, and who reads.
URL, DIRECTORY, HOME, HOST = "https://ci.example.org", "/srv/buildbot/master", "~", "ci"

_PROMPTS = {r"Password of [^\n]*: $": PASSWORD, r"to go on: $": "stuck-stop"}


class Session(NamedTuple):
    """A line that is typed, and what stands below it until the next one."""

    typed: str
    told: str


def of_block(text: str) -> list[Session]:
    """The sessions of one block of the page."""
    _, *parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    return [Session(*part.split("\n", 1)) for part in parts]


class Reader:
    """Alice at her terminal; the page's names are put in the place of this machine's."""

    def __init__(self, master: RealMaster, home: Path) -> None:
        self._master = master
        self._names = {
            str(master.basedir): DIRECTORY,
            master.url.rstrip("/"): URL,
            quote(master.url.rstrip("/"), safe=""): quote(URL, safe=""),
            str(home): HOME,
            str(ROOT) + "/": "",
            socket.gethostname() + ":": HOST + ":",
        }
        self._env = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("BUILDBOT_")
            },
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_STATE_HOME": str(home / ".local" / "state"),
            "NO_COLOR": "1",
            "no_proxy": "127.0.0.1",
            "BUILDBOT_LIFECYCLE_URL": master.url,
        }

    def type(self, typed: str) -> str:
        """What the command prints, as the page has it."""
        line = typed.replace(DIRECTORY, str(self._master.basedir))
        if "orphans resolve" in line:
            (orphan,) = self._master.api("orphans?open=true")["orphans"]
            line = line.replace("resolve 1 ", f"resolve {orphan['id']} ")
        with Terminal(["bash", "-c", line], self._env, WIDTH) as terminal:
            if " watch" in line:
                text = self._until_it_is_drawn(terminal)
            else:
                terminal.answer(_PROMPTS)
                text = terminal.text
        for ours, theirs in self._names.items():
            text = text.replace(ours, theirs)
        return text

    @staticmethod
    def _until_it_is_drawn(terminal: Terminal) -> str:
        """One table, and Ctrl-C."""
        terminal.wait(r"workers, [\s\S]*\nwell ")
        text = terminal.text
        terminal.type("\x03")
        assert terminal.end() == 130
        return text.rstrip("\n") + "\n^C\n"


def alike(text: str) -> str:
    """`text` without what is another in each run: numbers, durations, and how wide that made columns."""
    text = re.sub(r"\d+([.:]\d+)*", "0", " ".join(text.split()))
    text = re.sub(r"\b0 (d|h|min|s)( 0 (h|min|s))?\b", "<time>", text)
    return text.replace(" ", "")  # where a line ends is another thing that numbers say


def written(page: str, told: dict[str, str]) -> str:
    """The page with these outputs in it."""

    def block(found: re.Match[str]) -> str:
        if found[1] != "console":
            return found[0]
        lines = [f"$ {each.typed}\n{told[each.typed]}" for each in of_block(found[2])]
        return "```console\n" + "".join(lines) + "```"

    return FENCE.sub(block, page)
