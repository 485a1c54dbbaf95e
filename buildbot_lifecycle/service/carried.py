"""The acts that can be asked of any master: done here, or carried to the master that owns the worker.

`KINDS` has one line for each act: its word, the shape of its arguments, and how the owner does it. Who
asks calls `Carrying.ask` with the same word.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from buildbot_lifecycle.act.pausing import Pausing
from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.core import carried
from buildbot_lifecycle.core.requests import (
    FORCE_DISCONNECT,
    Actor,
    ForceRequest,
    PauseRequest,
    Refusal,
)
from buildbot_lifecycle.core.statistics import Key
from buildbot_lifecycle.core.texts import clean, cleaned
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.db.requests import Asked
from buildbot_lifecycle.diagnose.where import Locator
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.secrets import Secrets
from buildbot_lifecycle.service.carrying import Act, Carrying, Owner
from buildbot_lifecycle.service.desk import DatabaseDesk
from buildbot_lifecycle.service.instances import Directory
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.shapes.base import read
from buildbot_lifecycle.shapes.carried import ForceArguments, PauseArguments, ResolveArguments
from buildbot_lifecycle.shapes.force import DryRun, Forced
from buildbot_lifecycle.shapes.history import Action, Orphan
from buildbot_lifecycle.shapes.instances import Instance
from buildbot_lifecycle.shapes.times import by_wall
from buildbot_lifecycle.shapes.workers import Worker

#: Seconds for which the answer to a force disconnect waits for the events that it tells of.
CATCH_UP_SECONDS = 2.0


class Carried:
    """Does the acts of one master, and has others' masters do theirs."""

    def __init__(
        self,
        master: Any,
        clock: Any,
        logbook: Logbook,
        releaser: Releaser,
        pausing: Pausing,
        desk: DatabaseDesk,
        recorder: Recorder,
        secrets: Secrets,
        news: News,
        locator: Locator,
        directory: Directory,
        carrying: Carrying,
    ) -> None:
        self._master = master
        self._clock = clock
        self._logbook = logbook
        self._releaser = releaser
        self._pausing = pausing
        self._desk = desk
        self._recorder = recorder
        self._secrets = secrets
        self._news = news
        self._locator = locator
        self._directory = directory
        self._carrying = carrying
        for kind, act in self.KINDS.items():
            carrying.offer(kind, Act(act[0], act[1].__get__(self)))

    # a force disconnect

    async def force_here(
        self, known: Known, request: ForceRequest, actor: Actor, token: str | None = None
    ) -> Forced:
        """Of a worker of this master. ``token`` is that of the action, if another master wrote it."""
        answer = await self._releaser.force(known, request, actor, token)
        if answer.action is not None:
            action = await self._told(known, answer.action)
            left = None if action.orphan is None else await self._directory.of_entry(action.orphan)
            return Forced(action=action, is_over=answer.is_over, instance=left)
        if answer.dry_run is not None:
            plan = {**answer.dry_run, "where": self._locator.of(known)}
            return Forced(dry_run=by_wall(read(DryRun, plan), self._clock.reckoning()))
        raise RuntimeError("neither an action nor a plan came of it")

    async def _told(self, known: Known, row: Mapping[str, Any]) -> Action:
        """An action as it is answered; who has the answer finds its events in the history."""
        await self._recorder.caught_up(CATCH_UP_SECONDS)
        told = {**self._secrets.redacted(row), "masterid": self._master.masterid}
        action = by_wall(read(Action, cleaned(told)), self._clock.reckoning())
        self._news.tell(known.workerid, "action", {"id": action.id, "status": action.status})
        return action

    async def force(self, worker: Worker, request: ForceRequest, actor: Actor) -> Forced:
        """Of a worker of another master."""
        owner = _owner(worker)
        arguments = msgspec.convert(request, ForceArguments, from_attributes=True)
        row = None
        if not request.dry_run:
            row = {
                **self._action(worker, FORCE_DISCONNECT, request.reason, actor),
                "episode": request.episode,
                "pause": bool(request.pause),
                "override": request.override,
            }
        answered = await self._carrying.ask("force", arguments, actor, owner, row)
        answer = answered.answer
        if answer is not None and answer.get("dry_run") is not None:
            return Forced(dry_run=read(DryRun, answer["dry_run"]))
        if answer is not None and answer.get("action") is not None:
            left = answer.get("instance")
            return Forced(
                action=read(Action, answer["action"]),
                is_over=answer["is_over"],
                instance=None if left is None else read(Instance, left),
            )
        if row is None:
            raise carried.unanswered(f"master {owner.master}")
        return Forced(action=self._asked(row, answered.action), is_over=False)

    def _asked(self, row: Mapping[str, Any], number: int | None) -> Action:
        """An action whose owner has not answered yet."""
        return read(Action, cleaned({**self._secrets.redacted(row), "id": number}))

    def _action(self, worker: Worker, what: str, reason: str, actor: Actor) -> dict[str, Any]:
        """The row of the audit, before its owner has it. What the owner finds goes into it then."""
        return {
            "token": uuid.uuid4().hex,
            "workerid": worker.workerid,
            "worker": worker.name,
            "masterid": worker.masterid,
            "episode": worker.episode,
            "what": what,
            "actor": actor.name,
            "actor_kind": actor.kind,
            "reason": reason,
            "at": self._clock.wall_now(),
            "verdict": msgspec.to_builtins(worker.verdict),
            "pause": False,
            "override": False,
            "status": "asked",
            "outcome": None,
            "steps": [],
            "instance": None,
            "orphan": None,
            "finished_at": None,
        }

    async def _force(
        self, asked: Asked, arguments: ForceArguments, actor: Actor
    ) -> Mapping[str, Any]:
        known = self._known(asked)
        request = ForceRequest(**msgspec.structs.asdict(arguments))
        forced = await self.force_here(known, request, actor, asked.token)
        told: Mapping[str, Any] = msgspec.to_builtins(
            {
                "action": forced.action,
                "dry_run": forced.dry_run,
                "is_over": forced.is_over,
                "instance": forced.instance,
            }
        )
        return told

    def _known(self, asked: Asked) -> Known:
        known = self._logbook.get(asked.workerid)
        if known is None:
            text = f"master {clean(self._master.name)} has no such worker any more"
            raise Refusal("no_such_worker", text)
        return known

    # a pause, and its end

    async def pause_here(
        self, known: Known, request: PauseRequest, actor: Actor, token: str | None = None
    ) -> Action:
        """Of a worker of this master. ``token`` is that of the action, if another master wrote it."""
        return await self._told(known, await self._pausing.ask(known, request, actor, token))

    async def pause(self, worker: Worker, request: PauseRequest, actor: Actor) -> Forced:
        """Of a worker of another master."""
        arguments = PauseArguments(pause=request.pause, reason=request.reason)
        row = {
            **self._action(worker, request.what, request.reason, actor),
            "pause": request.pause,
        }
        answered = await self._carrying.ask("pause", arguments, actor, _owner(worker), row)
        if answered.answer is None:
            return Forced(action=self._asked(row, answered.action), is_over=False)
        return Forced(action=read(Action, answered.answer["action"]))

    async def _pause(
        self, asked: Asked, arguments: PauseArguments, actor: Actor
    ) -> Mapping[str, Any]:
        request = PauseRequest(arguments.pause, arguments.reason)
        action = await self.pause_here(self._known(asked), request, actor, asked.token)
        told: Mapping[str, Any] = msgspec.to_builtins({"action": action})
        return told

    # an entry of the ledger

    async def resolve(self, orphan: Orphan, note: str, actor: Actor, *, is_elsewhere: bool) -> None:
        """Close an entry, by its owner if that is another master that is up (``is_elsewhere``)."""
        which = (orphan.workerid, orphan.masterid)
        if not is_elsewhere:
            await self._close(orphan.id, which, note, actor)
            return
        arguments = ResolveArguments(orphan=orphan.id, note=note)
        name = f"master {orphan.masterid}"
        owner = Owner(orphan.masterid, name, orphan.workerid)
        try:
            answered = await self._carrying.ask("resolve", arguments, actor, owner)
        except Refusal as refusal:
            if refusal.code != "expired":
                raise
            # nobody will do it any more, and to write it down any master can
            await self._close(orphan.id, which, note, actor)
            return
        if answered.answer is None:
            raise carried.unanswered(name)

    async def _resolve(
        self, asked: Asked, arguments: ResolveArguments, actor: Actor
    ) -> Mapping[str, Any]:
        which = (asked.workerid, self._master.masterid)
        await self._close(arguments.orphan, which, arguments.note, actor)
        return {}

    async def _close(self, number: int, which: Key, note: str, actor: Actor) -> None:
        if which[1] == self._master.masterid:
            was_open = await self._desk.close_orphan(number, which[0], actor, note)
        else:
            was_open = await self._desk.close_elsewhere(number, which, actor, note)
        if not was_open:
            raise Refusal("already_closed", f"orphan {number} was closed already")

    #: What can be carried.
    KINDS: Mapping[str, tuple[Any, Any]] = {
        "force": (ForceArguments, _force),
        "pause": (PauseArguments, _pause),
        "resolve": (ResolveArguments, _resolve),
    }


def _owner(worker: Worker) -> Owner:
    """Who does it; it must be up."""
    name = worker.master or str(worker.masterid)
    if not worker.live:
        text = f"the worker belongs to master {name}, which is not up; nothing was done"
        raise Refusal("other_master", text)
    return Owner(worker.masterid, name, worker.workerid)
