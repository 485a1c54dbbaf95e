"""A small service in memory behind the real API, as a process: ``python -m tests.www.double``.

It stands beside the tests against a real master, for what a real service cannot be made to do on
demand: fail, hang, be slow, have 5,000 workers. Site, sessions, login, authz and query grammar are
Buildbot's own. What was asked of it is shown at ``/test/writes``.

The process prints its port and logs to stderr. It ends when its stdin is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from buildbot.www.auth import AuthRootResource
from buildbot.www.service import BuildbotSite, WWWService
from msgspec.structs import replace
from twisted.internet import defer, reactor, stdio, task
from twisted.internet.protocol import Protocol
from twisted.python import log
from twisted.web.resource import Resource

from buildbot_lifecycle.core.requests import HistoryQuery, Page, RecentQuery, Refusal
from buildbot_lifecycle.master import views
from buildbot_lifecycle.service.roll import OF_ROW
from buildbot_lifecycle.shapes.base import names
from buildbot_lifecycle.shapes.encoded import Encoded
from buildbot_lifecycle.shapes.ending import Ended
from buildbot_lifecycle.shapes.force import Forced
from buildbot_lifecycle.shapes.history import HISTORY
from buildbot_lifecycle.shapes.instances import CensusMeta, Instances
from buildbot_lifecycle.shapes.masters import Health, MasterStop
from buildbot_lifecycle.shapes.parts import Verdict
from buildbot_lifecycle.shapes.spans import Drawn, Stats, StatsMeta, TimelineMeta
from buildbot_lifecycle.shapes.workers import Behind, Meta, Roll, Worker
from buildbot_lifecycle.www.api import resource
from tests.www import logins, rights, rules

NOW = 1_700_000_000.0
VERDICT = Verdict(
    level="stuck",
    code="stop_pending",
    reason="stop_instance has been pending for 10 min",
    since=NOW - 600,
    threshold_s=300.0,
)

#: Two names that the rules speak of, and the hardest that Buildbot 4.3 takes (`isIdentifier`).
REAL_NAMES = ("calm", rules.SECRET, "wörker-☃", "-_-")

#: Harder ones, that only a later Buildbot or an own worker class could have.
NAMES = (*REAL_NAMES, 'a "quoted" one', "one/two", "100%", "<script>alert(1)</script>")


#: A name that two masters have.
TWICE = "twice"


def worker(workerid: int, name: str) -> Worker:
    return Worker(
        workerid=workerid,
        name=name,
        masterid=1,
        master="double",
        class_="DemoWorker",
        state="insubstantiating" if workerid == 1 else "not_substantiated",
        state_since=NOW - 10 * workerid if workerid != 2 else None,
        connected=False,
        building=(),
        paused=False,
        pause_reason=None,
        episode=7 if workerid == 1 else None,
        instance=None,
        pending=None,
        abandoned=(),
        refused=0,
        held=0,
        refused_open=0,
        orphans=0,
        verdict=VERDICT,
        to_do=None,
        quarantined_until=None,
        last_sign=None,
        forceable=workerid == 1,
        live=True,
        updated_at=NOW,
    )


class StatsAsked(StatsMeta, frozen=True, kw_only=True):
    """Shows what arrived, for the tests of parameters."""

    asked: dict[str, Any]


class TimelineAsked(TimelineMeta, frozen=True, kw_only=True):
    """The same."""

    asked: dict[str, Any]


class Double:
    """Answers as `LifecycleService` does; names and reasons with "!" make it misbehave."""

    def __init__(
        self, anonymous: bool, many: int, details_for: str, names: Iterable[str] = NAMES
    ) -> None:
        self.anonymous_may_force = anonymous
        self.details_for = details_for
        self.metrics_token = None
        names = [*names, *(f"extra-{i}" for i in range(many))]
        self.rows = [worker(i + 1, name) for i, name in enumerate(names)]
        self.asked: list[Any] = []
        self.pages = 0
        self.top = 100
        self.done: list[Any] = []

    def metrics(self, accept: str) -> Any:
        return defer.succeed((b"# EOF\n", "text/plain; version=0.0.4; charset=utf-8"))

    def roll(self, glances: Any, most: int | None) -> Any:
        rows = [
            row
            for row in self.rows
            if all(passes(OF_ROW[field](row)) for field, passes in glances.items())
        ]
        first = sorted(self.rows, key=lambda row: not row.forceable)[:20]
        shown = [Encoded(row, is_now=False) for row in rows[:most]]
        return defer.succeed(Roll(shown, len(rows), NOW, [row.workerid for row in first]))

    def named(self, ident: int | str) -> Any:
        if ident == "!raise":
            raise RuntimeError("a text that is nobody's business")
        if ident == "!cancelled":
            return defer.fail(asyncio.CancelledError("a coroutine of a driver"))
        if ident == "!given-up":
            return defer.fail(defer.CancelledError())
        rows = [row for row in self.rows if ident in (row.workerid, row.name)]
        if rows:
            return defer.succeed(rows)
        return defer.fail(Refusal("no_such_worker", f"there is no latent worker {ident!r}"))

    def meta(self) -> Meta:
        return Meta(now=NOW, behind=Behind(events=0, since=None))

    def history(self, query: HistoryQuery) -> Any:
        self.pages += 1
        top = self.top if query.before is None else query.before - 1
        ids = range(top, max(0, top - query.limit), -1)
        return defer.succeed(Page([self._row(query, i) for i in ids], top - query.limit > 0))

    def open_orphans(self) -> Any:
        return defer.succeed(100)

    def last_of(self, query: HistoryQuery) -> Any:
        top = self.top if query.before is None else query.before - 1
        return defer.succeed(top - query.limit + 1 if top > query.limit else None)

    def _row(self, query: HistoryQuery, number: int) -> dict[str, Any]:
        nothing = dict.fromkeys(names(HISTORY[query.what]))
        row: dict[str, Any] = {**nothing, "id": number}
        row.update(workerid=query.workerid or 1, masterid=1)
        if self.top > 100:
            row["reason"] = "a long one " * 40
        # Shows what arrived, for the tests of the grammar.
        row["asked"] = [[f.field, f.op, list(f.values)] for f in query.filters]
        return row

    def one(self, what: str, number: int) -> Any:
        if number > 100:
            return defer.fail(Refusal(f"no_such_{what[:-1]}", f"there is no {number}"))
        return defer.succeed({"id": number, "workerid": 2 if number == 2 else 1, "masterid": 1})

    def shutdown_view(self) -> Any:
        row = MasterStop(
            masterid=1,
            master="double",
            live=True,
            stopping_since=None,
            instances_up=2,
            usual_stop_s=40.0,
            usual_unknown=1,
            limit_s=75.0,
            ends_by=None,
            waits=(),
            blockers=(),
        )
        return defer.succeed([row])

    def masters(self) -> Any:
        return defer.succeed([])

    def dismiss(self, masterid: int, reason: str, dry_run: bool, actor: Any) -> Any:
        return defer.fail(Refusal("no_such_master", f"there is no master {masterid}"))

    def instances(self) -> Any:
        meta = CensusMeta(total=0, taken=None, taking=False, now=NOW)
        return defer.succeed(Instances(instances=(), places=(), meta=meta))

    def refresh_instances(self) -> CensusMeta:
        self.asked.append(["census"])
        return CensusMeta(total=0, taken=None, taking=True, now=NOW)

    def stats(self, query: Any) -> Any:
        meta = StatsAsked(
            since=query.since,
            until=NOW,
            total=0,
            episodes=0,
            truncated=False,
            asked=dataclasses.asdict(query),
        )
        return defer.succeed(Stats(stats=(), outcomes=(), meta=meta))

    def recent(self, query: RecentQuery) -> Any:
        episodes = [[n] for n in range(query.per_worker)]
        workerids = query.workerids or (1,)
        return defer.succeed([{"workerid": one, "episodes": episodes} for one in workerids])

    def timeline(self, query: Any) -> Any:
        meta = TimelineAsked(
            since=NOW, until=NOW, total=0, truncated=False, asked=dataclasses.asdict(query)
        )
        return defer.succeed(Drawn([], [], meta))

    def health(self) -> Health:
        return views.health_off("0", "a double")

    @defer.inlineCallbacks
    def force(self, ident: int, masterid: int, request: Any, actor: Any) -> Any:
        self.asked.append(["force", ident, actor.name, request.reason])
        if request.reason == "!raise":
            raise RuntimeError("a text that is nobody's business")
        if request.reason == "!behind":
            raise Refusal("behind", "the action could not be written, so nothing was done")
        if request.reason.startswith("!slow"):
            yield task.deferLater(reactor, 1.0)
        if request.reason == "!slow raise":
            raise RuntimeError("after the client went away")
        if request.dry_run:
            return Forced(dry_run={"eligible": True, "steps": []})  # type: ignore[arg-type]
        self.done.append(["force", ident, actor.name, request.reason])
        if masterid != 1:
            self.done[-1].append(masterid)
        return Forced(
            action={"id": 1, "workerid": 1, **_who("actor", actor), "reason": request.reason}  # type: ignore[arg-type]
        )

    def pause(self, ident: int, masterid: int, request: Any, actor: Any) -> Any:
        (at,) = [
            n
            for n, row in enumerate(self.rows)
            if (row.workerid, row.masterid) == (ident, masterid)
        ]
        if self.rows[at].paused is request.pause:
            code = "already_paused" if request.pause else "not_paused"
            return defer.fail(Refusal(code, "it is so already"))
        self.rows[at] = replace(self.rows[at], paused=request.pause)
        self.done.append([request.what, ident, actor.name, request.reason])
        action: Any = {"id": 1, "workerid": 1, "what": request.what, "reason": request.reason}
        return defer.succeed(Forced(action={**action, **_who("actor", actor)}))

    def instance(self, ident: str, _: Any) -> Any:
        if ident not in ("1-00", "1-01"):
            raise Refusal("no_such_instance", f"there is no instance {ident!r} (any more)")
        workerid = 1 if ident == "1-00" else None
        found = SimpleNamespace(id=ident, name="i-1", workerid=workerid)
        return defer.succeed(SimpleNamespace(instance=found))

    def end_instance(self, found: Any, request: Any, actor: Any) -> Any:
        ident = found.instance.id
        self.asked.append(["end", ident, actor.name, request.reason])
        if request.dry_run:
            return defer.succeed(Ended(dry_run={"eligible": True, "steps": []}))  # type: ignore[arg-type]
        if request.confirm != "i-1":
            raise Refusal("wrong_confirmation", "confirm must be the instance's name, 'i-1'")
        self.done.append(["end", ident, actor.name, request.reason])
        action: Any = {"id": 1, "workerid": 1, **_who("actor", actor), "reason": request.reason}
        return defer.succeed(Ended(action=action, is_over=request.reason != "!late"))

    def resolve_orphan(self, number: int, note: str, actor: str) -> Any:
        self.done.append(["resolve", number, note, actor.name])
        return defer.succeed({"id": number, "note": note, **_who("closed_by", actor)})


def _who(field: str, actor: Any) -> dict[str, str]:
    return {field: actor.name, f"{field}_kind": actor.kind}


class Www:
    """The part of Buildbot's WWWService that rights are asked of, with its own methods."""

    getUserInfos = WWWService.getUserInfos  # noqa: N815
    assertUserAllowed = WWWService.assertUserAllowed  # noqa: N815

    def __init__(self, authz: Any, auth: Any = None) -> None:
        self.authz = authz
        self.auth = auth or rules.auth()


