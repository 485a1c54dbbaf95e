"""Carrying: what is asked of this master and can only be done by another, and the other way round.

A request is a row of the database (`db.requests`), and so is its answer: they get there whatever
Buildbot's mq is. Where the masters share that (WAMP), a message with the row's number makes it quick;
else, and where a message was lost, the owner looks for it once a second, while there is another master.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from twisted.internet import defer, task

from buildbot_lifecycle.core import carried
from buildbot_lifecycle.core.requests import Actor, Refusal
from buildbot_lifecycle.db import queries, requests
from buildbot_lifecycle.db.requests import Asked
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.shapes.base import Shape, read
from buildbot_lifecycle.shapes.carried import Asker, Message, Reply

#: Seconds between two looks for requests, and between two looks whether there is another master.
LOOK_SECONDS = 1.0
MASTERS_SECONDS = 10.0

#: Seconds without a sign of life after which nothing is looked for any more: many, since clocks differ.
SILENT_SECONDS = 3600.0

#: Seconds between two looks for an answer.
ANSWER_LOOK_SECONDS = 0.3

#: Seconds in which a request must be written.
WRITE_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Act:
    """One kind of act: the shape of its arguments, and how the owner does it.

    ``do`` is called with the request, the arguments and who asks; it answers JSON, or raises `Refusal`.
    """

    arguments: type[Shape]
    do: Callable[[Asked, Any, Actor], Awaitable[Mapping[str, Any]]]


@dataclasses.dataclass(frozen=True)
class Owner:
    """Whom to ask: the master, its name, and the worker in question."""

    masterid: int
    master: str
    workerid: int


@dataclasses.dataclass(frozen=True)
class Answered:
    """The owner's answer (None: not yet), and the number of the action, if there is one."""

    answer: Mapping[str, Any] | None
    action: int | None


