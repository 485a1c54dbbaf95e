"""``worker.SSHLatentWorker``: starts a buildbot-worker on another host by ssh, and ends it provably.

Relies on Buildbot 4.3's worker/latent.py: `start_instance`, `stop_instance` and `check_instance` are
called under one lock, so each of them is bounded here in all that it does; the connection is closed by
Buildbot *before* `stop_instance` (`_soft_disconnect`), which is how the remote worker is asked to go.
"""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from buildbot import config
from buildbot.interfaces import LatentWorkerFailedToSubstantiate
from buildbot.util.latent import CompatibleLatentWorkerMixin
from buildbot.worker.latent import AbstractLatentWorker
from twisted.internet import defer
from twisted.python import log

from buildbot_lifecycle.core import hiding
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host import connections
from buildbot_lifecycle.host.edge import as_deferred
from buildbot_lifecycle.host.reconfigured import Reconfigured
from buildbot_lifecycle.service.service import note_step
from buildbot_lifecycle.workers.ssh import options, program, remote, rendering
from buildbot_lifecycle.workers.ssh.asked import Host
from buildbot_lifecycle.workers.ssh.client import Client
from buildbot_lifecycle.workers.ssh.errors import (
    NotKnownToBeGone,
    SSHError,
    StillThere,
    Unreachable,
)
from buildbot_lifecycle.workers.ssh.steps import Ladder, Starting

#: Seconds that the worker has to answer to being asked over its connection.
ASK_SECONDS = 2.0

#: Seconds that the lifecycle service's question may take; it waits for 20.
HOOK_SECONDS = 18.0

#: Seconds that the remote script watches the worker's process come up; then it is watched by checks.
READY_SECONDS = 30.0


@dataclasses.dataclass(frozen=True)
class Running:
    """An instance that was started, or may have been, and where: a reconfig does not change it."""

    instance: remote.Instance
    client: Client
    directory: str
    #: what must not be shown: {value: name}
    secrets: Mapping[str, str]

    @property
    def name(self) -> str:
        """How people and the ledger call it."""
        return f"{self.client.options.host}/{self.instance.number}"


