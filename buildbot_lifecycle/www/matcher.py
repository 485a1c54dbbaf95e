"""``util.LifecycleEndpointMatcher``: a rule of Buildbot's authz on what this plugin does, by name.

Made as those of ``buildbot/www/authz/endpointmatchers.py``: Buildbot asks each rule in turn whether it
matches, and the first that does decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from buildbot import config
from buildbot.data.exceptions import InvalidPathError
from buildbot.data.masters import MasterEndpoint
from buildbot.data.workers import WorkerEndpoint, WorkersEndpoint
from buildbot.util import bytes2unicode
from buildbot.www.authz.endpointmatchers import EndpointMatcherBase, Match
from twisted.internet import defer

from buildbot_lifecycle.core import rights

#: What Buildbot's websocket asks for when a client connects: a text, where all others give a path.
_WEBSOCKET = "masters"


class LifecycleEndpointMatcher(EndpointMatcherBase):
    """A rule on what is done to workers, or looked at; docs/security tells of it.

    ``actions`` are names of `rights.NAMES`, by default all that change something. ``workers`` are name
    patterns, as the ``stringsMatcher`` of the authz reads them; without them the rule is on all workers,
    and on what is of no single one.
    """

    def __init__(
        self,
        actions: Any = None,
        workers: Any = None,
        role: Any = None,
        defaultDeny: Any = True,  # noqa: N803  # the name that all of Buildbot's matchers give it
    ) -> None:
        for problem in rights.problems_of(actions, workers, role, defaultDeny):
            config.error(f"LifecycleEndpointMatcher: {problem}")
        super().__init__(role=role, defaultDeny=defaultDeny)
        self.actions = rights.named(actions, [])
        self.workers = rights.patterns(workers, [])
        # Buildbot never gives the id of one worker to another.
        self._names: dict[int, str] = {}

    def match(self, ep: Any, action: str = "get", options: Mapping[str, Any] | None = None) -> Any:
        """A `Match` if this rule is on what is asked, else None."""
        name = rights.asked(bytes2unicode(action), options or {})
        if ep == _WEBSOCKET:
            return defer.succeed(self._matched("listen" if name == "read" else None, None))
        if name is None or not self._is_on(name):
            return defer.succeed(None)
        try:
            endpoint, ids = self.master.data.getEndpoint(ep)
        except InvalidPathError:
            return defer.succeed(None)
        if isinstance(endpoint, WorkerEndpoint) and name != "dismiss" and self._has_patterns(name):
            return defer.ensureDeferred(self._of_worker(name, ids))
        kind = MasterEndpoint if name == "dismiss" else (WorkerEndpoint, WorkersEndpoint)
        return defer.succeed(self._matched(name, None) if isinstance(endpoint, kind) else None)

    async def _of_worker(self, name: str, ids: Mapping[str, Any]) -> Match | None:
        return self._matched(name, ids.get("name") or await self._name(ids["workerid"]))

    async def _name(self, workerid: int) -> str | None:
        """The worker's name; None if Buildbot has no such worker."""
        if workerid not in self._names:
            here = self.master.workers.workers
            self._names.update({each.workerid: name for name, each in here.items()})
        if workerid not in self._names:
            # one of another master, or one that the configuration has no more
            row = await self.master.data.get(("workers", str(workerid)))
            if row is None:
                return None
            self._names[workerid] = row["name"]
        return self._names[workerid]

    def _matched(self, name: str | None, worker: str | None) -> Match | None:
        if name is None or not self._is_on(name) or not self.covers(worker):
            return None
        return None if self._is_left_to_another(name, worker) else Match(self.master)

    def _is_on(self, name: str) -> bool:
        if self.actions is None:
            return name in rights.CONTROL
        return name in self.actions or rights.GENERAL.get(name) in self.actions

    def names_it(self, name: str) -> bool:
        """Whether the rule has just this name."""
        return self.actions is not None and name in self.actions

    def covers(self, worker: str | None) -> bool:
        """Whether the rule is on this worker; None is for what is of no single one."""
        if not self.workers:
            return True
        return worker is not None and any(self.authz.match(worker, each) for each in self.workers)

    def unmatched(self, names: Iterable[str]) -> list[str]:
        """The patterns of this rule that none of these names matches."""
        known = list(names)
        return [
            pattern
            for pattern in self.workers
            if not any(self.authz.match(name, pattern) for name in known)
        ]

    def _special(self, name: str) -> list[LifecycleEndpointMatcher]:
        """The other rules that name this, where this one names only what is general to it."""
        if self.actions is None or name in self.actions:
            return []
        return [
            rule
            for rule in self.authz.allowRules
            if isinstance(rule, LifecycleEndpointMatcher) and rule.names_it(name)
        ]

    def _has_patterns(self, name: str) -> bool:
        return any(rule.workers for rule in (self, *self._special(name)))

    def _is_left_to_another(self, name: str, worker: str | None) -> bool:
        """Whether a rule that decides names it: it counts wherever it stands.

        One with ``defaultDeny=False`` does not decide: left to it, what nobody else denies were allowed.
        """
        return any(rule.defaultDeny and rule.covers(worker) for rule in self._special(name))
