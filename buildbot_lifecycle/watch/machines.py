"""Latent machines: their workers wait for their calls, and are told of them."""

from __future__ import annotations

import functools
from typing import Any

from buildbot_lifecycle.host import machines
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.calls import Call
from buildbot_lifecycle.watch.drivers import DriverCalls
from buildbot_lifecycle.watch.register import Register
from buildbot_lifecycle.watch.watched import Watched, master_of, now_of

#: Calls of a latent machine whose Deferred is replaced by one that can be released.
MACHINE_CALLS = ("start_machine", "stop_machine")


class Machines:
    """The machines whose calls are wrapped."""

    def __init__(self, register: Register, drivers: DriverCalls) -> None:
        self._register = register
        self._drivers = drivers
        self._wrapped: dict[int, tuple[Any, dict[str, Any]]] = {}
        # those whose start or stop a BaseException has broken off
        self._broken: dict[int, Any] = {}

    def watch(self, machine: Any) -> None:
        """Wrap the calls of a machine; twice is once."""
        if id(machine) in self._wrapped:
            return
        wrapped: dict[str, Any] = {}
        for name in MACHINE_CALLS:
            original = getattr(machine, name)
            wrapped[name] = functools.wraps(original)(
                functools.partial(self._call, machine, name, original)
            )
            machine.__dict__[name] = wrapped[name]
        self._wrapped[id(machine)] = (machine, wrapped)

    def unwatch(self) -> None:
        """Take all wrappers off; what has broken off is remembered for as long as it lasts."""
        for machine, wrapped in self._wrapped.values():
            for name, wrapper in wrapped.items():
                if machine.__dict__.get(name) is wrapper:
                    del machine.__dict__[name]
        self._wrapped.clear()
        self._broken = {key: m for key, m in self._broken.items() if machines.is_between(m)}

    def _call(self, machine: Any, name: str, original: Any, *args: Any, **kwargs: Any) -> Any:
        token = self._register.token()
        concerned = [w for w in map(self._register.of, machine.workers) if w is not None]

        self._broken.pop(id(machine), None)

        def ended(call: Call, outcome: dict[str, Any]) -> None:
            outcome = {**outcome, "machine": str(machine.name)}
            if outcome.get("base") and not call.released:
                self._broken[id(machine)] = machine
            for watched in concerned:
                self._drivers.ended(watched, call, outcome)

        call = Call(name, token, ended, since=now_of(master_of(machine)))
        call.told = True
        for watched in concerned:
            watched.calls[call.token] = call
            self._register.tell(
                watched,
                events.CallStarted,
                lambda: events.CallStarted(call=name, token=call.token),
            )
        return call.begin(original, args, kwargs)

    def half(self, watched: Watched) -> Any | None:
        """The worker's machine, if its start or stop broke off, so that it never ends."""
        machine = machines.latent_machine(watched.worker)
        if machine is None or id(machine) not in self._broken:
            return None
        return machine if machines.is_between(machine) else None
