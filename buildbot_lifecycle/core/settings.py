"""The configuration as values. `core.arguments` makes them of what stands in master.cfg."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core import keeping
from buildbot_lifecycle.core.keeping import Keep
from buildbot_lifecycle.core.learned import Adaptive
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER, Thresholds

#: Seconds; under the 10 s that ``buildbot stop`` waits before it says that the master lives on.
DEFAULT_SHUTDOWN_GRACE = 5.0

#: Seconds; under the 90 s that systemd gives a unit (``TimeoutStopSec``), with some to spare for a busy
#: machine.
DEFAULT_SHUTDOWN_LIMIT = 75.0

#: Who may see what drivers, databases and people wrote: those who may force, all users who may read,
#: all who may read.
DETAILS_FOR = ("operators", "users", "readers")


@dataclasses.dataclass(frozen=True)
class AutoRelease:
    """Release by itself: ``after`` seconds of being stuck, at most ``per_hour`` times an hour."""

    after: float
    per_hour: int = 4


@dataclasses.dataclass(frozen=True)
class AutoEnd:
    """End by itself what nobody uses: ``after`` seconds in the ledger, at most ``per_hour`` an hour of
    the whole master."""

    after: float
    per_hour: int = 4


@dataclasses.dataclass(frozen=True)
class WorkerSettings:
    """What holds for one worker."""

    stuck_after: Thresholds
    pause_after_release: bool
    auto_release: AutoRelease | None = None
    auto_end: AutoEnd | None = None


@dataclasses.dataclass(frozen=True)
class Settings:
    """The checked configuration. Times are in seconds."""

    stuck_after: Thresholds = dataclasses.field(default_factory=lambda: dict(DEFAULT_STUCK_AFTER))
    workers: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    shutdown_grace: float = DEFAULT_SHUTDOWN_GRACE
    shutdown_limit: float = DEFAULT_SHUTDOWN_LIMIT
    pause_after_release: bool = True
    anonymous_may_force: bool = False
    details_for: str = DETAILS_FOR[0]
    adaptive: Adaptive | None = None
    auto_release: AutoRelease | None = None
    auto_end: AutoEnd | None = None
    census_every: float | None = None
    prices: tuple[tuple[str, float], ...] = ()
    instance_url: tuple[tuple[str, str], ...] = ()
    metrics_token: str | None = dataclasses.field(default=None, repr=False)
    metrics_workers: tuple[str, ...] = ()
    keep_days: Keep = keeping.DEFAULT

    @property
    def ends_by_itself(self) -> bool:
        """Whether instances of some workers are to be ended without a person."""
        rules = (override.get("auto_end") for _, override in self.workers)
        return self.auto_end is not None or any(rule is not None for rule in rules)

    def of(self, name: str) -> WorkerSettings:
        """The settings of the worker of this name: the first pattern that matches wins."""
        for pattern, override in self.workers:
            if fnmatch.fnmatchcase(name, pattern):
                return WorkerSettings(
                    {**self.stuck_after, **override.get("stuck_after", {})},
                    bool(override.get("pause_after_release", self.pause_after_release)),
                    override.get("auto_release", self.auto_release),
                    override.get("auto_end", self.auto_end),
                )
        return WorkerSettings(
            self.stuck_after, self.pause_after_release, self.auto_release, self.auto_end
        )


class Current:
    """The settings as they are now, which it answers when called. A reconfiguration puts others there."""

    def __init__(self) -> None:
        self.settings = Settings()

    def __call__(self) -> Settings:
        return self.settings
