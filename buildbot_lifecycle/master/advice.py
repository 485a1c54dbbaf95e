"""At start, one line in the log for each right that is wider, or narrower, than many expect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from buildbot.www.auth import NoAuth
from twisted.internet import defer

from buildbot_lifecycle.core.requests import AUTHZ_FORCE, END
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Logbook

#: Seconds after a start or a reconfig until the rights are looked at.
ADVICE_SECONDS = 3.0

#: What can be done, by the action that a rule sees. A rule on one of them does not stand before another.
ACTS = {AUTHZ_FORCE: "may force a disconnect", END: "may end an instance, which destroys it"}

#: How Buildbot's authz sees a client that is not logged in.
NOBODY = {"anonymous": True}

#: A user of whom no rule can know anything.
STRANGER = {"username": "a user without any role"}

NOBODY_MAY = (
    "nobody can force a disconnect from the page: c['www'] has no auth, and anonymous clients"
    " may not"
)
MAY = "{who} {act}{of}: {why}no rule of c['www']['authz'] that denies it matches the action {action!r}"
NO_WORKER = (
    "a rule of c['www']['authz'] is on workers={pattern!r} (role={role!r}), and no worker that Buildbot"
    " knows has such a name"
)
ALL_SEE = "everybody who may read sees what drivers and people wrote: details_for is 'readers'"


async def advice(
    master: Any,
    settings: Settings,
    workerids: Sequence[int],
    turns: Callable[[], Awaitable[None]],
) -> list[str]:
    """What the log is to say of rights. To be asked when www is up.

    Each worker is asked for, as a rule may be on some of them; `turns` lets others have their turn.
    """
    www = getattr(master, "www", None)
    if www is None or getattr(www, "site", None) is None:
        return []
    auth = master.config.www.get("auth")
    has_auth = auth is not None and not isinstance(auth, NoAuth)
    if not has_auth and not settings.anonymous_may_force:
        lines = [NOBODY_MAY]
    elif settings.anonymous_may_force:
        why = "anonymous_may_force is set, and "
        lines = await _open(www, workerids, turns, NOBODY, "anonymous clients", why)
    else:
        provider = getattr(auth, "name", None) if hasattr(auth, "authUri") else None
        whom = f" (anybody with an account at {provider})" if provider else ""
        who = f"every user who can log in{whom}"
        lines = await _open(www, workerids, turns, STRANGER, who)
    if settings.details_for == "readers":
        lines.append(ALL_SEE)
    return [*lines, *await _on_no_worker(master)]


async def _on_no_worker(master: Any) -> list[str]:
    """A line for each pattern of a rule of ours that is on no worker: most often it is misspelt.

    That is no error of the configuration: workers of other masters are known to Buildbot's database only.
    """
    rules = [rule for rule in master.www.authz.allowRules if hasattr(rule, "unmatched")]
    lonely = [(rule, rule.unmatched(master.workers.workers)) for rule in rules]
    if not any(patterns for _, patterns in lonely):
        return []
    names = [row["name"] for row in await master.data.get(("workers",))]
    return [
        NO_WORKER.format(pattern=pattern, role=rule.role)
        for rule, patterns in lonely
        if patterns
        for pattern in rule.unmatched(names)
    ]


async def _open(
    www: Any,
    workerids: Sequence[int],
    turns: Callable[[], Awaitable[None]],
    user: dict[str, Any],
    who: str,
    why: str = "",
) -> list[str]:
    """A line for each act that Buildbot's rules leave to such a user, of all workers or of some."""
    lines = []
    for action, act in ACTS.items():
        open_ones = 0
        for workerid in workerids or (None,):
            open_ones += await _may(www, workerid, action, user)
            await turns()
        if open_ones:
            some = open_ones < len(workerids)
            of = f" (for {open_ones} of {len(workerids)} latent workers)" if some else ""
            lines.append(MAY.format(who=who, act=act, of=of, why=why, action=action))
    return lines


async def _may(www: Any, workerid: int | None, action: str, user: dict[str, Any]) -> bool:
    """Whether Buildbot's rules let a user do it of whom nothing else is known."""
    endpoint = ("workers",) if workerid is None else ("workers", str(workerid))
    try:
        await defer.maybeDeferred(www.authz.assertUserAllowed, endpoint, action, {}, user)
    except Exception:  # Forbidden, or a rule of the administrator's own that fails: denied, too
        return False
    return True


class Advising:
    """Looks at the rights of a master after each start and reconfig, and says what is new."""

    def __init__(self, master: Any, logbook: Logbook, settings: Callable[[], Settings]) -> None:
        self._master = master
        self._logbook = logbook
        self._settings = settings
        self._timer: Any = None
        self._said: list[str] = []

    def soon(self) -> None:
        """Look when Buildbot has configured its web server, which comes after us."""
        if self._timer is None or not self._timer.active():
            self._timer = clocks.of(self._master.reactor).callLater(ADVICE_SECONDS, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _look(self) -> None:
        said = defer.ensureDeferred(self._say())
        said.addErrback(lambda _: self._logbook.failed("looking at the rights"))

    async def _say(self) -> None:
        workerids = [known.workerid for known in self._logbook.known()]
        turns = Turns(self._master.reactor)
        lines = await advice(self._master, self._settings(), workerids, turns)
        for line in lines:
            if line not in self._said:
                log_lines([f"{line}; see the page on security in the docs"])
        self._said = lines
