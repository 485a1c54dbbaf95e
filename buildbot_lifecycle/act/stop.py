"""What is asked to stop: the master as a whole, its builds first, or single workers of it."""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.master.logbook import Known


@dataclasses.dataclass
class Stop:
    """The stop of one master, as far as it has come. Times in epoch seconds."""

    #: when it was asked for; None: it was not, or called off
    asked_at: float | None = None
    #: the master itself stops: it does not only wait for its builds to end
    whole_master: bool = False
    #: when that was asked for, which may be later than its builds
    whole_since: float | None = None
    #: when a second signal, or the limit, said to wait for nothing any more
    hurried_at: float | None = None
    #: it was the limit: nothing gets a grace any more
    at_limit: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether it waits for builds as long as they take."""
        return self.asked_at is not None and not self.whole_master

    def ends(self, known: Known) -> bool:
        """Whether this worker is to stop now, with the master or alone."""
        if known.watched.stopped:
            known.leaving_since = None
        return self.asked_at is not None or known.leaving_since is not None

    def asked(self, known: Known, now: float) -> float:
        """When the stop of this worker was asked for; now, if it was not."""
        asked = [self.asked_at, known.leaving_since]
        return min((at for at in asked if at is not None), default=now)
