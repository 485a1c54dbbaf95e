"""The masters on this database, and the dismissal of one that will never come back."""

from __future__ import annotations

import uuid
from typing import Any

from buildbot_lifecycle.core.requests import Actor, Refusal
from buildbot_lifecycle.core.texts import clean
from buildbot_lifecycle.db import dismissals, queries
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.service.others import Others
from buildbot_lifecycle.shapes.history import Action
from buildbot_lifecycle.shapes.masters import Dismissed, Dismissing, Master

WHAT = "dismiss-master"


class Dismissal:
    """Asked of one master about all."""

    def __init__(
        self, master: Any, gate: Gate, store: Store, logbook: Logbook, others: Others
    ) -> None:
        self._masterid = master.masterid
        self._clock = clocks.of(master.reactor)
        self._gate = gate
        self._store = store
        self._logbook = logbook
        self._others = others

    async def masters(self) -> list[Master]:
        """Every master that has ever recorded here, by number."""
        found = await self._gate.asked.do(queries.newest_incarnations)
        live, ahead = self._others.live(found), self._others.ahead()
        return [
            Master(
                masterid=each["masterid"],
                master=each["master"],
                state=_state(each, each["masterid"] in live),
                live=each["masterid"] in live,
                answering=each["masterid"] == self._masterid,
                incarnation=each["id"],
                started_at=each["started_at"],
                ended_at=each["ended_at"],
                clock_ahead_s=ahead.get(each["masterid"]),
            )
            for each in found
        ]

    async def dismiss(self, masterid: int, reason: str, dry_run: bool, actor: Actor) -> Dismissing:
        """Take a dead master's workers from the lists, or say which. Raises `Refusal`."""
        master = await self._eligible(masterid)
        names = await self._gate.asked.do(dismissals.shown, masterid)
        if dry_run:
            plan = Dismissed(masterid=masterid, master=master.master, workers=tuple(names))
            return Dismissing(dry_run=plan)
        row = self._row(master, reason, actor)
        number = await self._store.insert_action(uuid.uuid4().hex, row)
        # it may have come back while the action was written: the database decides
        await self._gate.do_with_transaction(dismissals.dismiss, masterid, master.incarnation)
        done = not await self._gate.do(dismissals.shown, masterid)
        outcome = f"{len(names)} workers have left the lists" if done else "it has come back"
        changes = {
            "status": "done" if done else "failed",
            "outcome": outcome,
            "finished_at": self._clock.wall_now(),
        }
        await self._store.update_action(number, changes)
        log_lines(
            [f"master {masterid} ({master.master}) was dismissed by {actor.words}: {outcome}"]
        )
        action = await self._gate.do(queries.one, "actions", number)
        assert isinstance(action, Action)
        return Dismissing(action=action)

    async def _eligible(self, masterid: int) -> Master:
        for master in await self.masters():
            if master.masterid != masterid:
                continue
            if master.live:
                text = (
                    "this master lives, or was heard of a moment ago; stop it, or try again later"
                )
                raise Refusal("master_alive", text)
            if master.state == "dismissed":
                raise Refusal("already_dismissed", "this master was dismissed already")
            return master
        raise Refusal("no_such_master", f"no master {masterid} has recorded here")

    def _row(self, master: Master, reason: str, actor: Actor) -> dict[str, Any]:
        row = {
            # it is of no single worker
            "workerid": 0,
            "worker": clean(master.master),
            "masterid": master.masterid,
            "episode": None,
            "what": WHAT,
            "actor": actor.name,
            "actor_kind": actor.kind,
            "reason": reason,
            "at": self._clock.wall_now(),
            "status": "asked",
            "verdict": None,
            "pause": False,
            "override": False,
            "outcome": None,
            "steps": [],
            "finished_at": None,
        }
        return self._logbook.redact(row)


def _state(incarnation: dict[str, Any], live: bool) -> str:
    how = incarnation["ended_how"] or ""
    if live:
        return "live"
    if how == dismissals.DISMISSED:
        return "dismissed"
    return "stopped" if how in ("clean", "removed") else "dead"
