"""A program on a terminal of its own, as a person sees it: width, prompts, keys."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.harness.waiting import patient

#: What steers a terminal: colours, places, modes, titles.
_CODES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>()][0B]?|.)")


class Terminal:
    """Runs one program on a terminal; use it as a context manager, which ends the program."""

    def __init__(
        self, command: Sequence[str | Path], env: Mapping[str, str], width: int, height: int = 40
    ) -> None:
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

        def own() -> None:  # so that Ctrl-C reaches the program
            os.setsid()
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # who started the tests may ignore it
            fcntl.ioctl(there, termios.TIOCSCTTY, 0)

        # whoever runs the tests may have set the size of another one
        mine = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            [*map(str, command)],
            env={"TERM": "xterm", **mine},
            stdin=there,
            stdout=there,
            stderr=there,
            preexec_fn=own,  # noqa: PLW1509  # nothing in it but two calls of the kernel
        )
        os.close(there)
        self._bytes = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._here)

    @property
    def raw(self) -> str:
        """All that was written to the terminal."""
        return self._bytes.decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """The same without what steers it."""
        return _CODES.sub("", self.raw).replace("\r\n", "\n").replace("\r", "")

    def type(self, keys: str) -> None:
        """As somebody who types: no Enter that is not there."""
        os.write(self._here, keys.encode())

    def wait(self, pattern: str, timeout: float = 20, *, since: int = 0) -> None:
        """Until this stands in the text, behind so many characters of it."""
        self._read(lambda: re.search(pattern, self.text[since:]) is not None, timeout, pattern)

    def answer(self, prompts: Mapping[str, str], timeout: float = 20) -> int:
        """Answer each prompt that stands at the text's end, until the program ends; its exit status."""
        since = 0
        pattern = "|".join(f"({each})" for each in prompts)

        def is_asked() -> bool:
            return re.search(pattern, self.text[since:]) is not None

        while self._read(is_asked, timeout, "its end"):
            asked = self.text[since:]
            (keys,) = (keys for each, keys in prompts.items() if re.search(each, asked))
            since = len(self.text)
            self.type(keys + "\n")
        return self._process.wait(patient(timeout))

    def end(self, timeout: float = 20) -> int:
        """All it still writes, and its exit status."""
        self._read(lambda: False, timeout, "its end")
        return self._process.wait(patient(timeout))

    def _read(self, is_enough: Callable[[], bool], timeout: float, what: str) -> bool:
        """Read until it is enough; False: it has ended."""
        deadline = time.monotonic() + patient(timeout)
        while not is_enough():
            left = deadline - time.monotonic()
            assert left > 0, f"waited for {what}; there is:\n{self.text}"
            if select.select([self._here], [], [], left)[0]:
                part = b""
                with contextlib.suppress(OSError):  # EIO: nobody has it open any more
                    part = os.read(self._here, 65536)
                if not part:
                    assert what == "its end", f"it ended before {what}:\n{self.text}"
                    return False
                self._bytes += part
        return True
