"""The master's registered secrets, so that they can be taken out of what is recorded.

Buildbot's own `Properties.cleanupTextFromSecrets` knows those that one build has used. A driver asks for
its secrets without a build; so what the master's secret manager gives out is remembered, and what a
provider holds in memory is read. Nothing is asked of a provider for this.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.core.redact import Redactor, of_pairs
from buildbot_lifecycle.host import secrets

#: Secrets that were given out and are remembered; a vault may make a new one for each use.
KEPT = 1000


class Secrets:
    """Knows the secrets of one master, from `install` until `uninstall`."""

    def __init__(self, master: Any) -> None:
        self._master = master
        self._given: OrderedDict[str, str] = OrderedDict()
        self._uninstall: Callable[[], None] | None = None
        self._seen: frozenset[tuple[str, Any]] | None = None
        self._redactor = Redactor()

    def install(self) -> None:
        """Begin to remember what is given out."""
        self._uninstall = secrets.on_secret(self._master, self._gave)

    def uninstall(self) -> None:
        """Leave Buildbot's secret manager as it was."""
        if self._uninstall is not None:
            self._uninstall()
            self._uninstall = None

    def _gave(self, name: str, value: Any) -> None:
        if isinstance(value, str) and value:
            self._given[value] = name
            self._given.move_to_end(value)
            while len(self._given) > KEPT:
                self._given.popitem(last=False)

    @property
    def redactor(self) -> Redactor:
        """For what is known now; made again only when that has changed."""
        held = secrets.held_secrets(self._master)
        known = frozenset([*held, *((name, value) for value, name in self._given.items())])
        if known != self._seen:
            self._seen = known
            self._redactor = of_pairs(sorted(known))
        return self._redactor

    def redacted(self, value: Any) -> Any:
        """A JSON value without the secrets that are known now."""
        return self.redactor.value(value)