class SSHLatentWorker(Reconfigured, CompatibleLatentWorkerMixin, AbstractLatentWorker):
    """A latent worker on a host that is reached by ssh. Its arguments are in docs/ssh-worker.

    `stop_instance` answers True when no process of the instance is left, and raises `StillThere` or
    `NotKnownToBeGone` otherwise; it always ends, within `options.stop_bound` seconds.
    """

    _running: Running | None = None

    def checkConfig(self, name: str, password: Any = None, **kwargs: Any) -> None:  # noqa: N802
        ours, buildbots = options.split(kwargs)
        for problem in options.parse(ours)[1]:
            config.error(f"SSHLatentWorker {name!r}: {problem}")
        try:
            super().checkConfig(name, password, **buildbots)
        except TypeError as error:
            # an argument that is neither ours nor Buildbot's
            config.error(f"SSHLatentWorker {name!r}: {error}")

    @as_deferred
    async def reconfigService(self, name: str, password: Any = None, **kwargs: Any) -> Any:  # noqa: N802
        ours, buildbots = options.split(kwargs)
        self.options = options.parse(ours)[0]
        if password is None:
            password = self.getRandomPass()
        await super().reconfigService(name, password, **buildbots)

    # what Buildbot calls

    def start_instance(self, build: Any) -> defer.Deferred[bool]:
        """Start the remote worker, after ending whatever an earlier life has left of it.

        Raises LatentWorkerFailedToSubstantiate with the reason and the remote side's last words.
        """
        return defer.ensureDeferred(self._start(build))

    def stop_instance(self, fast: bool = False) -> defer.Deferred[bool]:
        """End the remote worker. True when it is gone; raises StillThere or NotKnownToBeGone."""
        return defer.ensureDeferred(self._stop(fast))

    def check_instance(self) -> defer.Deferred[tuple[bool, str]]:
        """Whether the remote worker lives. A host that cannot be asked says nothing against it."""
        return defer.ensureDeferred(self._check())

    def substantiate(self, wfb: Any, build: Any) -> defer.Deferred[Any]:
        """As Buildbot's. A build may print the instance's secrets, which an earlier build rendered."""
        asked: defer.Deferred[Any] = super().substantiate(wfb, build)
        return asked.addCallback(self._hide_from_logs_of, build)

    def _hide_from_logs_of(self, result: Any, build: Any) -> Any:
        if self._running is not None:
            for value, name in self._running.secrets.items():
                build.getProperties().useSecret(value, name)
        return result

    @as_deferred
    async def renderWorkerProps(self, build_props: Any) -> Any:  # noqa: N802 - Buildbot's
        """What depends on the build; an instance serves only builds for which it is the same."""
        chosen = self.options
        what = (chosen.program, dict(chosen.environment), chosen.prepare_command)
        properties = build_props.getProperties()
        if properties.master is None:
            # asked before a build is made, Buildbot 4.3 gives properties that can render no secret
            properties = rendering.Noticing(properties)
            properties.master = self.master
        return await properties.render(what)

    @as_deferred
    async def isCompatibleWithBuild(self, build_props: Any) -> Any:  # noqa: N802 - Buildbot's
        """As Buildbot's, but never raises: that would keep the builder's builds from other workers."""
        try:
            return await super().isCompatibleWithBuild(build_props)
        except Exception as error:  # noqa: BLE001 - renderables are anybody's code
            log.msg(f"worker {self.name}: not used for a build: {rendering.not_rendered(error)}")
            return False

    # what the lifecycle service asks

    def lifecycle_instance(self) -> str | None:
        """The instance's name: `host/number`."""
        return self._running.name if self._running is not None else None

    def lifecycle_is_gone(self, instance: str | None = None) -> defer.Deferred[bool | None]:
        """Whether an instance (its name as above; None: any of this worker's) is gone.

        True: no process of it is left. False: there are some. None: it could not be found out, within
        `HOOK_SECONDS`. It does not depend on what this process remembers.
        """
        asked = defer.ensureDeferred(self._host().is_gone(instance))
        asked.addTimeout(
            HOOK_SECONDS, clocks.of(self.master.reactor), onTimeoutCancel=lambda *_: None
        )
        return asked

    async def lifecycle_instances(self) -> list[dict[str, Any]]:
        """This worker's instances that have processes on the host now."""
        return await self._host().instances()

    async def lifecycle_end(self, instance: str) -> bool:
        """End all processes of an instance, also of one that another process of the master started."""
        return await self._host().end(instance)

    # start

    async def _start(self, build: Any) -> bool:
        self._running = None
        chosen = self.options
        given = build.getProperties()
        noticing, of_command = rendering.Noticing(given), rendering.Noticing(given)
        try:
            rendered = rendering.rendered(
                await self.renderWorkerPropsOnStart(noticing), chosen.worker_command is None
            )
            await of_command.render(chosen.program)
        except Exception as error:  # noqa: BLE001 - renderables are anybody's code
            hide = hiding.hider({**noticing.noticed, **of_command.noticed})
            raise self._failed(hide(rendering.not_rendered(error))) from None
        if of_command.noticed:
            names = ", ".join(sorted(of_command.noticed.values()))
            raise self._failed(
                f"python or worker_command holds a secret ({names}): {options.SEEN_BY_ALL}"
            )
        hidden = self._secrets(rendered, noticing.noticed)
        running = self._running = Running(
            remote.Instance(self._owner(), secrets.token_hex(6)),
            Client(self.master.reactor, chosen, hidden),
            self._directory(),
            hidden,
        )
        launch = remote.Launch(
            directory=running.directory,
            program=self._program(),
            command=rendered.command,
            environment=rendered.environment,
            umask=chosen.umask,
            prepare=rendered.prepare,
            ready_seconds=READY_SECONDS,
        )
        limits = remote.Limits(0, chosen.term_timeout, chosen.kill_timeout)
        starting = Starting(self._note, clocks.of(self.master.reactor))
        try:
            await running.client.run(
                remote.start(running.instance, launch, limits),
                seconds=chosen.start_timeout,
                shell=remote.shell(running.instance),
                more=remote.password_line(self.password),
                tell=starting.word,
            )
        except SSHError as error:
            if isinstance(error, Unreachable):
                self._running = None  # nothing was done there, so there is nothing to stop
            starting.failed(str(error))
            raise self._failed(str(error)) from None
        return True

    def _failed(self, text: str) -> LatentWorkerFailedToSubstantiate:
        return LatentWorkerFailedToSubstantiate(self.name, text)

    def _secrets(self, rendered: rendering.Rendered, noticed: Mapping[str, str]) -> dict[str, str]:
        given = self.options.environment
        of_renderables = {
            text: key
            for key, text in rendered.environment.items()
            if options.is_renderable(given[key])
        }
        found = {self.password: "password", **of_renderables, **noticed}
        return {text: name for text, name in found.items() if len(text) >= hiding.SHORTEST_SECRET}

    def _program(self) -> str:
        chosen = self.options
        arguments = {"keepalive": 600, "protocol": chosen.master_protocol, **chosen.worker_options}
        if chosen.master_protocol == "pb":
            del arguments["protocol"]  # older workers know of no other
        direct = "connection_string" not in arguments
        return program.text(
            host=chosen.masterFQDN,
            port=self._port() if direct else None,
            name=self.name,
            retry=self.build_wait_timeout < 0,
            master_gone_timeout=chosen.master_gone_timeout,
            options=arguments,
        )

    def _port(self) -> int:
        if self.options.master_port is not None:
            return self.options.master_port
        if self.options.master_protocol == "pb":
            return int(self.registration.getPBPort())
        return int(self.registration.get_msgpack_port())

    def _owner(self) -> str:
        text = f"{self.master.name}\0{self.name}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _directory(self) -> str:
        return self.options.basedir or f"buildbot-workers/{self.name.replace('/', '_')}"

    # stop

    async def _stop(self, fast: bool) -> bool:
        running = self._running
        if running is None:
            self._note("nothing was started", ok=True)
            return True
        self._ask_by_connection()
        try:
            await self._climb(running, fast)
        finally:
            # A frozen worker leaves its connection half open, and Buildbot would wait for it.
            self._abort_connection()
        if self._running is running:
            self._running = None
            self.resetWorkerPropsOnStop()
        return True

    async def _climb(self, running: Running, fast: bool) -> None:
        chosen = running.client.options
        limits = remote.Limits(
            0 if fast else chosen.ask_timeout, chosen.term_timeout, chosen.kill_timeout
        )
        ladder = Ladder(self._note, clocks.of(self.master.reactor))
        try:
            await running.client.run(
                remote.stop(running.instance.owner, running.instance, limits),
                seconds=chosen.ladder_seconds + options.SCRIPT_SECONDS,
                shell=remote.shell(None),
                tell=ladder.word,
            )
        except SSHError as error:
            if not ladder.gone:
                ladder.unknown(str(error))
                raise NotKnownToBeGone(
                    f"{running.name} may still run: {error}. The next start of this worker ends it"
                    " first, and it ends by itself once it has lost its master"
                ) from None
        if not ladder.gone:
            raise StillThere(f"{running.name} still runs after KILL: processes {ladder.alive}")

    def _ask_by_connection(self) -> None:
        conn = self.conn
        if conn is None:
            return
        asked = defer.maybeDeferred(conn.remoteShutdown)
        asked.addTimeout(ASK_SECONDS, clocks.of(self.master.reactor))
        # Closing the connection asks as well, so that this fails is no news.
        asked.addErrback(lambda _: None)

    def _abort_connection(self) -> None:
        if connections.abort(self.conn):
            log.msg(f"worker {self.name}: its connection was still there, and is aborted")

    # check

    async def _check(self) -> tuple[bool, str]:
        running = self._running
        if running is None:
            return False, "nothing was started"
        try:
            words = await running.client.run(
                remote.check(running.instance, running.directory),
                seconds=options.SCRIPT_SECONDS,
                shell=remote.shell(None),
            )
        except SSHError as error:
            log.msg(f"worker {self.name}: cannot ask about {running.name}: {error}")
            return True, ""
        dead = [word.rest for word in words if word.word == "dead"]
        if not dead:
            return True, ""
        tail = [word.rest for word in words if word.word == "tail"]
        text = "\n".join([f"{running.name}: {dead[0]}", *tail])
        self._note("found dead", ok=False, why=dead[0])
        return False, text

    # asked from outside

    def _host(self) -> Host:
        return Host(Client(self.master.reactor, self.options), self._owner(), self.name)

    # both

    def _note(self, step: str, **details: Any) -> None:
        shown = ", ".join(f"{key}={value}" for key, value in details.items())
        log.msg(f"worker {self.name}: {step}{': ' if shown else ''}{shown}")
        note_step(self, step, **details)
