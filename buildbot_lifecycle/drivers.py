"""What a latent worker's class may offer the service: one interface for each method, all optional.

For type checkers and readers; nothing has to be derived from. A class that has a method of one of these
names is asked, before the adapter of its driver. docs/writing-workers says more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol, TypeAlias, TypedDict, TypeVar, Union

T = TypeVar("T")

#: An answer, a coroutine or a Deferred. (A Deferred of Twisted can be awaited.) There are 20 s for it.
Answered: TypeAlias = Union[T, Awaitable[T]]  # noqa: UP007


class _Named(TypedDict):
    name: str


class InstanceFacts(_Named, total=False):
    """An instance as the cloud lists it. Only `name` is needed."""

    #: the name of the worker it was started for
    worker: str
    #: starting, up, stopping or down
    state: str
    #: when it was made, epoch seconds
    born: float
    #: what its price depends on, such as t3.large
    kind: str


class NamesInstance(Protocol):
    """Knows what its instance is called, also while a start still runs."""

    def lifecycle_instance(self) -> str | None:
        """The name for people, by which `lifecycle_is_gone` can find it; None: there is none. At once."""


class TellsGone(Protocol):
    """Can ask the cloud whether an instance is gone."""

    def lifecycle_is_gone(self, instance: str | None) -> Answered[bool | None]:
        """True: verified. False: it lives. None: not known. Without a name: any of this worker's.

        Must not depend on what the process remembers: it is asked after a restart too.
        """


class ListsInstances(Protocol):
    """Can list what this master runs in the cloud."""

    def lifecycle_instances(self) -> Answered[Sequence[InstanceFacts]]:
        """All instances of this master."""


class EndsInstance(Protocol):
    """Can ask the cloud to end an instance."""

    def lifecycle_end(self, instance: str) -> Answered[bool]:
        """False or an exception: not accepted. Whether it ended, `lifecycle_is_gone` says."""


class LinksInstance(Protocol):
    """Knows where an instance is shown to people."""

    def lifecycle_link(self, instance: str) -> str | None:
        """The address (http or https) in the cloud's console, or None. At once."""


class HasLastWords(Protocol):
    """Can say why an instance ended."""

    def lifecycle_last_words(self, instance: str) -> Answered[str | None]:
        """Exit code, end of the log, events: a text."""


#: All of them, by the name of their method.
INTERFACES: dict[str, Any] = {
    method: interface
    for interface in (
        NamesInstance,
        TellsGone,
        ListsInstances,
        EndsInstance,
        LinksInstance,
        HasLastWords,
    )
    for method in vars(interface)
    if method.startswith("lifecycle_")
}
