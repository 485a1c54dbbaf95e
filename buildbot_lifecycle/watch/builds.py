"""Builds: they ask for the worker, ping it before their first step, and end."""

from __future__ import annotations

import functools
from typing import Any

from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host import builds, clock, machines, workers
from buildbot_lifecycle.host.reasons import one_line
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.base import UNSET
from buildbot_lifecycle.shapes.parts import Build, Building
from buildbot_lifecycle.watch.calls import followed, nothing
from buildbot_lifecycle.watch.machines import Machines
from buildbot_lifecycle.watch.register import Hook, Register
from buildbot_lifecycle.watch.watched import Watched

#: Seconds after which a build's ping, before its first step, is worth an event if it is not answered.
PING_SECONDS = 2.0


class Builds:
    """The hooks around what builds do with a worker."""

    def __init__(self, register: Register, of_machines: Machines) -> None:
        self._register = register
        self._machines = of_machines

    def around(self) -> dict[str, Hook]:
        """Method of the worker -> hook."""
        return {
            "substantiate": self._substantiate,
            "buildStarted": self._started,
            "buildFinished": self._finished,
            workers.MISSING_TIMER: self._missing,
        }

    # a build asks for the worker

    def _substantiate(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        build = kwargs.get("build", args[1] if len(args) > 1 else None)
        if build is not None:
            self._register.tell(
                watched, events.Asked, functools.partial(_asked, watched.worker, build)
            )
        try:
            machine = machines.latent_machine(watched.worker)
            if machine is not None:
                self._machines.watch(machine)
        except Exception:
            self._register.failed(watched.worker.master, "watching a machine")
        if self._refuses_start(watched):
            return defer.fail(workers.cancelled_substantiation())
        result = original(*args, **kwargs)
        return followed(result, nothing, functools.partial(self._substantiated, watched, build))

    def _substantiated(self, watched: Watched, build: Any, result: Any) -> None:
        """What Buildbot gave a build that waited for the worker: only a failure is news."""
        if isinstance(result, BaseException):
            # of an instance that failed its check Buildbot hands out the bare exception
            result = failure.Failure(result)  # type: ignore[no-untyped-call]
        if isinstance(result, failure.Failure):
            told = functools.partial(_not_substantiated, watched, build, result)
            self._register.tell(watched, events.NotSubstantiated, told)

    def _refuses_start(self, watched: Watched) -> bool:
        try:
            sink = self._register.sink_of(watched)
            if sink is None or watched.worker.substantiated:
                return False
            return sink.refuses_start(watched)
        except Exception:
            self._register.failed(watched.master, "asking whether a start may be made")
            return False

    def _missing(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        self._register.tell(watched, events.Missing, events.Missing)
        return original(*args, **kwargs)

    # a build runs

    def _started(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        wfb = args[0] if args else kwargs.get("wfb")
        self._watch_ping(watched, wfb)
        self._watch_build(watched, wfb)
        self._register.tell(
            watched,
            events.BuildStarted,
            lambda: events.BuildStarted(build=Build(**builds.newest_of(wfb))),
        )
        return result

    def _finished(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        wfb = args[0] if args else kwargs.get("wfb")
        self._register.tell(
            watched,
            events.BuildFinished,
            lambda: events.BuildFinished(build=Build(**builds.build_of(wfb))),
        )
        return original(*args, **kwargs)

    # its end

    def _watch_build(self, watched: Watched, wfb: Any) -> None:
        """Wrap what Buildbot does with a build: an error of the database may be the last of it."""
        try:
            build = builds.newest_object_of(wfb)
        except Exception:
            return  # one that cannot be described either, which is told already
        if build is None:
            return
        try:
            watched.builds = [each for each in watched.builds if builds.is_building(each)]
            watched.lost_builds = [e for e in watched.lost_builds if builds.is_building(e)]
            watched.builds.append(build)
            for name in (builds.ENDS, *builds.RUNS):
                self._wrap_build(watched, build, name)
        except Exception:
            self._register.failed(watched.worker, "watching a build")

    def _wrap_build(self, watched: Watched, build: Any, name: str) -> None:
        original = getattr(build, name, None)
        if original is None or name in build.__dict__:
            return

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            def ended(result: Any) -> None:
                self._build_ended(watched, build, name, result)

            return followed(original(*args, **kwargs), nothing, ended)

        setattr(build, name, wrapper)

    def _build_ended(self, watched: Watched, build: Any, name: str, result: Any) -> None:
        """A method of a build is over: it is lost if Buildbot has broken off in it."""
        broke = isinstance(result, failure.Failure)
        if not (broke or name == builds.ENDS) or not builds.is_building(build):
            return
        if any(build is lost for lost in watched.lost_builds):
            return
        watched.lost_builds.append(build)
        error = one_line(result) if broke else "an error while the build was ended"
        data = events.BuildLost(
            build=Building(**builds.describe_build(build)), error=cut(error, MAX_LINE) or ""
        )
        self._register.tell(watched, events.BuildLost, lambda: data)

    # its ping

    def _watch_ping(self, watched: Watched, wfb: Any) -> None:
        """Wrap the ping that a build sends before its first step: Buildbot waits for it for ever."""
        try:
            if any(owner is wfb for owner, _ in watched.pings):
                return
            original = getattr(wfb, "ping", None)
            if original is None:
                return

            @functools.wraps(original)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return self._ping(watched, wfb, original(*args, **kwargs))

            wfb.ping = wrapper
            watched.pings.append((wfb, wrapper))
        except Exception:
            self._register.failed(watched.worker, "watching a build's ping")

    def _ping(self, watched: Watched, wfb: Any, result: Any) -> Any:
        later: Any = None
        builder = str(getattr(wfb, "builder_name", ""))

        def began() -> None:
            nonlocal later
            if isinstance(result, defer.Deferred) and result.called:
                return
            try:
                data = events.PingWaits(builder=builder, since=watched.clock.seconds())
                later = watched.clock.callLater(
                    PING_SECONDS, self._register.tell, watched, events.PingWaits, lambda: data
                )
            except Exception:
                self._register.failed(watched.worker, "watching a build's ping")

        def ended(_: Any) -> None:
            if later is not None and later.active():
                later.cancel()
            elif later is not None:
                self._register.tell(
                    watched, events.PingEnded, lambda: events.PingEnded(builder=builder)
                )

        return followed(result, began, ended)


def unwatch_pings(watched: Watched) -> None:
    """Take the wrappers off the pings of a worker's builds, and off these."""
    for build in watched.builds:
        for name in (builds.ENDS, *builds.RUNS):
            build.__dict__.pop(name, None)
    watched.builds.clear()
    for wfb, ping in watched.pings:
        if wfb.__dict__.get("ping") is ping:
            del wfb.__dict__["ping"]
    watched.pings.clear()


def _asked(worker: Any, build: Any) -> events.Asked:
    deadline = workers.missing_deadline_of_next(worker, clock.of(worker.master.reactor).seconds())
    return events.Asked(
        build=Build(**builds.describe_build(build)),
        gives_up_at=UNSET if deadline is None else deadline,
    )


def _not_substantiated(
    watched: Watched, build: Any, problem: failure.Failure
) -> events.NotSubstantiated:
    return events.NotSubstantiated(
        how=workers.how_not_substantiated(problem),
        error=cut(one_line(problem), MAX_LINE),
        stopped=bool(getattr(build, "stopped", False)),
        by=UNSET if watched.called_off_by is None else watched.called_off_by,
        build=UNSET if build is None else Build(**builds.describe_build(build)),
    )
