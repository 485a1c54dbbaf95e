"""The other masters of Buildbot's database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from buildbot_lifecycle.host.pauses import at_most

#: Days after which a master that has not run is not counted any more.
DAYS = 7


#: Seconds for which the database is waited for.
SECONDS = 10.0

#: In the place of the names while the database does not answer: there may be others.
NOT_KNOWN = "(not known)"


def has_lost_router(master: Any) -> bool:
    """Whether the connection to the router that masters share (WAMP) is gone. Buildbot stops for that."""
    session = master.wamp.service
    return session is not None and not session.is_connected()


async def other_masters(master: Any) -> list[str]:
    """The names of those that run, or have run lately: what they started may still be there."""
    asked = master.db.masters.getMasters()
    asked.addErrback(lambda _: None)
    found = await at_most(asked, SECONDS, master.reactor, None)
    if found is None:
        return [NOT_KNOWN]
    now = master.reactor.seconds()
    since = dt.datetime.fromtimestamp(now, dt.timezone.utc)
    since -= dt.timedelta(days=DAYS)
    return [
        str(one.name)
        for one in found
        if one.id != master.masterid and (one.active or _aware(one.last_active) > since)
    ]


def _aware(time: dt.datetime) -> dt.datetime:
    return time if time.tzinfo else time.replace(tzinfo=dt.timezone.utc)