class Writes(Resource):
    """What was asked of the service."""

    isLeaf = True  # noqa: N815

    def __init__(self, double: Double | None) -> None:
        super().__init__()
        self.double = double

    def render_GET(self, request: Any) -> bytes:  # noqa: N802
        double = self.double
        shown = (
            {"asked": double.asked, "done": double.done, "pages": double.pages} if double else {}
        )
        return json.dumps(shown).encode()


class Rules(Resource):
    """``/test/case?NAME``: other rules, as of the next request."""

    isLeaf = True  # noqa: N815

    def __init__(self, master: Any) -> None:
        super().__init__()
        self.master = master

    def render_GET(self, request: Any) -> bytes:  # noqa: N802
        www = self.master.www
        www.authz = rights.rules_of(request.uri.decode().partition("?")[2])
        www.authz.setMaster(self.master)
        return b""


class UntilParentIsGone(Protocol):
    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        reactor.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--unconfigured", action="store_true")
    parser.add_argument("--anonymous-may-force", action="store_true")
    parser.add_argument("--rules", default="authz")
    parser.add_argument("--case", help="users, workers and rules of a case of `tests.www.rights`")
    parser.add_argument("--details-for", default="readers")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--many", type=int, default=0)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--url", default="http://master.example/buildbot/")
    given = parser.parse_args()
    log.startLogging(sys.stderr, setStdout=False)
    case = rights.CASES.get(given.case)
    double = (
        None
        if given.unconfigured
        else Double(
            given.anonymous_may_force,
            given.many,
            given.details_for,
            rights.WORKERS if case else NAMES,
        )
    )
    if double is not None:
        double.top = given.rows
    www = Www(case.authz(), logins.by_password()) if case else Www(getattr(rules, given.rules)())
    if given.anonymous_may_force:
        www.authz.allowRules = [r for r in www.authz.allowRules if r.role != "admins"]
    if double is not None and given.twice:
        two = worker(len(double.rows) + 1, TWICE)
        double.rows += [two, replace(two, masterid=2, master="other")]
    known = {rules.SECRET: 2} if not case else {n: i + 1 for i, n in enumerate(rights.WORKERS)}
    master = SimpleNamespace(
        www=www,
        data=rules.endpoints(),
        reactor=reactor,
        config=SimpleNamespace(buildbotURL=given.url, www={}),
        workers=SimpleNamespace(workers={n: SimpleNamespace(workerid=i) for n, i in known.items()}),
    )
    www.authz.setMaster(master)
    www.auth.reconfigAuth(master, None)
    root = Resource()
    under = root
    for part in (b"plugins", b"lifecycle"):
        child = Resource()
        under.putChild(part, child)
        under = child
    under.putChild(b"api", resource(SimpleNamespace(master=master, service=lambda: double)))
    root.putChild(b"auth", AuthRootResource(master))
    test = Resource()
    test.putChild(b"writes", Writes(double))
    test.putChild(b"case", Rules(master))
    root.putChild(b"test", test)
    site = BuildbotSite(root, logPath=None, rotateLength=0, maxRotatedFiles=0)
    site.sessionFactory = None
    site.setSessionSecret("not a secret here")
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    stdio.StandardIO(UntilParentIsGone())
    reactor.run()


if __name__ == "__main__":
    main()
