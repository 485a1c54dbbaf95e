"""History by pages and filters, and workers as they stand."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import Filter, HistoryQuery, Refusal
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.group import Group, write
from tests.db import answered as queries
from tests.db.conftest import Database
from tests.db.play import NASTY, Seq, Worker

S = State
HUGE = 10**30


def fill(engine: sa.engine.Engine, lives: int = 4) -> list[Worker]:
    """Two workers with some lives each, in turn, and one that is up."""
    seq = Seq()
    workers = [Worker(7, seq), Worker(8, seq), Worker(9, seq)]
    entries = [e for _ in range(lives) for worker in workers[:2] for e in worker.life()]
    entries += workers[2].begin()
    with engine.begin() as conn:
        write(conn, Group(1, 1, entries, {}))
    return workers


def ask(engine: sa.engine.Engine, what: str, *filters: Filter, **more: Any) -> Any:
    with engine.connect() as conn:
        return queries.history(conn, HistoryQuery(what, filters=filters, **more))


def all_pages(engine: sa.engine.Engine, what: str, *filters: Filter, **more: Any) -> list[Any]:
    found: list[Any] = []
    before = None
    while True:
        page = ask(engine, what, *filters, before=before, **more)
        found += page.rows
        if not page.more:
            return found
        before = page.rows[-1]["id"]


@pytest.mark.parametrize("what", ["transitions", "events", "episodes"])
@pytest.mark.parametrize("workerid", [None, 7])
def test_pages_by_key_join_to_the_whole_without_repeats(
    engine: sa.engine.Engine, what: str, workerid: int | None
) -> None:
    fill(engine)
    whole = ask(engine, what, limit=1000, workerid=workerid)
    assert not whole.more
    ids = [row["id"] for row in whole.rows]
    assert ids == sorted(ids, reverse=True)
    assert not ask(engine, what, limit=len(ids), workerid=workerid).more
    assert ask(engine, what, limit=len(ids) - 1, workerid=workerid).more
    for limit in (1, 3, len(ids)):
        assert all_pages(engine, what, limit=limit, workerid=workerid) == [*whole.rows]


def test_a_page_does_not_move_when_newer_rows_come(engine: sa.engine.Engine) -> None:
    worker = fill(engine)[0]
    first = ask(engine, "events", limit=5)
    second = ask(engine, "events", limit=5, before=first.rows[-1]["id"])
    with engine.begin() as conn:
        write(conn, Group(1, 1, worker.life(), {}))
    assert ask(engine, "events", limit=5, before=first.rows[-1]["id"]) == second


def test_transitions_are_those_events_with_their_states(engine: sa.engine.Engine) -> None:
    fill(engine, lives=1)
    (newest, *_) = ask(engine, "transitions", workerid=7).rows
    expected = {"workerid": 7, "masterid": 1, "from": "insubstantiating", "expected": True}
    assert {**newest, **expected, "to": "not_substantiated"} == newest
    assert set(newest) == {"id", "episode", "at", "to", *expected}


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter("kind", "eq", ("attached",)), 9),
        (Filter("kind", "eq", ("attached", "detached")), 17),
        (Filter("kind", "in", ("attached", "detached")), 17),
        (Filter("kind", "ne", ("transition",)), 4 * 2 * 6 + 3),
        (Filter("kind", "notin", ("transition", "attached")), 4 * 2 * 5 + 2),
        (Filter("kind", "contains", ("call",)), 4 * 2 * 4 + 2),
        (Filter("to", "eq", ("insubstantiating",)), 8),
        (Filter("expected", "eq", ("true",)), 4 * 2 * 5 + 3),
        (Filter("expected", "eq", (False,)), 0),
        (Filter("episode", "eq", (None,)), 0),
        (Filter("workerid", "eq", ("9",)), 6),
        (Filter("at", "ge", ("1e12",)), 0),
        (Filter("seq", "le", ("4",)), 3),
        (Filter("kind", "eq", ("atta%",)), 0),
        (Filter("kind", "contains", ("_",)), 4 * 2 * 4 + 2),
        (Filter("kind", "contains", ("ATTACHED",)), 0),
    ],
)
def test_filters_find_what_they_name(engine: sa.engine.Engine, wanted: Filter, count: int) -> None:
    fill(engine)
    assert len(ask(engine, "events", wanted, limit=1000).rows) == count


@pytest.mark.parametrize("op", ["lt", "le", "gt", "ge"])
def test_order_filters_draw_the_line_where_they_say(engine: sa.engine.Engine, op: str) -> None:
    fill(engine, lives=1)
    rows = ask(engine, "events", limit=1000).rows
    line = rows[5]["at"]
    found = ask(engine, "events", Filter("at", op, (line,)), limit=1000).rows
    compare = {"lt": line.__gt__, "le": line.__ge__, "gt": line.__lt__, "ge": line.__le__}[op]
    assert [*found] == [row for row in rows if compare(row["at"])]


def test_filters_and_pages_go_together(engine: sa.engine.Engine) -> None:
    fill(engine)
    only = Filter("kind", "eq", ("attached",))
    assert len(all_pages(engine, "events", only, limit=2)) == 9


def test_ne_counts_rows_without_a_value_too(engine: sa.engine.Engine) -> None:
    fill(engine, lives=1)
    ended = ask(engine, "episodes", Filter("outcome", "eq", ("ok",))).rows
    rest = ask(engine, "episodes", Filter("outcome", "ne", ("ok",))).rows
    assert (len(ended), [row["outcome"] for row in rest]) == (2, [None])


@pytest.mark.parametrize("what", ["episodes", "actions", "orphans"])
def test_by_the_name_of_the_worker(engine: sa.engine.Engine, what: str) -> None:
    fill(engine, lives=1)
    common = {"token": "t", "workerid": 8, "masterid": 1, "data": {}}
    with engine.begin() as conn:
        action = {"what": "force-disconnect", "at": 1.0, "status": "asked", "actor": "a"}
        conn.execute(schema.actions.insert().values({**common, **action}))
        conn.execute(schema.orphans.insert().values({**common, "opened_at": 1.0}))
    rows = ask(engine, what, Filter("worker", "eq", ("worker-8",))).rows
    assert [(row["workerid"], row["worker"]) for row in rows] == [(8, "worker-8")]
    assert [*ask(engine, what, Filter("worker", "eq", ("nobody",))).rows] == []


def test_open_orphans_are_counted_beyond_the_longest_page(engine: sa.engine.Engine) -> None:
    common = {"workerid": 8, "masterid": 1, "data": {}, "opened_at": 1.0}
    rows = [
        {**common, "token": f"t{n}", "closed_at": 2.0 if n % 4 == 0 else None} for n in range(2000)
    ]
    with engine.begin() as conn:
        assert queries.open_orphans(conn) == 0
        conn.execute(schema.orphans.insert(), rows)
        assert queries.open_orphans(conn) == 1500


@pytest.mark.parametrize("what", ["transitions", "events", "episodes", "actions", "orphans"])
def test_nasty_filters_find_nothing_and_break_nothing(engine: sa.engine.Engine, what: str) -> None:
    column = {"transitions": "to", "events": "kind", "episodes": "worker"}.get(what, "token")
    for text, op in itertools.product(NASTY, ("eq", "ne", "contains")):
        ask(engine, what, Filter(column, op, (text,)))


@pytest.mark.parametrize(
    "wanted",
    [
        Filter("nothing", "eq", ("x",)),
        Filter("data", "eq", ("x",)),
        Filter("at", "eq", ("yesterday",)),
        Filter("at", "eq", ("nan",)),
        Filter("at", "le", ("inf",)),
        Filter("workerid", "eq", ("1.5",)),
        Filter("workerid", "eq", (HUGE,)),
        Filter("expected", "eq", ("perhaps",)),
        Filter("at", "contains", ("1",)),
        Filter("at", "lt", (None,)),
        Filter("kind", "like", ("x",)),
        Filter("kind", "eq", ()),
    ],
    ids=repr,
)
def test_a_filter_that_makes_no_sense_is_refused_with_a_sentence(
    lite: Database, wanted: Filter
) -> None:
    with pytest.raises(Refusal) as refused:
        ask(lite.engine(), "events", wanted)
    assert refused.value.code == "bad_query"
    assert len(refused.value.text) > 10


def test_numbers_beyond_all_numbers_find_nothing(engine: sa.engine.Engine) -> None:
    fill(engine, lives=1)
    assert [*ask(engine, "events", workerid=HUGE).rows] == []
    assert [*ask(engine, "events", before=-HUGE).rows] == []
    assert len(ask(engine, "events", before=HUGE).rows) > 0
    with engine.connect() as conn:
        assert queries.one(conn, "events", HUGE) is None
        assert queries.worker(conn, HUGE) is None
        assert queries.worker(conn, str(HUGE)) is None
        # Python refuses to read so long a number.
        assert queries.worker(conn, "9" * 5000) is None


def test_one_row_is_that_of_the_page(engine: sa.engine.Engine) -> None:
    fill(engine, lives=1)
    with engine.connect() as conn:
        for what in ("transitions", "events", "episodes"):
            row = ask(engine, what).rows[0]
            assert queries.one(conn, what, row["id"]) == row
        assert queries.one(conn, "episodes", 12345) is None
        with pytest.raises(Refusal):
            queries.one(conn, "secrets", 1)


def test_an_event_that_is_no_transition_is_not_found_as_one(engine: sa.engine.Engine) -> None:
    fill(engine, lives=1)
    (attached, *_) = ask(engine, "events", Filter("kind", "eq", ("attached",))).rows
    with engine.connect() as conn:
        assert queries.one(conn, "transitions", attached["id"]) is None


def test_a_worker_is_found_by_number_and_by_name(engine: sa.engine.Engine) -> None:
    fill(engine)
    with engine.connect() as conn:
        found = queries.worker(conn, 9)
        assert found is not None
        assert found == queries.worker(conn, "9") == queries.worker(conn, "worker-9")
        assert queries.worker(conn, "worker-") is None
        assert queries.worker(conn, 10) is None
        assert [row["workerid"] for row in queries.workers(conn)] == [7, 8, 9]


def test_a_name_of_digits_is_found_where_no_number_is(engine: sa.engine.Engine) -> None:
    worker = Worker(7, Seq(), name="1234")
    with engine.begin() as conn:
        write(conn, Group(1, 1, worker.begin(), {}))
        found = queries.worker(conn, "1234")
    assert found is not None
    assert found["workerid"] == 7


def test_a_worker_has_the_fields_of_rest_that_the_database_knows(
    engine: sa.engine.Engine,
) -> None:
    worker = Worker(7, Seq())
    entries = [
        *worker.begin(),
        worker.event(Kind.BUILD_STARTED, build={"builder": "b", "number": 3}),
        worker.to(S.INSUBSTANTIATING),
        worker.event(Kind.CALL_STARTED, call="stop_instance", token=9),
    ]
    with engine.begin() as conn:
        write(conn, Group(1, 1, entries, {}))
        found = queries.worker(conn, 7)
    assert found is not None
    since = entries[-1].event.at
    assert found["pending"] == {"call": "stop_instance", "since": since, "where": []}
    assert found["building"] == [
        {
            "buildid": None,
            "builderid": None,
            "builder": "b",
            "number": 3,
            "since": entries[-3].event.at,
        }
    ]
    # what only its own master knows, and the service says
    for name in ("abandoned", "refused_open", "quarantined_until", "last_sign"):
        assert found[name] is None
    assert (found["forceable"], found["live"]) == (False, False)


def test_a_name_that_two_masters_have_is_two_workers(engine: sa.engine.Engine) -> None:
    busy, idle = Worker(7, Seq()), Worker(7, Seq(), at=5000.0)
    with engine.begin() as conn:
        write(conn, Group(1, 1, busy.begin(), {}))
        write(conn, Group(2, 2, idle.life(), {}))
        found = queries.named(conn, 7)
        assert found == queries.workers(conn) == queries.named(conn, "worker-7")
        states = [(row["masterid"], row["state"]) for row in found]
        assert states == [(1, "substantiated"), (2, "not_substantiated")]
        assert queries.workers(conn, but=1) == queries.named(conn, 7, but=1) == found[1:]


def test_a_removed_worker_is_shown_until_nothing_of_it_is_open(engine: sa.engine.Engine) -> None:
    worker = Worker(7, Seq())
    with engine.begin() as conn:
        write(conn, Group(1, 1, [*worker.begin(), worker.event(Kind.REMOVED)], {}))
        assert [row["workerid"] for row in queries.workers(conn)] == [7]
        write(conn, Group(1, 1, worker.end(), {}))
        assert queries.workers(conn) == []
        assert queries.worker(conn, 7) is None
        # Its history keeps its name.
        page = queries.history(conn, HistoryQuery("episodes", workerid=7))
    assert page.rows[0]["worker"] == "worker-7"


def test_an_episode_is_as_in_rest(engine: sa.engine.Engine) -> None:
    worker = Worker(7, Seq())
    entries = [*worker.begin(), *worker.end(error="no such instance")]
    with engine.begin() as conn:
        write(conn, Group(1, 1, entries, {}))
    (row,) = ask(engine, "episodes").rows
    assert row["outcome"] == "stop_failed"
    assert row["failure"] == {
        "call": "stop_instance",
        "error": "no such instance",
        "traceback": None,
    }
    assert (row["worker"], row["instance"], row["builds"]) == ("worker-7", "i-1", 0)
    assert row["phases"][0]["state"] == "substantiating"
    assert set(row) == {
        *("id", "workerid", "worker", "masterid", "started_at", "ended_at", "outcome", "failure"),
        *("instance", "build", "phases", "connected_at", "builds"),
        *("start_s", "connect_s", "up_s", "stop_s"),
    }


def test_a_limit_out_of_reason_is_brought_within_it(engine: sa.engine.Engine) -> None:
    fill(engine, lives=1)
    assert len(ask(engine, "events", limit=0).rows) == 1
    assert len(ask(engine, "events", limit=HUGE).rows) == 28
