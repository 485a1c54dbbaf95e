"""What an adapter is: one for each driver, ours or a third party's.

An adapter has two halves. `Adapter` runs on the reactor, looks at the worker and talks to nobody. What it
has found is a `Reach`: the worker's configuration as values. A reach has the calls that block; they run
in a thread of ours, with a client of their own, so neither the driver's client nor its locks are touched.

A third party registers an object that is an `Adapter` in the group `buildbot_lifecycle.clouds` of entry
points, or writes methods `lifecycle_...` in its worker class (see `hooks`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, Why


class Reach(Protocol):
    """One cloud, as one worker's configuration reaches it. Its calls block, and raise what goes wrong."""

    @property
    def scope(self) -> Hashable:
        """Equal for two reaches that list the same. Holds no credentials.

        A tuple of texts and numbers: its digest is stored, so that after a restart the cloud in which an
        instance was made can be told from another one.
        """

    @property
    def secrets(self) -> Sequence[str]:
        """Texts that must not be seen in what is told of this reach."""

    def list(self) -> Sequence[Instance]: ...

    def gone(self, name: str | None) -> Gone:
        """Whether the instance is gone; None: any of this worker's."""

    def end(self, name: str) -> None:
        """Ask the cloud to end it. Returns when the cloud has accepted; whether it ended, `gone` says."""

    def last_words(self, name: str) -> str:
        """In the first line the state it is in and why; then what there is of its log."""


class Adapter(Protocol):
    """What is known of a driver. Its methods run on the reactor, and must not wait."""

    #: Full names of the worker classes it is for; classes derived from them are meant too.
    @property
    def classes(self) -> Sequence[str]: ...

    @property
    def can(self) -> frozenset[Can]: ...

    def mark(self, worker: Any) -> str | None:
        """The name that the driver gives to this worker's instances, if it does."""

    def name(self, worker: Any) -> str | None:
        """The instance that the driver has now, also while its start runs; None: none, or not said."""

    def link(self, worker: Any, name: str) -> str | None: ...

    def reach(self, worker: Any, limits: Limits) -> Any:
        """A `Reach`, or a Deferred or coroutine that gives one. May raise `CannotTell`."""


class Silent:
    """What an adapter says that has no names and no links."""

    #: Whether the driver's mark names the master. False: another master's instances may have the same.
    tells_masters = True

    def mark(self, worker: Any) -> str | None:  # noqa: ARG002 - of the protocol
        return None

    def name(self, worker: Any) -> str | None:  # noqa: ARG002 - of the protocol
        return None

    def link(self, worker: Any, name: str) -> str | None:  # noqa: ARG002 - of the protocol
        return None


class Unable:
    """What a reach says that is asked for what it cannot do: `driver` cannot."""

    driver = "this driver"

    def list(self) -> Sequence[Instance]:
        raise self._not_offered("list instances")

    def gone(self, name: str | None) -> Gone:  # noqa: ARG002 - of the protocol
        raise self._not_offered("say whether an instance is gone")

    def end(self, name: str) -> None:  # noqa: ARG002 - of the protocol
        raise self._not_offered("end an instance")

    def last_words(self, name: str) -> str:  # noqa: ARG002 - of the protocol
        raise self._not_offered("say an instance's last words")

    def _not_offered(self, what: str) -> CannotTell:
        return CannotTell(Why.NOT_OFFERED, f"{self.driver} cannot {what}")
