"""One request on its way through a handler, and what most handlers ask of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.web.http import parse_qs

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.shapes import history, masters
from buildbot_lifecycle.shapes.base import Shape
from buildbot_lifecycle.shapes.workers import Worker, WorkersMeta
from buildbot_lifecycle.www import details, guard, query, wire
from buildbot_lifecycle.www.answers import Answer
from buildbot_lifecycle.www.entities import HISTORY
from buildbot_lifecycle.www.hub import Request, Service, until_left

#: Where Buildbot serves the API, below buildbotURL.
MOUNT = "plugins/lifecycle/api"


@dataclasses.dataclass(frozen=True)
class Call:
    """One request on its way through a handler."""

    request: Request
    master: Any
    service: Service
    rights: guard.Rights

    @property
    def args(self) -> query.Args:
        """The query parameters. Of a POST too: Twisted would mix in fields of the body."""
        if self.request.method != b"POST":
            return dict(self.request.args)
        _, _, text = self.request.uri.partition(b"?")
        return dict(parse_qs(text, True)) if text else {}  # type: ignore[no-untyped-call]

    @property
    def address(self) -> str:
        """The path of this request as a browser must ask for it, also behind a reverse proxy."""
        below = b"/".join((*self.request.prepath[3:], *self.request.postpath)).decode("ascii")
        prefix = urlsplit(self.master.config.buildbotURL).path.strip("/")
        return "/".join(("", *filter(None, (prefix, MOUNT, below))))

    async def workers_meta(self, total: int, workerids: Sequence[int]) -> WorkersMeta:
        """What is said beside workers: what this client may do with them."""
        can_force = await self.rights.can_force(workerids)
        meta = self.service.meta()
        return WorkersMeta(
            total=total,
            now=meta.now,
            behind=meta.behind,
            clocks_differ_s=meta.clocks_differ_s,
            can_force=can_force,
            details=can_force or await self.rights.may_see(),
            user=self.rights.user,
        )

    async def shown(
        self,
        summary: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        rows: Sequence[Any],
    ) -> list[Any]:
        """The rows as this client may see them."""
        return await details.rows(self.rights, summary, rows, self.master.reactor)

    async def page(self, what: str, workerid: int | None) -> Answer:
        """A page of what was recorded, of one worker or of all."""
        entity = HISTORY[what]
        asked = query.history(self.master.data, entity, what, self.args, workerid)
        await details.may_ask(self.rights, asked.query)
        page = await until_left(self.service.history, asked.query)
        rows = await self.shown(summaries.HISTORY[what], page.rows)
        after = None
        if page.more and page.rows:
            after = query.next_page(self.address, self.args, page.rows[-1]["id"])
        meta = history.Next(next=after)
        if what == "orphans":
            meta = history.NextAndOpen(next=after, open=await until_left(self.service.open_orphans))
        return Answer({"meta": meta}, what, query.cut(rows, asked.fields))

    async def readable_workers(self, ident: str) -> list[Worker]:
        """The workers of this id or name, one of each master that has it; they share their workerid.

        A client who may not read is not told that there is none.
        """
        try:
            rows = await _named(self.service, ident)
        except Refusal:
            await self.rights.may_read()
            raise
        await self.rights.may_read(rows[0].workerid)
        return rows

    async def readable_worker(self, ident: str) -> tuple[Worker, query.Args]:
        """The one worker that is meant, and the parameters but the master that was named."""
        rows = await self.readable_workers(ident)
        masterid, rest = query.of_master(self.args)
        if masterid is not None:
            rows = [row for row in rows if row.masterid == masterid]
            if not rows:
                text = f"there is no latent worker {wire.shown(ident)} on master {masterid}"
                raise Refusal("no_such_worker", text)
        if len(rows) > 1:
            raise Refusal(
                "several_masters",
                f"{len(rows)} masters have a worker of this name: ask for one of them by masterid",
                choices=[self._choice(row) for row in rows],
            )
        return rows[0], rest

    def _choice(self, row: Worker) -> masters.Choice:
        return masters.Choice(
            masterid=row.masterid,
            master=row.master,
            live=row.live,
            state=row.state,
            url=query.with_master(self.address, self.args, row.masterid),
        )

    async def entry(self, what: str, text: str) -> Shape:
        """One episode, action or orphan; a client who may not read is not told that there is none."""
        number = wire.identifier(text)
        thing = HISTORY[what].name
        try:
            if number is None:
                raise Refusal(f"no_such_{thing}", f"there is no {thing} {wire.shown(text)}")
            return await until_left(self.service.one, what, number)
        except Refusal:
            await self.rights.may_read()
            raise


async def _named(service: Service, ident: str) -> list[Worker]:
    """By workerid, else by name: a name that looks like an id is found if no worker has that id."""
    number = wire.identifier(ident)
    if number is not None:
        try:
            return await until_left(service.named, number)
        except Refusal as refusal:
            if refusal.code != "no_such_worker":
                raise
    return await until_left(service.named, ident)
