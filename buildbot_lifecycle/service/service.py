"""``util.LifecycleService``: what stands in master.cfg, and what authors of workers are given."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from buildbot import config
from buildbot.interfaces import IRenderable
from buildbot.util import service
from twisted.internet import defer

from buildbot_lifecycle.core import arguments as core_arguments
from buildbot_lifecycle.core import settings as core_settings
from buildbot_lifecycle.core.bounds import MAX_NAME
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.core.settings import Current
from buildbot_lifecycle.host import configurations, required
from buildbot_lifecycle.host.edge import as_deferred
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import pause
from buildbot_lifecycle.host.reconfigured import Reconfigured
from buildbot_lifecycle.service.answers import Answers
from buildbot_lifecycle.service.parts import Parts
from buildbot_lifecycle.service.wiring import wire
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.probe import PROBE

SERVICE_NAME = "lifecycle"

#: The default of what is a dictionary.
_NOTHING: Mapping[str, Any] = MappingProxyType({})

#: Seconds between two looks at whether the workers have stopped, while the master stops.
STOP_POLL_SECONDS = 0.05


def find_service(master: Any) -> LifecycleService | None:
    """The service of this master; None if master.cfg does not have it."""
    manager = getattr(master, "service_manager", None)
    found = manager.namedServices.get(SERVICE_NAME) if manager is not None else None
    return found if isinstance(found, LifecycleService) else None


def note_step(worker: Any, step: str, **details: Any) -> None:
    """For authors of latent workers: show a step of a start or a stop on the worker's page.

    ``step`` is a short word or sentence ("asked to stop", "TERM"); ``details`` are JSON values, of
    which ``elapsed_s`` (seconds) and ``ok`` (bool) are shown by name. Without the service in
    master.cfg it does nothing. Never raises.
    """
    found = find_service(worker.master) if worker.master is not None else None
    if found is not None:
        found.step(worker, cut(step, MAX_NAME) or "", details)


def _see_patterns(found: Any) -> None:
    """Of the service in a configuration."""
    service = (found.services or {}).get(SERVICE_NAME)
    if isinstance(service, LifecycleService):
        given = {"metrics_workers": service.given[1].get("metrics_workers")}
        patterns = core_arguments.parse(given)[0].metrics_workers
        configurations.see_patterns(found, "LifecycleService: metrics_workers", patterns)


configurations.when_read(_see_patterns)


class LifecycleService(Reconfigured, service.BuildbotService):
    """Records the lifecycle of every latent worker, and frees the stuck ones.

    The arguments are described in docs/configuration; a wrong one is a configuration error.
    """

    name = SERVICE_NAME
    # after the workers: a changed threshold is applied to what they are by then
    reconfig_priority = 1
    # rendered by Buildbot before reconfigService has them
    secrets: ClassVar[list[str]] = ["metrics_token"]

    def checkConfig(
        self,
        *,
        stuck_after: Mapping[str, float | None] = _NOTHING,
        workers: Mapping[str, Mapping[str, Any]] = _NOTHING,
        shutdown_grace: float = core_settings.DEFAULT_SHUTDOWN_GRACE,
        shutdown_limit: float = core_settings.DEFAULT_SHUTDOWN_LIMIT,
        pause_after_release: bool = True,
        anonymous_may_force: bool = False,
        details_for: str = core_settings.DETAILS_FOR[0],
        adaptive: bool | Mapping[str, Any] | None = None,
        auto_release: Mapping[str, Any] | Literal[False] | None = None,
        auto_end: Mapping[str, Any] | Literal[False] | None = None,
        census_every: float | None = None,
        prices: Mapping[str, float] | None = None,
        instance_url: Mapping[str, str] | None = None,
        metrics_token: Any = None,
        metrics_workers: str | Sequence[str] | None = None,
        keep_days: float | Mapping[str, Any] | None = 90,
        # one that is not known is a problem with a sentence, as a wrong value is
        **unknown: Any,
    ) -> None:
        arguments = {
            "stuck_after": stuck_after,
            "workers": workers,
            "shutdown_grace": shutdown_grace,
            "shutdown_limit": shutdown_limit,
            "pause_after_release": pause_after_release,
            "anonymous_may_force": anonymous_may_force,
            "details_for": details_for,
            "adaptive": adaptive,
            "auto_release": auto_release,
            "auto_end": auto_end,
            "census_every": census_every,
            "prices": prices,
            "instance_url": instance_url,
            # a secret has no value yet: it is looked at when it is rendered
            "metrics_token": None if IRenderable.providedBy(metrics_token) else metrics_token,
            "metrics_workers": metrics_workers,
            "keep_days": keep_days,
            **unknown,
        }
        if self.name != SERVICE_NAME:
            config.error(
                f"LifecycleService: the name cannot be changed (to {self.name!r});"
                " a master has one lifecycle service"
            )
        for problem in core_arguments.parse(arguments)[1]:
            config.error(f"LifecycleService: {problem}")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args:
            config.error("LifecycleService: arguments must be given by name")
            args = ()
        super().__init__(*args, **kwargs)
        self._current = Current()
        #: what records, while it does; else why nothing is recorded, if there is a reason
        self._parts: Parts | None = None
        self._off: str | None = None
        self._token = uuid.uuid4().hex

    @property
    def answers(self) -> Answers:
        """What the REST API asks, as of now."""
        return Answers(self.master, self._current(), self._parts, self._off)

    def reconfigService(self, **arguments: Any) -> defer.Deferred[None]:
        settings, problems = core_arguments.parse(arguments)
        token = arguments.get("metrics_token")
        if token is not None and settings.metrics_token is None:
            # a secret whose value is no token, found only now: closed, rather than open
            settings = dataclasses.replace(settings, metrics_token=uuid.uuid4().hex)
            log_lines([f"nobody can scrape metrics: {problem}" for problem in problems])
        self._current.settings = settings
        if self._parts is not None:
            self._parts.changed()
        return defer.succeed(None)

    @as_deferred
    async def startService(self) -> None:
        await super().startService()
        parts: Parts | None = None
        try:
            lost = required.missing()
            if lost:
                self._off = f"this Buildbot lacks {', '.join(lost)}"
                log_lines([f"nothing is recorded: {self._off}"])
                return
            parts = wire(self.master, self._current, self._token)
            parts.begin(self.master)
            self._parts = parts
            await parts.listening.start()
        except Exception as error:
            # a master with us in it must start as one without
            self._parts = None
            self._off = f"{type(error).__name__}: {error}"
            log_error(error, "lifecycle: could not start; nothing is recorded")
            await self._take_back(parts)

    async def _take_back(self, parts: Parts | None) -> None:
        """Undo a start that has failed half way: hooks are off again, and nothing goes on."""
        PROBE.unsubscribe(self.master)
        if parts is None:
            return
        try:
            parts.closing()
            await parts.end(self.master)
        except Exception as error:
            log_error(error, "lifecycle: while taking back a start that failed")

    @as_deferred
    async def stopService(self) -> None:
        master, parts = self.master, self._parts
        if parts is not None:
            parts.closing()
            try:
                # without the master running, its workers are stopping with us; else a reconfig
                # removes us, and must not be held up
                if not master.running:
                    await self._workers_stopped()
                self._parts = None
                await parts.end(master)
            except Exception as error:
                log_error(error, "lifecycle: while stopping")
        await super().stopService()

    async def _workers_stopped(self) -> None:
        """Wait until Buildbot has stopped every latent worker: their last transitions count too."""
        while any(
            not (watched.stopped or not watched.worker.running)
            for watched in PROBE.watched(self.master)
        ):
            await pause(self.master.reactor, STOP_POLL_SECONDS)

    def notified(self, reporter: str, is_delivered: bool) -> None:
        """Count a message of a reporter of Buildbot's."""
        if self._parts is not None:
            self._parts.telemetry.notified(reporter, is_delivered)

    def step(self, worker: Any, step: str, details: Mapping[str, Any]) -> None:
        """Record a step that a worker's driver tells of; see `note_step`."""
        logbook = None if self._parts is None else self._parts.logbook
        known = None if logbook is None else logbook.of(worker)
        if logbook is not None and known is not None:
            logbook.note(known, events.Step(step=step), details)
