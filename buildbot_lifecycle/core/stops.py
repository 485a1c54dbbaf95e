"""The one bound of a stop, whatever single calls may still wait for and however they add up."""

from __future__ import annotations

import dataclasses

#: Seconds before the end of the limit at which all that is still waited for is released: time for the
#: ladder's rungs, for their effects to be seen, and for the last rows. Of a short limit, half of it.
LAST_SECONDS = 10.0

#: Seconds before the end of the limit at which the last rows are written and the process leaves.
LEAVE_SECONDS = 3.0

#: Seconds, beyond the grace, for which a stop waits for a database that does not answer.
DATABASE_SECONDS = 20.0

#: Seconds that a call has which began only after all was to be released: it shows no more than that its
#: driver does not answer.
AFTER_LIMIT = 1.0


@dataclasses.dataclass(frozen=True)
class Bound:
    """When a stop releases whatever it waits for, when the process leaves, and when it is gone."""

    release_at: float
    leave_at: float
    gone_at: float


def bound(
    asked_at: float, limit: float, grace: float, database_since: float | None = None
) -> Bound:
    """The bound of a stop that was asked for at ``asked_at``.

    ``database_since``: since when the database has not answered; Buildbot waits for it without end. Then
    the limit is the grace and `DATABASE_SECONDS`, counted from when both were so.
    """
    gone_at = asked_at + limit
    if database_since is not None:
        gone_at = min(gone_at, max(asked_at, database_since) + grace + DATABASE_SECONDS)
    left = max(0.0, gone_at - asked_at)
    return Bound(
        release_at=gone_at - min(LAST_SECONDS, left / 2),
        leave_at=gone_at - min(LEAVE_SECONDS, left / 4),
        gone_at=gone_at,
    )
