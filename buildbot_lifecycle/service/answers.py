"""What the REST API (and later the command line) asks of the service.

The public methods answer shapes (``buildbot_lifecycle.shapes``), or raise
`buildbot_lifecycle.core.requests.Refusal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from buildbot_lifecycle import __version__
from buildbot_lifecycle.core.requests import (
    Actor,
    EndRequest,
    ForceRequest,
    HistoryQuery,
    Page,
    PauseRequest,
    RecentQuery,
    Refusal,
    StatsQuery,
    TimelineQuery,
)
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.steady import SAME
from buildbot_lifecycle.core.texts import clean, cleaned
from buildbot_lifecycle.db import pages, queries
from buildbot_lifecycle.history.walk import chunks
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master import views
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.service.means import means_of
from buildbot_lifecycle.service.parts import Parts
from buildbot_lifecycle.service.roll import OF_ROW, Passes, Rolls
from buildbot_lifecycle.shapes.base import Shape, read
from buildbot_lifecycle.shapes.ending import Ended, Found
from buildbot_lifecycle.shapes.force import Forced
from buildbot_lifecycle.shapes.history import Orphan, Proof
from buildbot_lifecycle.shapes.instances import CensusMeta, Instances
from buildbot_lifecycle.shapes.masters import (
    Blocked,
    CloudCalls,
    Dismissing,
    Health,
    Master,
    MasterStop,
    Threads,
)
from buildbot_lifecycle.shapes.parts import frames
from buildbot_lifecycle.shapes.spans import Drawn, Recent, Stats
from buildbot_lifecycle.shapes.times import by_wall
from buildbot_lifecycle.shapes.workers import Behind, Meta, Roll, Worker

#: Workers of others that are looked at without letting others have their turn.
_SLICE = 100

_READING_OTHERS = "reading other masters' workers"


class Answers:
    """Answers for one master, as of the moment in which it was made.

    ``parts`` are None while nothing is recorded; ``off`` then says why, if there is a reason.
    """

    def __init__(
        self, master: Any, settings: Settings, parts: Parts | None, off: str | None
    ) -> None:
        self._master = master
        self._settings = settings
        self._parts = parts
        self._off = off
        self._clock = clocks.of(master.reactor)

    @property
    def anonymous_may_force(self) -> bool:
        return self._settings.anonymous_may_force

    @property
    def details_for(self) -> str:
        return self._settings.details_for

    @property
    def metrics_token(self) -> str | None:
        return self._settings.metrics_token

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """The text for Prometheus and its content type, also while the database is away."""
        parts = self._parts if self._off is None and self._parts is not None else self._ready()
        return await parts.telemetry.text(accept)

    def _ready(self) -> Parts:
        """The parts, if they can be asked already. Raises `Refusal`."""
        if self._off is not None:
            raise Refusal("not_ready", "nothing is recorded; the master's log says why")
        unusable = None if self._parts is None else self._parts.run.unusable
        if unusable is not None:
            # to try again does not help
            raise Refusal("not_ready", f"nothing is recorded: {unusable}")
        if self._parts is None or self._parts.run.incarnation is None:
            raise Refusal("not_ready", "the database tables are not ready yet; try again")
        return self._parts

    @property
    def _name(self) -> str:
        return clean(self._master.name)

    def meta(self) -> Meta:
        """The server's time, and how far the database is behind."""
        events, since, differ = 0, None, None
        if self._parts is not None:
            differ = self._parts.others.differ()
            status = self._parts.recorder.status()
            events = status.queued
            since = _earliest(status.oldest_unwritten_at, self._parts.gate.trouble_since)
        behind = Behind(events=events, since=since)
        meta = Meta(now=self._clock.seconds(), behind=behind, clocks_differ_s=differ)
        return by_wall(meta, self._clock.reckoning())

    async def workers(self) -> list[Worker]:
        """Every latent worker of every master; this master's as of now, from memory."""
        roll = await self.roll({}, None)
        return [
            replace(row.value, updated_at=roll.at) if row.is_now else row.value for row in roll.rows
        ]

    async def roll(self, glances: Mapping[str, Passes], most: int | None) -> Roll:
        """The workers whose fields pass, as rows to be sent; see `service.roll`."""
        parts = self._ready()
        return await self._rolls(parts).roll(lambda: self._others(parts, glances), glances, most)

    def _rolls(self, parts: Parts) -> Rolls:
        # these answers are of one moment, the views that are kept are the workers'
        return Rolls(
            parts.logbook,
            self._clock,
            self._master.masterid,
            self._name,
            self._master.reactor,
            means_of(parts.clouds, lambda: parts.logbook.settings),
        )

    async def _others(self, parts: Parts, glances: Mapping[str, Passes]) -> list[Worker]:
        """The workers of other masters that pass."""
        rows, incarnations = await parts.elsewhere.rows()
        found, turns = [], Turns(self._master.reactor)
        for part in chunks(rows, _SLICE):
            for seen in self._stored(parts, part, incarnations):
                if all(passes(OF_ROW[field](seen)) for field, passes in glances.items()):
                    found.append(seen)
            await turns()
        return found

    async def named(self, worker: int | str) -> list[Worker]:
        """The workers of this workerid or name, one of each master that has it. Raises `Refusal`."""
        parts = self._ready()
        known = self._find(worker)
        if known is None:
            found = await self._named_elsewhere(parts, worker)
            if not found:
                raise Refusal("no_such_worker", f"there is no latent worker {worker!r}")
            return found
        seen = self._view(parts, known)
        if seen.pending is not None:
            # looked for only here: of thousands of workers in a list nobody reads it
            where = frames(parts.locator.of(known))
            seen = replace(seen, pending=replace(seen.pending, where=where))
        # the others as they were read last: who asks for a worker of this master waits for no database
        rows, incarnations = parts.elsewhere.last
        same = [row for row in rows if row.workerid == known.workerid]
        return sorted([seen, *self._stored(parts, same, incarnations)], key=_masterid)

    async def _named_elsewhere(self, parts: Parts, worker: int | str) -> list[Worker]:
        """Workers of other masters by themselves, since all of them are many."""
        mine = self._master.masterid
        try:
            rows, incarnations = await parts.gate.asked.do(_named_elsewhere, worker, mine)
        except Refusal:
            raise
        except Exception:
            parts.logbook.failed(_READING_OTHERS)
            known, incarnations = await parts.elsewhere.rows()
            rows = [row for row in known if worker in (row.workerid, row.name)]
        else:
            parts.logbook.over(_READING_OTHERS)
        # the database takes a name of digits for a number
        rows = [row for row in rows if worker in (row.workerid, row.name)]
        return self._stored(parts, rows, incarnations)

    def _stored(self, parts: Parts, rows: Iterable[Worker], incarnations: Any) -> list[Worker]:
        """Workers of other masters as they are told here."""
        names = {i["masterid"]: i["master"] for i in incarnations}
        alive = parts.others.live(incarnations)
        return [
            views.stored(row, master=names.get(row.masterid, ""), live=row.masterid in alive)
            for row in self._by_own_clock(parts, rows)
        ]

    def _by_own_clock(self, parts: Parts, rows: Iterable[Worker]) -> list[Worker]:
        """Workers of other masters with times of this one's clock, so that their ages are right."""
        reckonings = parts.others.reckonings()
        return [by_wall(row, reckonings.get(row.masterid, SAME)) for row in rows]

    def _find(self, worker: int | str) -> Known | None:
        if self._parts is None:
            return None
        logbook = self._parts.logbook
        return logbook.get(worker) if isinstance(worker, int) else logbook.named(worker)

    def _view(self, parts: Parts, known: Known) -> Worker:
        return self._rolls(parts).view(known)

    async def history(self, query: HistoryQuery) -> Page:
        """A page of transitions, events, episodes, actions or orphans."""
        parts = self._ready()
        parts.recorder.hurry()
        page = await pages.page(parts.gate.asked, query)
        if query.what != "orphans":
            return page
        return Page([self._with_proof(parts, row) for row in page.rows], page.more)

    def _with_proof(self, parts: Parts, row: Shape) -> Shape:
        """An open entry with what the cloud answered last about it; any other row as it is."""
        said = None
        if isinstance(row, Orphan) and row.closed_at is None:
            said = parts.proof.last(row.id)
        if said is None:
            return row
        proof = read(Proof, parts.secrets.redacted(cleaned(said.as_json())))
        return replace(row, proof=by_wall(proof, self._clock.reckoning()))

    async def open_orphans(self) -> int:
        """How many entries of the orphan ledger are open, of all masters."""
        return int(await self._ready().gate.asked.do(queries.open_orphans))

    async def last_of(self, query: HistoryQuery) -> int | None:
        """The id of the last of the rows of a long page, if there are more; see `db.pages`."""
        return await pages.last_of(self._ready().gate.asked, query)

    async def one(self, what: str, number: int) -> Shape:
        """One episode, action or orphan by its number. Raises `Refusal`."""
        parts = self._ready()
        parts.recorder.hurry()
        found: Shape | None = await parts.gate.asked.do(queries.one, what, number)
        if found is None:
            singular = what[:-1] if what.endswith("s") else what
            raise Refusal(f"no_such_{singular}", f"there is no {singular} {number}")
        return self._with_proof(parts, found)

    async def stats(self, query: StatsQuery) -> Stats:
        """How long things took; see `history.statistics`."""
        parts = self._ready()
        parts.recorder.hurry()
        return await parts.statistics.ask(query)

    async def recent(self, query: RecentQuery) -> list[Recent]:
        """The last episodes of each worker; see `history.recent`."""
        parts = self._ready()
        parts.recorder.hurry()
        return await parts.recent.rows(query)

    async def timeline(self, query: TimelineQuery) -> Drawn:
        """Lanes of episodes; see `history.timeline`."""
        parts = self._ready()
        parts.recorder.hurry()
        return await parts.timeline.ask(query)

    async def instances(self) -> Instances:
        """What really runs: the last census, joined with what this master knows now."""
        return await self._ready().directory.answer()

    def refresh_instances(self) -> CensusMeta:
        """Take a census now, or join the one that runs."""
        return self._ready().directory.refresh()

    async def shutdown_view(self) -> list[MasterStop]:
        """What would keep each master from stopping."""
        parts = self._ready()
        now = self._clock.seconds()
        up, slowest, unknown = views.to_stop(
            ((known.workerid, known.facts.state.value) for known in parts.logbook.busy()),
            self._master.masterid,
            parts.recent.usual_stop,
        )
        mine = MasterStop(
            masterid=self._master.masterid,
            master=self._name,
            live=True,
            stopping_since=parts.shutdown.asked_at,
            instances_up=up,
            usual_stop_s=slowest,
            usual_unknown=unknown,
            limit_s=self._settings.shutdown_limit,
            ends_by=parts.shutdown.ends_by,
            waits=tuple(parts.shutdown.waits(now)),
            blockers=tuple(parts.shutdown.blockers(now)),
        )
        mine = by_wall(mine, self._clock.reckoning())
        rows, incarnations = await parts.elsewhere.rows()
        alive = parts.others.live(incarnations)
        rows = self._by_own_clock(parts, rows)
        others = views.stored_shutdown(
            rows, incarnations, alive, self._master.masterid, parts.recent.usual_stop
        )
        return [mine, *others]

    def health(self) -> Health:
        """How the recording goes."""
        parts = self._parts
        if parts is None:
            return views.health_off(__version__, self._off or "not started")
        status = parts.recorder.status()
        trouble = parts.gate.trouble_since
        behind = trouble is not None or parts.run.incarnation is None
        unusable = parts.run.unusable or parts.recorder.unusable
        stalled = parts.stalls.last
        errors = parts.logbook.errors + status.errors
        threads = parts.threads.as_json()
        full = parts.threads.full_since is not None
        health = Health(
            status=(
                "degraded"
                if unusable
                else "behind"
                if behind
                else "degraded"
                if status.dropped or full
                else "ok"
            ),
            behind_since=_earliest(trouble, status.oldest_unwritten_at) if behind else None,
            version=__version__,
            schema=parts.run.schema,
            recording=parts.run.incarnation is not None,
            queued=status.queued,
            queue_bound=status.bound,
            dropped=status.dropped,
            written=status.written,
            errors=errors,
            last_error=parts.secrets.redacted(
                unusable or parts.run.trouble or status.last_error or parts.logbook.last_error
            ),
            last_write_at=status.last_write_at,
            oldest_unwritten_at=status.oldest_unwritten_at,
            incarnation=parts.run.incarnation,
            masterid=self._master.masterid,
            probe="on",
            reactor_blocked=None if stalled is None else read(Blocked, stalled.as_json()),
            threads=None if threads is None else read(Threads, threads),
            clock=parts.timekeeping.state(),
            clocks_differ_s=parts.others.differ(),
            retention_waits=None,
            clouds=read(CloudCalls, parts.clouds.snapshot().as_json()),
        )
        health = by_wall(health, self._clock.reckoning())
        # its times are of the wall clock already
        return replace(health, retention_waits=parts.trust.waits)

    async def force(
        self, workerid: int, masterid: int, request: ForceRequest, actor: Actor
    ) -> Forced:
        """Force disconnect a worker of a master, or plan it (dry run). Raises `Refusal`."""
        parts = self._ready()
        found = await self._owned(parts, workerid, masterid)
        if isinstance(found, Worker):
            return await parts.carried.force(found, request, actor)
        return await parts.carried.force_here(found, request, actor)

    async def pause(
        self, workerid: int, masterid: int, request: PauseRequest, actor: Actor
    ) -> Forced:
        """Pause a worker of a master, or end its pause. Raises `Refusal`."""
        parts = self._ready()
        found = await self._owned(parts, workerid, masterid)
        if isinstance(found, Worker):
            return await parts.carried.pause(found, request, actor)
        return Forced(action=await parts.carried.pause_here(found, request, actor))

    async def _owned(self, parts: Parts, workerid: int, masterid: int) -> Known | Worker:
        """The worker itself where it is this master's, else what its master wrote down of it."""
        found: Sequence[Known | Worker | None]
        if masterid == self._master.masterid:
            found = [parts.logbook.get(workerid)]
        else:
            named = await self._named_elsewhere(parts, workerid)
            found = [each for each in named if each.masterid == masterid]
        for each in found:
            if each is not None:
                return each
        text = f"there is no latent worker {workerid} on master {masterid} any more"
        raise Refusal("no_such_worker", text)

    async def instance(self, ident: str, actor: Actor) -> Found:
        """One instance by its id, of whichever master. Raises `Refusal`."""
        return await self._ready().ending.find(ident, actor)

    async def end_instance(self, found: Found, request: EndRequest, actor: Actor) -> Ended:
        """End an instance, or plan it (dry run). Raises `Refusal`."""
        return await self._ready().ending.end(found, request, actor)

    async def masters(self) -> list[Master]:
        """Every master on the database."""
        return await self._ready().dismissal.masters()

    async def dismiss(self, masterid: int, reason: str, dry_run: bool, actor: Actor) -> Dismissing:
        """Dismiss a dead master, or say what it would do. Raises `Refusal`."""
        return await self._ready().dismissal.dismiss(masterid, reason, dry_run, actor)

    async def resolve_orphan(self, number: int, note: str, actor: Actor) -> Shape:
        """Close an entry of the orphan ledger. Raises `Refusal`."""
        parts = self._ready()
        orphan = await self.one("orphans", number)
        assert isinstance(orphan, Orphan)
        _, incarnations = await parts.elsewhere.rows()
        is_elsewhere = orphan.masterid in parts.others.live(incarnations) - {self._master.masterid}
        await parts.carried.resolve(orphan, note, actor, is_elsewhere=is_elsewhere)
        return await self.one("orphans", number)


def _named_elsewhere(
    conn: Any, worker: int | str, but: int
) -> tuple[list[Worker], list[dict[str, Any]]]:
    """Workers as other masters wrote them down, and the newest incarnation of every master."""
    return queries.named(conn, worker, but=but), queries.newest_incarnations(conn)


def _masterid(worker: Worker) -> int:
    return worker.masterid


def _earliest(*times: float | None) -> float | None:
    return min((at for at in times if at is not None), default=None)
