"""A remote host, and how scripts are run on it: in turns, and each with an answer or a reason.

`MaxStartups` of sshd (10 by default) drops connections when many workers of one host start at once, so
those that have not got a shell yet take turns; the turn ends with the script's first word.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.core import hiding
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.workers.ssh import remote
from buildbot_lifecycle.workers.ssh.errors import Broken, Refused, Unreachable
from buildbot_lifecycle.workers.ssh.options import TURN_SECONDS, Options
from buildbot_lifecycle.workers.ssh.session import Ended, Session

#: Sessions to one host that may be without a shell at the same time; sshd drops from 10 on.
TURNS_PER_HOST = 6

#: Seconds before a dropped connection is tried again.
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)

# What the client says when sshd has dropped it before asking who it is.
_DROPPED = re.compile(
    r"exchange_identification|Connection (closed|reset) by .* port|Exceeded MaxStartups"
)

# Of a message in a box of @, which ssh writes about a host key that changed, the box says nothing.
_NOISE = re.compile(r"^(@+|Warning: Permanently added .*|debug\d: .*|\*\* .*|)\s*$")

_turns: dict[tuple[str, int | None, str | None], defer.DeferredSemaphore] = {}


@dataclasses.dataclass(frozen=True)
class Word:
    """Something that the remote script said, and when: seconds since it began."""

    word: str
    rest: str
    at: float


def command(options: Options, remote_shell: str) -> list[str]:
    """The command line of the client. Its own options come first: ssh takes the first value it sees."""
    words = [options.ssh_command, *options.ssh_options]
    if options.ssh_config:
        words += ["-F", options.ssh_config]
    settings = {
        # there is nobody who could answer a question
        "BatchMode": "yes",
        "ConnectTimeout": str(round(options.connect_timeout)),
        # a network that has died is noticed also when nothing is sent
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        # a session that others share must not end with ours; forwardings are for people's sessions
        "ControlMaster": "no",
        "ClearAllForwardings": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RequestTTY": "no",
    }
    if options.identity_file:
        words += ["-i", options.identity_file]
        settings["IdentitiesOnly"] = "yes"
    if options.known_hosts:
        settings["UserKnownHostsFile"] = f'"{options.known_hosts}"'
        settings["StrictHostKeyChecking"] = "yes"
    if options.port:
        words += ["-p", str(options.port)]
    if options.user:
        words += ["-l", options.user]
    if options.jump_host:
        words += ["-J", options.jump_host]
    for key, value in settings.items():
        words += ["-o", f"{key}={value}"]
    return [*words, "--", options.host, remote_shell]


class Client:
    """Runs scripts on the host that some options name; `secrets` are taken out of all that it says."""

    def __init__(self, reactor: Any, options: Options, secrets: Iterable[str] = ()) -> None:
        self.reactor = reactor
        self.clock = clocks.of(reactor)
        self.options = options
        self._hide = hiding.hider(secrets)

    def clean(self, text: str) -> str:
        """A text of the host's as it may be shown: without the secrets that the host was given."""
        return hiding.visible(self._hide(text))

    @property
    def where(self) -> str:
        """The host, as people write it."""
        user = f"{self.options.user}@" if self.options.user else ""
        port = f":{self.options.port}" if self.options.port else ""
        return f"{user}{self.options.host}{port}"

    async def run(
        self,
        script: str,
        *,
        seconds: float,
        shell: str,
        more: str = "",
        tell: Callable[[Word], None] = lambda _: None,
    ) -> list[Word]:
        """Run a script, and return all that it said.

        `seconds` bounds the script itself; getting a shell is bounded by the options. `more` is sent to
        its standard input once it has begun. `tell` is called with each word as it comes.

        Raises Unreachable (nothing was done there), Broken (not known what was), or Refused (the script
        says that it failed).
        """
        for pause in (*RETRY_SECONDS, None):
            attempt = _Attempt(self, script, seconds, more, tell)
            ended = await attempt.run(command(self.options, shell))
            dropped = not attempt.begun and ended.cut is None and _DROPPED.search(ended.said)
            if pause is None or not dropped:
                break
            await task.deferLater(self.clock, pause)
        return attempt.result(ended)


