"""libvirt: a domain has its worker's name, on a host whose other domains are none of our business.

A domain is defined once and started again and again: gone means that it does not run. The driver marks
those that it starts by name with the master's address; those that it makes from XML carry no mark.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, State, Why

_CHILD = Path(__file__).with_name("libvirt_child.py")

#: virDomainState
_STATES = {
    1: State.UP,
    2: State.UP,
    3: State.UP,
    4: State.STOPPING,
    5: State.DOWN,
    6: State.DOWN,
    7: State.DOWN,
}

#: virErrorNumber, of those that say more than "failed".
_CODES = {
    1: Why.UNREACHABLE,  # internal: what a daemon that died in the call leaves
    38: Why.UNREACHABLE,  # a system call failed: no socket, no route
    45: Why.REFUSED,
    46: Why.REFUSED,
    88: Why.REFUSED,
}


class LibVirt(Silent):
    """For `LibVirtWorker`."""

    classes = (private.LIBVIRT,)
    # the mark is the address of a host, on which there may be several masters
    tells_masters = False
    can = frozenset({Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LAST_WORDS, Can.KIND})

    def mark(self, worker: Any) -> str | None:
        return private.text_or_none(private.read(worker, private.LIBVIRT, "workername"))

    def name(self, worker: Any) -> str | None:
        return self.mark(worker)

    def reach(self, worker: Any, limits: Limits) -> Reach:
        return Reach(
            uri=private.read(worker, private.LIBVIRT, "uri"),
            master=private.read(worker, private.LIBVIRT, "masterFQDN"),
            mark=self.mark(worker) or "",
            seconds=limits.connect + limits.read,
            secrets=(worker.password,),
        )


@dataclass(frozen=True)
class Reach(Unable):
    """One host."""

    uri: str = field(repr=False)
    master: str
    mark: str
    seconds: float
    secrets: Sequence[str] = field(default=(), repr=False)
    driver = "libvirt"

    @property
    def scope(self) -> tuple[str, ...]:
        return ("libvirt", self.uri.rpartition("@")[2], self.master)

    def list(self) -> Sequence[Instance]:
        """All that run on the host: what is not `ours` may have a worker's name all the same."""
        return [
            Instance(
                name=each["name"],
                mark=each["name"],
                state=_STATES.get(each["state"], State.OTHER),
                word=each["word"],
                kind=each["kind"],
                ours=each["master"] is not None and each["master"] == self.master,
            )
            for each in self._ask("domains")
        ]

    def gone(self, name: str | None) -> Gone:
        if name not in (None, self.mark):
            raise CannotTell(Why.UNDECIDED, f"the worker's domain is {self.mark}, not {name}")
        found = self._ask("domain", self.mark)
        return found is None or not found["active"]

    def end(self, name: str) -> None:
        self._ask("end", name)

    def last_words(self, name: str) -> str:
        found = self._ask("domain", name)
        return "there is no domain of this name" if found is None else str(found["word"])

    def _ask(self, what: str, name: str | None = None) -> Any:
        question = json.dumps({"uri": self.uri, "what": what, "name": name})
        # A session of its own: a helper such as ssh finds no terminal to ask for a password, and ends
        # with the child.
        child = subprocess.Popen(  # noqa: S603 - this interpreter, this file
            [sys.executable, str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            output, errors = child.communicate(question, timeout=self.seconds)
        finally:
            _end(child)
        if "ModuleNotFoundError" in errors:
            raise CannotTell(Why.NO_LIBRARY, "the python module libvirt is not installed")
        if child.returncode != 0:
            raise CannotTell(Why.FAILED, errors.strip()[-300:] or f"status {child.returncode}")
        said = json.loads(output)
        if "error" in said:
            raise CannotTell(_CODES.get(said["code"], Why.FAILED), said["error"])
        return said["answer"]


def _end(child: subprocess.Popen[str]) -> None:
    """What is left of it and of what it has started."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
