"""The end of an instance that can be asked of any master: done here, or carried to the instance's own.

The owner is asked twice: first what the instance is, since rights go by its worker and the audit has its
name before anything is done; then to end it.
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from buildbot_lifecycle.act.ends import Ends
from buildbot_lifecycle.core import carried, ends
from buildbot_lifecycle.core.census import Row
from buildbot_lifecycle.core.requests import Actor, EndRequest, Refusal
from buildbot_lifecycle.core.texts import clean, cleaned
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.db.requests import Asked
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.master.secrets import Secrets
from buildbot_lifecycle.service.carrying import Act, Carrying, Owner
from buildbot_lifecycle.service.elsewhere import Elsewhere
from buildbot_lifecycle.service.instances import Directory
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.service.others import Others
from buildbot_lifecycle.shapes.base import read
from buildbot_lifecycle.shapes.carried import EndArguments, InstanceArguments
from buildbot_lifecycle.shapes.ending import Ended, EndPlan, Found
from buildbot_lifecycle.shapes.history import Action
from buildbot_lifecycle.shapes.instances import Instance
from buildbot_lifecycle.shapes.times import by_wall

#: Seconds for which the answer waits for the events that it tells of.
CATCH_UP_SECONDS = 2.0


#: An id begins with the number of the master.
_MASTER = re.compile("([0-9]{1,9})-")


class Ending:
    """Ends instances of one master, and has others' masters end theirs."""

    def __init__(
        self,
        master: Any,
        logbook: Logbook,
        ends: Ends,
        directory: Directory,
        recorder: Recorder,
        secrets: Secrets,
        news: News,
        elsewhere: Elsewhere,
        others: Others,
        carrying: Carrying,
    ) -> None:
        self._master = master
        self._clock = clocks.of(master.reactor)
        self._logbook = logbook
        self._ends = ends
        self._directory = directory
        self._recorder = recorder
        self._secrets = secrets
        self._news = news
        self._elsewhere = elsewhere
        self._others = others
        self._carrying = carrying
        carrying.offer("instance", Act(InstanceArguments, self._look_up))
        carrying.offer("end", Act(EndArguments, self._end))

    # which one

    async def find(self, ident: str, actor: Actor) -> Found:
        """An instance by its id, of whichever master. Raises `Refusal`."""
        masterid = _MASTER.match(ident)
        if masterid is None or int(masterid[1]) == self._master.masterid:
            return Found((await self._here(ident))[1])
        owner = await self._owner(int(masterid[1]), ident)
        answered = await self._carrying.ask("instance", InstanceArguments(id=ident), actor, owner)
        if answered.answer is None:
            raise carried.unanswered(f"master {owner.master}")
        return Found(read(Instance, answered.answer["instance"]), answered.answer["target"])

    async def _here(self, ident: str) -> tuple[Row, Instance]:
        found = await self._directory.find(ident)
        if found is None:
            raise _unknown(ident)
        return found

    async def _owner(self, masterid: int, ident: str) -> Owner:
        _, incarnations = await self._elsewhere.rows()
        names = {each["masterid"]: clean(str(each["master"])) for each in incarnations}
        if masterid not in names:
            raise _unknown(ident)
        if masterid not in self._others.live(incarnations):
            text = f"the instance is of master {names[masterid]}, which is not up; nothing was done"
            raise Refusal("other_master", text)
        return Owner(masterid, names[masterid], 0)

    async def _look_up(
        self, _: Asked, arguments: InstanceArguments, __: Actor
    ) -> Mapping[str, Any]:
        row, shown = await self._here(arguments.id)
        try:
            target = self._ends.target(row)
        except Refusal:
            return {"instance": msgspec.to_builtins(shown), "target": None}
        known = self._logbook.get(target.workerid)
        verdict = None if known is None else self._logbook.verdict_now(known).as_json()
        told = {**dataclasses.asdict(target), "verdict": verdict}
        return {"instance": msgspec.to_builtins(shown), "target": told}

    # its end

    async def end(self, found: Found, request: EndRequest, actor: Actor) -> Ended:
        """Plan (dry run) or do it. Raises `Refusal`."""
        shown, target = found
        if shown.masterid == self._master.masterid:
            return await self._end_here(shown.id, shown.workerid, request, actor)
        owner = await self._owner(shown.masterid, shown.id)
        arguments = EndArguments(
            id=shown.id,
            workerid=shown.workerid,
            confirm=request.confirm,
            reason=request.reason,
            dry_run=request.dry_run,
        )
        row = None
        if not request.dry_run and target is not None:
            owner = dataclasses.replace(owner, workerid=target["workerid"])
            row = self._action(owner, target, request, actor)
        answered = await self._carrying.ask("end", arguments, actor, owner, row)
        answer = answered.answer
        if answer is not None and answer["dry_run"] is not None:
            return Ended(dry_run=read(EndPlan, answer["dry_run"]))
        if answer is not None and answer["action"] is not None:
            return Ended(action=read(Action, answer["action"]), is_over=answer["is_over"])
        if row is None:
            raise carried.unanswered(f"master {owner.master}")
        asked = cleaned({**self._secrets.redacted(row), "id": answered.action})
        return Ended(action=read(Action, asked), is_over=False)

    def _action(
        self, owner: Owner, target: Mapping[str, Any], request: EndRequest, actor: Actor
    ) -> dict[str, Any]:
        """The row of the audit, before its owner has it."""
        return {
            "token": uuid.uuid4().hex,
            "workerid": target["workerid"],
            "worker": target["worker"],
            "masterid": owner.masterid,
            "episode": target["episode"],
            "what": ends.WHAT,
            "actor": actor.name,
            "actor_kind": actor.kind,
            "reason": request.reason,
            "at": self._clock.wall_now(),
            "verdict": target["verdict"],
            "pause": False,
            "override": False,
            "status": "asked",
            "outcome": None,
            "steps": [],
            "instance": target["name"],
            "orphan": target["orphan"],
            "finished_at": None,
        }

    async def _end_here(
        self,
        ident: str,
        workerid: int | None,
        request: EndRequest,
        actor: Actor,
        token: str | None = None,
    ) -> Ended:
        row, shown = await self._here(ident)
        if shown.workerid != workerid:
            # the rights that were asked for are those of another worker
            text = f"{row.name} is another worker's by now; look again before you end it"
            raise Refusal("not_sure", text, why="changed_since")
        target = self._ends.target(row)
        answer = await self._ends.end(target, request, actor, token)
        if answer.dry_run is not None:
            return Ended(dry_run=read(EndPlan, {**answer.dry_run, "instance": shown}))
        await self._recorder.caught_up(CATCH_UP_SECONDS)
        told = {**self._secrets.redacted(answer.action or {}), "masterid": self._master.masterid}
        told.pop("token", None)
        action = by_wall(read(Action, cleaned(told)), self._clock.reckoning())
        self._news.tell(target.workerid, "action", {"id": action.id, "status": action.status})
        return Ended(action=action, is_over=answer.is_over)

    async def _end(self, asked: Asked, arguments: EndArguments, actor: Actor) -> Mapping[str, Any]:
        request = EndRequest(arguments.confirm, arguments.reason, arguments.dry_run)
        token = None if arguments.dry_run or asked.action is None else asked.token
        ended = await self._end_here(arguments.id, arguments.workerid, request, actor, token)
        told: Mapping[str, Any] = msgspec.to_builtins(ended._asdict())
        return told


def _unknown(ident: str) -> Refusal:
    return Refusal("no_such_instance", f"there is no instance {ident!r} (any more)")