class _Attempt:
    def __init__(
        self,
        client: Client,
        script: str,
        seconds: float,
        more: str,
        tell: Callable[[Word], None],
    ) -> None:
        self._client = client
        self._clock = client.clock
        self._script, self._seconds, self._more, self._tell = script, seconds, more, tell
        self._session = Session(client.reactor, self._line)
        self._turn: defer.DeferredSemaphore | None = None
        self._since = 0.0
        self.begun = False
        self.words: list[Word] = []

    async def run(self, words: list[str]) -> Ended:
        options = self._client.options
        await self._take_turn()
        try:
            self._session.start(words, options.connect_timeout + self._seconds)
            # ssh's own ConnectTimeout ends with the banner: not what comes after it, nor a login shell
            why = f"no shell within {options.connect_timeout:g} s"
            self._session.limit(options.connect_timeout, why)
            self._session.send(self._script)
            return await self._session.finished
        finally:
            self._end_turn()

    async def _take_turn(self) -> None:
        options = self._client.options
        key = (options.host, options.port, options.user)
        turns = _turns.setdefault(key, defer.DeferredSemaphore(TURNS_PER_HOST))
        waiting = turns.acquire()
        waiting.addTimeout(TURN_SECONDS, self._clock)
        try:
            await waiting
        except (defer.TimeoutError, defer.CancelledError):
            return  # the others hang; it is better to try than to hang with them
        self._turn = turns

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.release()
        self._turn = None

    def _line(self, line: str) -> None:
        found = remote.said(line)
        if found is None:
            return
        if not self.begun and found[0] == "begin":
            self.begun = True
            self._since = self._clock.seconds()
            self._end_turn()
            self._session.limit(self._seconds, f"no end within {self._seconds:g} s")
            self._session.send(remote.GO + self._more)
            return
        said, rest = found
        # what the script itself says holds no secret, but maybe digits or words that are one, too
        rest = self._client.clean(rest) if said in ("tail", "failed") else hiding.visible(rest)
        word = Word(said, rest, at=self._clock.seconds() - self._since)
        self.words.append(word)
        self._tell(word)

    def result(self, ended: Ended) -> list[Word]:
        ended = dataclasses.replace(
            ended, said=self._client.clean(ended.said.replace("\r\n", "\n"))
        )
        said = {word.word: word.rest for word in self.words}
        where = self._client.where
        if not self.begun:
            raise Unreachable(f"no shell on {where}: {explain(ended)}")
        if "failed" in said:
            tail = [word.rest for word in self.words if word.word == "tail"]
            errors = [line for line in ended.said.splitlines() if not _NOISE.match(line)]
            raise Refused("\n".join([f"{where}: {said['failed']}", *errors[-5:], *tail]))
        if "end" not in said:
            last = self.words[-1].word if self.words else "begin"
            raise Broken(f"the session to {where} broke after {last!r}: {explain(ended)}")
        return self.words


def explain(ended: Ended) -> str:
    """Why a client ended, in one line: what cut it, or what it said last."""
    if ended.cut is not None:
        return ended.cut
    lines = [line.strip() for line in ended.said.splitlines() if not _NOISE.match(line)]
    said = "; ".join(line.strip("@ ") for line in lines)
    if "IDENTIFICATION HAS CHANGED" in said:
        return (
            "the host key is not the one in the known hosts: REMOTE HOST IDENTIFICATION HAS CHANGED"
        )
    if said:
        return said[-500:]
    how = f"signal {ended.number}" if ended.number else f"status {ended.status}"
    return f"the ssh client ended with {how}"
