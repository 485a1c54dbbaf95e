"""Calls of the driver: start_instance, stop_instance and check_instance."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.core.states import STOPPING, State
from buildbot_lifecycle.host import builds, workers
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.base import UNSET, UnsetType
from buildbot_lifecycle.shapes.parts import Build
from buildbot_lifecycle.watch import instance
from buildbot_lifecycle.watch.calls import Call
from buildbot_lifecycle.watch.register import Hook, Register
from buildbot_lifecycle.watch.watched import Watched, now_of

#: Driver methods whose Deferred is replaced by one that can be released.
CALLS = ("start_instance", "stop_instance", "check_instance")


class DriverCalls:
    """The hooks around them."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def around(self) -> dict[str, Hook]:
        """Method of the worker -> hook."""
        return {name: functools.partial(self._around, name) for name in CALLS}

    def _around(
        self, name: str, watched: Watched, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        if self._is_drivers_own(watched, name):
            # a step of the call under way: Buildbot knows nothing of it, and `where` leads through it
            return original(*args, **kwargs)
        if name == "stop_instance":
            watched.stop_called = True
        call = Call(
            name,
            self._register.token(),
            functools.partial(self.ended, watched),
            # half way, Buildbot's stopService would loop for ever, or leave the worker as it is
            lambda: name == "stop_instance" and watched.stop_asked,
            since=now_of(watched.master),
        )
        watched.calls[call.token] = call
        data = functools.partial(_started, watched, call, args, kwargs)

        # check_instance is asked every few seconds and mostly answers at once: only a check that
        # is waited for, or that found something, is worth a row
        call.told = name != "check_instance"
        if call.told:
            self._register.tell(watched, events.CallStarted, data)
        result = call.begin(original, args, kwargs)
        if not call.told and not call.ended:
            call.told = True
            self._register.tell(watched, events.CallStarted, data)
        return result

    def _is_drivers_own(self, watched: Watched, name: str) -> bool:
        """Whether a driver calls itself, as Kubernetes' and Marathon's start calls its own stop.

        Buildbot makes one call at a time, under its lock; after a release the driver's goes on without
        it, and then the state tells whether Buildbot's code is at such a call.
        """
        try:
            calls = [c for c in watched.calls.values() if c.name in CALLS and not c.ended]
            if not calls:
                return False
            if any(not call.released for call in calls):
                return True
            state = workers.state_of(watched.worker.state)
            if name == "stop_instance":
                return state not in STOPPING or watched.stop_called
            return state is not State.SUBSTANTIATING_STARTING
        except Exception:
            self._register.failed(watched.worker, f"looking who calls {name}")
            return False

    def ended(self, watched: Watched, call: Call, outcome: dict[str, Any]) -> None:
        """A call, of the driver or of the worker's machine, ended or was released."""
        if call.ended:
            watched.calls.pop(call.token, None)
        if not call.told and outcome["outcome"] == "true":
            return
        data = functools.partial(_ended, watched, call, outcome)
        self._register.tell(watched, events.CallEnded, data)


def _started(watched: Watched, call: Call, args: Any, kwargs: Any) -> events.CallStarted:
    known = functools.partial(events.CallStarted, call=call.name, token=call.token)
    if call.name == "start_instance":
        known_before = instance.known_before(watched.worker)
        return known(
            build=Build(**builds.describe_build(args[0])) if args else UNSET,
            instance=UNSET if known_before is None else known_before,
        )
    if call.name == "stop_instance":
        return known(
            fast=bool(args[0] if args else kwargs.get("fast", False)),
            # drivers forget the name first of all; it says that there was something to stop
            instance=instance.name_of(watched.worker),
        )
    return known()


def _ended(watched: Watched, call: Call, outcome: dict[str, Any]) -> events.CallEnded:
    named: str | UnsetType | None = UNSET
    if call.name == "start_instance":
        named = instance.name_of(watched.worker)
        if named is None and outcome["outcome"] not in ("raised", "false"):
            named = instance.known_before(watched.worker)
    return events.CallEnded(call=call.name, token=call.token, instance=named, **outcome)
