"""The client layer on the real reactor, with what is started there in place of a buildbot-worker."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from buildbot_lifecycle.workers.ssh import options, remote
from buildbot_lifecycle.workers.ssh.client import Client, Word
from buildbot_lifecycle.workers.ssh.program import READY
from tests.harness import spin as harness
from tests.harness.spin import reactor
from tests.harness.sshd import Sshd

T = TypeVar("T")

#: Ready at once, and sleeps; costs a hundredth of a Python process.
SLEEPER = ("/bin/sh", "-c", f"echo {READY} $$; exec sleep 1000")

#: The same, but ends only by KILL.
STUBBORN = ("/bin/sh", "-c", f"trap '' TERM; echo {READY} $$; while :; do sleep 1000; done")

LIMITS = remote.Limits(0, 2, 5)


def spin(coroutine: Coroutine[Any, Any, T], timeout: float = 60.0) -> T:
    """As `tests.harness.spin.spin`, where processes end."""
    return harness.spin(coroutine, timeout, processes=True)


class Host:
    """Starts and stops on an Sshd, as SSHLatentWorker does them."""

    def __init__(self, sshd: Sshd, **changes: Any) -> None:
        self.sshd = sshd
        # All these hosts are one machine, on which other tests may run just now: owners are per host.
        self._port = sshd.port
        parsed, problems = options.parse(sshd.options(**changes))
        assert not problems
        self.client = Client(reactor, parsed)

    def owner(self, name: str) -> str:
        return f"{name}_{self._port}"

    def launch(self, **changes: Any) -> remote.Launch:
        values: dict[str, Any] = {
            "directory": str(self.sshd.directory / "workers" / "w"),
            "program": "# nobody reads this\n",
            "command": SLEEPER,
            "environment": {},
            "umask": None,
            "prepare": None,
            "ready_seconds": 10,
        }
        return remote.Launch(**{**values, **changes})

    async def start(
        self,
        owner: str = "w",
        password: str = "pw",
        seconds: float = 30,
        tell: Callable[[Word], None] = lambda _: None,
        **launch: Any,
    ) -> remote.Instance:
        instance = remote.Instance(self.owner(owner), secrets.token_hex(6))
        await self.client.run(
            remote.start(instance, self.launch(**launch), LIMITS),
            seconds=seconds,
            shell=remote.shell(instance),
            more=remote.password_line(password),
            tell=tell,
        )
        return instance

    async def stop(
        self, instance: remote.Instance | None, owner: str = "w", limits: remote.Limits = LIMITS
    ) -> list[str]:
        words = await self.client.run(
            remote.stop(self.owner(owner), instance, limits), seconds=30, shell=remote.shell(None)
        )
        return [f"{word.word} {word.rest}".strip() for word in words]

    async def check(self, instance: remote.Instance) -> list[str]:
        directory = self.launch().directory
        words = await self.client.run(
            remote.check(instance, directory), seconds=15, shell=remote.shell(None)
        )
        return [f"{word.word} {word.rest}".strip() for word in words]


def read(path: Path) -> str:
    return path.read_text(errors="replace")
