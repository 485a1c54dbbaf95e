"""Asks clouds about the workers of one master. What is answered never fails: it may be `NotKnown`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.python.failure import Failure

from buildbot_lifecycle.clouds import hooks, machine
from buildbot_lifecycle.clouds.adapter import Adapter, Reach
from buildbot_lifecycle.clouds.choose import Choice
from buildbot_lifecycle.clouds.pool import Pool, Snapshot
from buildbot_lifecycle.clouds.titles import title
from buildbot_lifecycle.clouds.trouble import clean, told
from buildbot_lifecycle.clouds.values import (
    OWN,
    Can,
    CannotTell,
    Gone,
    Limits,
    Listing,
    NotKnown,
    Why,
    place_of,
)

T = TypeVar("T")

#: An adapter that says so has done its work.
_ANSWERS = (Why.UNDECIDED, Why.NOT_OFFERED)


class Clouds:
    """Answers on the reactor. A worker's own methods come first, then the adapter of its class."""

    def __init__(
        self,
        reactor: Any,
        choice: Choice | None = None,
        limits: Limits | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._reactor = reactor
        self._choice = choice or Choice()
        self._limits = limits or Limits()
        self._pool = pool or Pool(reactor)

    def start(self) -> None:
        """From now on clouds may be asked."""
        self._pool.start()

    def stop(self) -> None:
        """No cloud is asked any more, and none is waited for."""
        self._pool.stop()

    def snapshot(self) -> Snapshot:
        """How the threads are."""
        return self._pool.snapshot()

    # what needs no cloud

    def can(self, worker: Any) -> frozenset[Can]:
        """What can be asked about this worker's instances."""
        adapter = self._adapter(worker)
        own = {ability for ability in Can if self._own(worker, ability, adapter) is not None}
        return (adapter.can if adapter else frozenset()) | own

    def mark(self, worker: Any) -> str | None:
        """The name that the driver gives to this worker's instances; None: there is none, or an error."""
        return self._said(worker, lambda adapter: adapter.mark(worker), None)

    def name(self, worker: Any) -> str | None:
        """What the driver calls its instance now, also while the start runs; None as above."""
        return self._said(worker, lambda adapter: adapter.name(worker), Can.NAME)

    def link(self, worker: Any, name: str) -> str | None:
        """The address of an instance in its cloud's console; None as above."""
        said = self._said(worker, lambda adapter: adapter.link(worker, name), Can.LINK, name)
        return said if said and said.startswith(("https://", "http://")) else None

    def tells_masters(self, worker: Any) -> bool:
        """Whether the mark on this worker's instances tells its master from others."""
        return bool(getattr(self._adapter(worker), "tells_masters", True))

    def title(self, worker: Any, scope: Hashable) -> str:
        """What a scope is called for people."""
        class_name = type(worker).__name__
        return clean(title(scope, class_name, str(worker.name)), (_password(worker),))

    def _said(
        self, worker: Any, by: Callable[[Adapter], str | None], ability: Can | None, *given: str
    ) -> str | None:
        adapter = self._adapter(worker)
        own = self._own(worker, ability, adapter) if ability else None
        try:
            said = own(*given) if own else by(adapter) if adapter else None
        except Exception:  # noqa: BLE001 - anybody's code; not known is an answer
            self._pool.failed(_title(worker, adapter))
            return None
        return said if isinstance(said, str) and said else None

    # what the cloud is asked

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]:
        """Whether an instance of this name is gone; None: any of this worker's.

        Of its machine only the machine can tell: its driver never made it, and may call it gone.
        """
        return self._ask(
            machine.named(worker, name) or worker,
            Can.GONE,
            lambda own: hooks.awaited(own(name)).addCallback(hooks.gone),
            lambda reach: reach.gone(name),
        )

    def list(self, worker: Any) -> defer.Deferred[Listing | NotKnown]:
        """What the cloud has of this master, as this worker's configuration reaches it."""
        return self._ask(
            worker,
            Can.LIST,
            lambda own: hooks.awaited(own()).addCallback(
                lambda said: Listing(("own", id(worker)), tuple(hooks.instances(said)))
            ),
            lambda reach: Listing(reach.scope, tuple(reach.list())),
        )

    def end(self, worker: Any, name: str) -> defer.Deferred[bool | NotKnown]:
        """Ask the cloud to end an instance. True: accepted; whether it ended, ask `gone`."""
        return self._ask(
            worker,
            Can.END,
            lambda own: hooks.awaited(own(name)).addCallback(_accepted),
            lambda reach: reach.end(name) or True,  # type: ignore[func-returns-value]
        )

    def last_words(self, worker: Any, name: str) -> defer.Deferred[str | NotKnown]:
        """What there is to read of an instance's end."""
        return self._ask(
            worker,
            Can.LAST_WORDS,
            lambda own: hooks.awaited(own(name)).addCallback(lambda said: clean(str(said), ())),
            lambda reach: clean(reach.last_words(name), reach.secrets),
        )

    def scope(self, worker: Any) -> defer.Deferred[Hashable | NotKnown]:
        """What a listing for this worker would cover: of workers that are equal one needs to be asked."""
        adapter = self._adapter(worker)
        if hooks.hook(worker, Can.LIST) or adapter is None:
            return defer.succeed(("own", id(worker)))
        reached = self._reached(adapter, worker)
        return reached.addCallback(lambda reach: reach.scope).addErrback(_told)

    def place(self, worker: Any, name: str | None = None) -> defer.Deferred[str | NotKnown]:
        """Where `gone` would ask about this name: what is gone there need not be gone elsewhere.

        A digest, which is the same after a restart. `OWN`: a class that answers itself knows its places.
        """
        adapter = self._adapter(worker)
        is_machine = machine.named(worker, name) is not None
        if is_machine or self._own(worker, Can.GONE, adapter) is not None or adapter is None:
            return defer.succeed(OWN)
        return self._reached(adapter, worker).addCallback(_place).addErrback(_told)

    def _ask(
        self,
        worker: Any,
        ability: Can,
        by_own: Callable[[Callable[..., Any]], Any],
        by_reach: Callable[[Reach], T],
    ) -> defer.Deferred[Any]:
        adapter = self._adapter(worker)
        own, title = self._own(worker, ability, adapter), _title(worker, adapter)
        if own is not None:
            asked = defer.maybeDeferred(by_own, own)
        elif adapter is not None and ability in adapter.can:
            asked = defer.maybeDeferred(self._reach, adapter, worker)
            asked.addCallback(self._in_thread, title, by_reach)
        else:
            asked = defer.fail(CannotTell(Why.NOT_OFFERED, f"{title}: no {ability.value} is known"))
        return self._in_time(asked, title).addErrback(self._no_answer, title, worker)

    def _no_answer(self, failure: Failure, title: str, worker: Any) -> NotKnown:
        said = _told(failure, (_password(worker),))
        if said.why not in _ANSWERS:
            self._pool.failed(title)
        return said

    def _in_thread(self, reach: Reach, title: str, call: Callable[[Reach], T]) -> defer.Deferred[T]:
        def asked() -> T:
            try:
                return call(reach)
            except Exception as error:  # noqa: BLE001 - any library's
                said = told(error, reach.secrets)
                raise CannotTell(said.why, said.text) from None

        return self._pool.run(title, reach.scope, asked)

    def _reach(self, adapter: Adapter, worker: Any) -> defer.Deferred[Reach]:
        return hooks.awaited(adapter.reach(worker, self._limits))

    def _reached(self, adapter: Adapter, worker: Any) -> defer.Deferred[Reach]:
        asked = defer.maybeDeferred(self._reach, adapter, worker)
        return self._in_time(asked, _title(worker, adapter))

    def _in_time(self, asked: defer.Deferred[T], title: str) -> defer.Deferred[T]:
        seconds = self._limits.whole
        late = CannotTell(Why.TIMEOUT, f"{title}: no answer in {seconds:g} s")
        return hooks.in_time(asked, seconds, self._reactor, late)

    def _adapter(self, worker: Any) -> Adapter | None:
        return self._choice.of(worker)

    def _own(self, worker: Any, ability: Can, adapter: Adapter | None) -> Callable[..., Any] | None:
        """The worker's own method, else that of its machine, for what no adapter can."""
        own = hooks.hook(worker, ability)
        if own is None and (adapter is None or ability not in adapter.can):
            return machine.hook(worker, ability)
        return own


def _place(reach: Reach) -> str:
    found = place_of(reach.scope)
    if found is None:
        raise CannotTell(Why.NOT_CONFIGURED, "the adapter's scope is not made of texts and numbers")
    return found


def _title(worker: Any, adapter: Adapter | None) -> str:
    return type(adapter).__name__ if adapter is not None else type(worker).__name__


def _told(failure: Failure, secrets: Sequence[str] = ()) -> NotKnown:
    assert failure.value is not None
    return told(failure.value, secrets)


def _password(worker: Any) -> str:
    password = getattr(worker, "password", None)
    return password if isinstance(password, str) else ""


def _accepted(said: Any) -> bool:
    if said is False:
        raise CannotTell(Why.FAILED, "the driver said no")
    return True