class Carrying:
    """Asks other masters, and does what they ask, from `start` until `stop`. ``run`` names this run."""

    def __init__(
        self,
        master: Any,
        clock: Any,
        gate: Any,
        news: News,
        run: str,
        redacted: Callable[[Any], Any],
    ) -> None:
        self._master = master
        self._clock = clock
        self._gate = gate
        self._news = news
        self._run = run
        self._redacted = redacted
        self._acts: dict[str, Act] = {}
        self._consumers: list[Any] = []
        self._loop = task.LoopingCall(self._look_again)
        self._loop.clock = clock
        self._masters_at: float | None = None
        self._others = False
        # requests of ours that have no answer yet, with what is fired when one may be there
        self._mine: dict[int, defer.Deferred[None] | None] = {}
        self._doing: set[int] = set()
        self._stopped = False

    def offer(self, kind: str, act: Act) -> None:
        """From now on this can be asked of this master."""
        self._acts[kind] = act

    # coming and going

    def start(self) -> None:
        """Look for requests from now on."""
        if not self._stopped and not self._loop.running:
            self._loop.start(LOOK_SECONDS).addErrback(log_error, "lifecycle: while carrying")
            listening = defer.ensureDeferred(self._listen())
            listening.addErrback(log_error, "lifecycle: while listening to other masters")

    async def _listen(self) -> None:
        for what, heard in (("carried", self._asked), ("answered", self._answered)):
            key = ("lifecycle", None, what)
            self._consumers.append(await self._master.mq.startConsuming(heard, key))

    def closing(self) -> None:
        """The master stops: nothing more is taken."""
        self._stopped = True
        if self._loop.running:
            self._loop.stop()

    async def stop(self) -> None:
        """Listen no more."""
        self.closing()
        consumers, self._consumers = self._consumers, []
        for consumer in consumers:
            await defer.maybeDeferred(consumer.stopConsuming)

    async def not_waiting(self, actions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Those of these actions that no request is open for: of the others it is told here."""
        rows: list[Asked] = await self._gate.do(requests.waiting)
        waiting = {row.action for row in rows}
        return [dict(action) for action in actions if action["id"] not in waiting]

    # asking

    async def ask(
        self,
        kind: str,
        arguments: Shape,
        actor: Actor,
        owner: Owner,
        action: Mapping[str, Any] | None = None,
    ) -> Answered:
        """Have it done by its owner. ``action`` is the row of the audit. Raises the owner's `Refusal`."""
        asker = Asker(kind=actor.kind, name=actor.name)
        message = Message(actor=asker, arguments=msgspec.to_builtins(arguments))
        token = uuid.uuid4().hex if action is None else str(action["token"])
        row = {
            "token": token,
            "masterid": owner.masterid,
            "asker": self._master.masterid,
            "workerid": owner.workerid,
            "kind": kind,
            "data": self._redacted(msgspec.to_builtins(message)),
        }
        values = None
        if action is not None:
            values = Store.action_row(token, self._redacted({**action, "masterid": owner.masterid}))
        number, action_id = await self._write(values, row)
        of = {"masterid": owner.masterid}  # whose worker it is
        if action_id is not None:
            self._news.tell(owner.workerid, "action", {**of, "id": action_id, "status": "asked"})
        self._news.tell(owner.workerid, "carried", {"id": number, "to": owner.masterid})
        reply = await self._reply(number, owner)
        if reply is None:
            return Answered(None, action_id)
        if reply.refused is not None:
            said = reply.refused
            more = {} if action_id is None else {"action": action_id}
            raise carried.refusal(said.code, said.text, {**said.details, **more})
        return Answered(reply.answer or {}, action_id)

    async def _write(self, values: Any, row: Mapping[str, Any]) -> tuple[int, int | None]:
        do = self._gate.do_with_transaction
        writing = do(requests.ask, values, row, carried.TAKE_SECONDS)
        try:
            written: tuple[int, int | None] = await writing.addTimeout(WRITE_SECONDS, self._clock)
        except Exception as error:
            log_error(error, "lifecycle: while writing a request to another master")
            text = (
                "the request could not be written to the database in time;"
                " look at the actions before you ask again"
            )
            raise Refusal("behind", text) from error
        return written

    async def _reply(self, number: int, owner: Owner) -> Reply | None:
        """The owner's answer; None if it has not come in time."""
        until = self._clock.seconds() + carried.ANSWER_SECONDS
        self._mine[number] = None
        while not self._stopped:
            found = await self._found(number)
            if found is not None and found.is_overdue:
                await self._expire(found, owner.master)
                found = await self._found(number)
            if found is not None and found.is_answered:
                self._mine.pop(number, None)
                return read(Reply, found.answer or {})
            if self._clock.seconds() >= until:
                break
            waking: defer.Deferred[None] = defer.Deferred()
            self._mine[number] = waking
            await at_most(waking, ANSWER_LOOK_SECONDS, self._clock, None)
        # the looks for requests see to it from now on
        self._mine[number] = None
        return None

    async def _found(self, number: int) -> Asked | None:
        try:
            found: Asked | None = await self._gate.do(requests.found, number)
        except Exception as error:
            log_error(error, "lifecycle: while looking for another master's answer")
            return None
        return found

    def _answered(self, _key: Sequence[str], message: Mapping[str, Any]) -> None:
        waking = self._mine.get(message.get("id", 0))
        if waking is not None and not waking.called:
            waking.callback(None)

    # being asked

    def _asked(self, _key: Sequence[str], message: Mapping[str, Any]) -> None:
        if message.get("to") == self._master.masterid:
            looking = defer.ensureDeferred(self._look_at_all())
            looking.addErrback(log_error, "lifecycle: while looking at what was asked")

    def _look_again(self) -> defer.Deferred[None]:
        looking = defer.ensureDeferred(self._look())
        return looking.addErrback(log_error, "lifecycle: while looking for what other masters ask")

    async def _look(self) -> None:
        now = self._clock.seconds()
        if self._masters_at is None or not 0 <= now - self._masters_at < MASTERS_SECONDS:
            is_first, self._masters_at = self._masters_at is None, now
            newest = await self._gate.do(queries.newest_incarnations)
            self._others = any(
                each["ended_at"] is None
                and each["masterid"] != self._master.masterid
                and abs(self._clock.wall_now() - each["heartbeat_at"]) < SILENT_SECONDS
                for each in newest
            )
            if is_first:
                # what an earlier run has left open
                await self._look_at_all()
        if self._others or self._mine:
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        rows: list[Asked] = await self._gate.do(requests.waiting)
        open_ones = {row.id for row in rows}
        for number, waking in list(self._mine.items()):
            if waking is None and number not in open_ones:
                self._mine.pop(number, None)
        for row in rows:
            await self._see(row)

    async def _see(self, row: Asked) -> None:
        is_mine = row.masterid == self._master.masterid
        by = row.claimed_by
        if row.is_overdue:
            await self._expire(row, f"master {row.masterid}")
        elif by is not None and carried.is_lost(by, row.held, is_mine=is_mine, run=self._run):
            await self._give_up(row, by)
        elif by is None and is_mine and row.id not in self._doing and not self._stopped:
            self._doing.add(row.id)
            done = defer.ensureDeferred(self._do(row))
            done.addErrback(log_error, "lifecycle: while doing what another master asked")
            done.addBoth(lambda _: self._doing.discard(row.id))

    async def _do(self, row: Asked) -> None:
        by = f"{self._run}.{uuid.uuid4().hex}"
        if not await self._gate.do_with_transaction(requests.claim, row.id, by):
            return
        try:
            said = {"refused": None, "answer": await self._act(row)}
        except Refusal as refusal:
            said = dict(carried.as_json(refusal))
            await self._not_done(row, "refused", refusal.text)
        except Exception as error:
            log_error(error, f"lifecycle: while doing {row.kind} for master {row.asker}")
            text = f"an error of the plugin on {self._master.name}, whose log has it"
            said = dict(carried.as_json(Refusal("internal", text)))
            await self._not_done(row, "failed", text)
        said = self._redacted(msgspec.to_builtins(said))
        await self._gate.do_with_transaction(requests.answer, row.id, by, said)
        self._news.tell(row.workerid, "answered", {"id": row.id, "to": row.asker})

    async def _act(self, row: Asked) -> Mapping[str, Any]:
        act = self._acts.get(row.kind)
        if act is None:
            text = f"master {self._master.name} does not know {row.kind}: its plugin is another version"
            raise Refusal("other_master", text)
        message = read(Message, row.data)
        arguments = read(act.arguments, message.arguments)
        return await act.do(row, arguments, Actor(message.actor.kind, message.actor.name))

    async def _not_done(self, row: Asked, status: str, outcome: str) -> None:
        if row.action is not None:
            do = self._gate.do_with_transaction
            await do(requests.end_action, row.action, self._outcome(status, outcome))
            self._news.tell(row.workerid, "action", {"id": row.action, "status": status})

    # what nobody answers

    async def _expire(self, row: Asked, master: str) -> None:
        refusal = carried.expired(master)
        action = self._outcome("refused", refusal.text)
        do = self._gate.do_with_transaction
        if await do(requests.expire, row.id, carried.as_json(refusal), action):
            self._tell_end(row, "refused")

    async def _give_up(self, row: Asked, by: str) -> None:
        refusal = carried.lost(f"master {row.masterid}")
        action = self._outcome("failed", refusal.text)
        do = self._gate.do_with_transaction
        if await do(requests.give_up, row.id, by, carried.as_json(refusal), action):
            self._tell_end(row, "failed")

    def _tell_end(self, row: Asked, status: str) -> None:
        if row.action is not None:
            self._news.tell(
                row.workerid,
                "action",
                {"masterid": row.masterid, "id": row.action, "status": status},
            )
        self._news.tell(row.workerid, "answered", {"id": row.id, "to": row.asker})

    def _outcome(self, status: str, outcome: str) -> dict[str, Any]:
        outcome = self._redacted(outcome)
        return {"status": status, "outcome": outcome, "finished_at": self._clock.wall_now()}
