"""The census: what clouds list, joined with what the master knows. Nothing healthy is nobody's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from buildbot_lifecycle.core.census import (
    Absence,
    Held,
    Listed,
    Look,
    Open,
    Picture,
    Row,
    ToldApart,
    Trace,
    absences,
    rows,
    same_mark,
    traced,
    why_not_endable,
)
from buildbot_lifecycle.core.states import State

PLACE, TITLE = ("docker", "here"), "Docker at here"

REST = Held(1, "docker1", "DockerLatentWorker", State.NOT_SUBSTANTIATED, mark="m-1", place=PLACE)
UP = dataclasses.replace(REST, state=State.SUBSTANTIATED, names=("c-1",), life=7, episode=70)
NAMELESS = dataclasses.replace(UP, state=State.SUBSTANTIATING_STARTING, names=())
STOPPING = dataclasses.replace(UP, state=State.INSUBSTANTIATING)

C1 = Listed("c-1", mark="m-1", born=50.0, kind="image")
STRAY = Listed("c-9", mark="m-1")
UNMARKED = Listed("i-9", mark=None)


def told_apart(found: Sequence[Row]) -> list[Row]:
    told = ToldApart()
    for row in found:
        told.add(row)
    return told.rows


class Looks:
    """Looks at one place, one after the other, as the census takes them."""

    def __init__(self, *entries: Open) -> None:
        self.entries = entries
        self.traces: dict[str, Trace] = {}
        self.absent: dict[int, Absence] = {}
        self.last: Look | None = None

    def take(
        self, found: Sequence[Listed], before: Held, after: Held | None = None, **look: Any
    ) -> Looks:
        then = Picture([before], self.entries)
        self.last = Look(PLACE, TITLE, 100.0, {one.name: one for one in found}, then, **look)
        now = Picture([after or before], self.entries)
        self.traces = dict(traced(self.last, now, self.traces))
        found = absences(self.last, now, self.absent)
        self.absent = {workerid: of for workerid, of in found if of is not None}
        return self

    def rows(self, *now: Held) -> list[Row]:
        assert self.last is not None
        traces, now_is = {PLACE: self.traces}, Picture(now, self.entries)
        found = rows([self.last], now_is, traces, self.absent, {PLACE: TITLE})
        return [row for row in found if row is not None]

    def said(self, *now: Held) -> list[tuple[str, str, str | None]]:
        return [(row.name, row.standing, row.why) for row in self.rows(*now)]


def test_an_instance_that_a_worker_has_is_its_own_in_the_state_of_the_worker() -> None:
    for held, standing in ((UP, "up"), (STOPPING, "stopping"), (NAMELESS, "starting")):
        (row,) = Looks().take([C1], held).rows(held)
        assert (row.standing, row.workerid, row.worker) == (standing, 1, "docker1")
        assert (row.episode, row.seen, row.born, row.kind) == (70, 100.0, 50.0, "image")


def test_what_nobody_explains_is_nobodys_after_two_looks_in_a_row_and_not_before() -> None:
    looks = Looks().take([STRAY], REST)
    assert looks.said(REST) == [("c-9", "unknown", "seen_once")]
    looks.take([STRAY], REST)
    (row,) = looks.rows(REST)
    assert (row.standing, row.workerid, row.worker) == ("nobodys", 1, "docker1")


def test_a_look_that_explains_it_begins_the_count_anew() -> None:
    looks = Looks().take([C1], REST).take([C1], UP).take([C1], REST)
    assert looks.said(REST) == [("c-1", "unknown", "seen_once")]


@pytest.mark.parametrize(
    "now", [NAMELESS, dataclasses.replace(NAMELESS, state=State.SUBSTANTIATED)]
)
def test_an_instance_just_being_made_whose_name_is_not_known_yet_is_its_workers(now: Held) -> None:
    looks = Looks().take([STRAY], REST, now).take([STRAY], now)
    assert [row.workerid for row in looks.rows(now)] == [1]
    assert looks.said(now)[0][1] in ("starting", "up")


def test_a_start_that_was_given_up_and_runs_on_may_have_made_it() -> None:
    loose = dataclasses.replace(REST, loose=(3,))
    looks = Looks().take([STRAY], loose).take([STRAY], loose).take([STRAY], loose)
    assert looks.said(loose) == [("c-9", "unknown", "call_runs_on")]


def test_a_worker_that_changed_while_the_cloud_was_asked_explains_it() -> None:
    looks = Looks().take([C1], REST).take([C1], REST, dataclasses.replace(REST, life=8))
    assert looks.said(dataclasses.replace(REST, life=8)) == [("c-1", "unknown", "changed_since")]


def test_a_start_without_marks_explains_only_what_was_not_there_before_it_began() -> None:
    """EC2: an instance says not whose it is, and somebody may always be starting."""
    bare = dataclasses.replace(NAMELESS, mark=None)
    new = Looks().take([UNMARKED], bare).take([UNMARKED], bare).take([UNMARKED], bare)
    assert ("i-9", "unknown", "may_be_starting") in new.said(bare)
    old = Looks().take([UNMARKED], dataclasses.replace(REST, mark=None))
    for life in (8, 9):
        later = dataclasses.replace(bare, life=life)
        old.take([UNMARKED], later)
    assert ("i-9", "nobodys", None) in old.said(later)


def test_an_instance_that_its_worker_has_stopped_since_the_look_is_not_told_any_more() -> None:
    looks = Looks().take([C1], UP)
    assert looks.said(REST) == []
    assert looks.said(dataclasses.replace(NAMELESS, life=8)) == [("", "starting", None)]
    assert Looks().take([C1], UP, REST).said(REST) == [], "stopped while the cloud was asked"


def test_an_instance_that_the_cloud_is_ending_is_nobodys_never() -> None:
    ends = dataclasses.replace(STRAY, state="stopping")
    looks = Looks().take([ends], REST).take([ends], REST).take([ends], REST)
    assert looks.said(REST) == [("c-9", "unknown", "ends")]


def test_a_mark_that_does_not_tell_masters_apart_makes_nothing_nobodys() -> None:
    looks = Looks().take([STRAY], REST, sole=False).take([STRAY], REST, sole=False)
    assert looks.said(REST) == [("c-9", "unknown", "other_masters")]


def test_what_has_no_mark_of_ours_is_not_ours_and_a_strangers_is_not_shown() -> None:
    theirs = Listed("web-1", mark="web-1", ours=False)
    named = Listed("c-9", mark="m-1", ours=False)
    looks = Looks().take([theirs, named], REST).take([theirs, named], REST)
    assert looks.said(REST) == [("c-9", "unknown", "no_mark")]


def test_an_entry_of_the_ledger_names_it_and_a_worker_that_has_it_now_comes_first() -> None:
    entry = Open(5, 1, "docker1", "DockerLatentWorker", "c-1", 60, cause="crash")
    looks = Looks(entry).take([C1], REST)
    (row,) = looks.rows(REST)
    assert (row.standing, row.orphan, row.episode) == ("in_ledger", 5, 60)
    (row,) = Looks(entry).take([C1], UP).rows(UP)
    assert (row.standing, row.orphan, row.episode) == ("up", 5, 70)


def test_an_entry_of_what_is_nobodys_says_so_at_once_after_a_restart_too() -> None:
    entry = Open(5, 1, "docker1", "DockerLatentWorker", "c-9", cause="nobodys")
    (row,) = Looks(entry).take([STRAY], REST).rows(REST)
    assert (row.standing, row.orphan) == ("nobodys", 5)


def test_an_entry_without_a_name_is_matched_by_the_list() -> None:
    entry = Open(5, 1, "docker1")
    (row,) = Looks(entry).take([STRAY], REST).rows(REST)
    assert (row.name, row.standing, row.orphan) == ("c-9", "in_ledger", 5)


def test_an_entry_that_no_list_has_is_shown_all_the_same() -> None:
    looks = Looks(Open(5, 1, "docker1", instance="c-8"), Open(6, 9, "gone1", "Class")).take(
        [], REST
    )
    assert [(r.name, r.worker, r.place, r.seen) for r in looks.rows(REST)] == [
        ("c-8", "docker1", TITLE, None),
        ("", "gone1", "Class", None),
    ]
    assert len({row.id(1) for row in looks.rows(REST)}) == 2


def test_missing_needs_two_looks_and_the_clouds_own_word() -> None:
    looks = Looks().take([], UP)
    assert looks.said(UP) == [("c-1", "up", None)]
    looks.take([], UP)
    assert looks.said(UP) == [("c-1", "up", None)], "a list that lacks it is no proof"
    looks.absent = {1: dataclasses.replace(looks.absent[1], gone=True)}
    assert looks.said(UP) == [("c-1", "missing", None)]
    again = dataclasses.replace(UP, life=8, names=("c-2",))
    assert looks.said(again) == [("c-2", "up", None)], "the next instance is another one"


@pytest.mark.parametrize("held", [NAMELESS, STOPPING, REST])
def test_only_what_is_up_and_has_a_name_can_be_missing(held: Held) -> None:
    assert Looks().take([], held).take([], held).absent == {}


def test_a_worker_that_came_up_while_the_cloud_was_asked_is_not_missing() -> None:
    assert Looks().take([], REST, UP).absent == {}
    assert Looks().take([Listed("x", mark="c-1")], UP).absent == {}, "listed by its other name"


def test_workers_of_one_machine_are_one_instance() -> None:
    one = dataclasses.replace(UP, names=("box",), place=None)
    other = dataclasses.replace(one, workerid=2, name="second")
    assert [row.name for row in Looks().take([], REST).rows(one, other)] == ["box"]


def test_two_masters_with_one_hash_are_seen() -> None:
    assert not same_mark("here:/a", ["here:/a", "there:/b"])
    # found by trying: the first six digits of their hashes are the same
    assert same_mark("m873", ["m873", "m6081"])


@pytest.mark.parametrize(
    ("standing", "name", "can", "why"),
    [
        ("up", "c-1", True, "healthy"),
        ("starting", "c-1", True, "starting"),
        ("stopping", "c-1", True, "stopping"),
        ("missing", "c-1", True, "gone"),
        ("unknown", "c-1", True, "seen_once"),
        ("nobodys", "c-1", True, None),
        ("in_ledger", "c-1", True, None),
        ("in_ledger", "", True, "no_name"),
        ("nobodys", "c-1", False, "not_offered"),
    ],
)
def test_what_can_be_ended(standing: str, name: str, can: bool, why: str | None) -> None:
    row = Row(TITLE, name, "up", standing, why="seen_once" if standing == "unknown" else None)
    assert why_not_endable(row, can) == why


def test_an_id_is_the_same_before_and_after_its_cloud_was_asked() -> None:
    """Of an entry the place is known by its class only, until a census has found the instance."""
    entry = Open(5, 1, "docker1", "DockerLatentWorker", "c-1", cause="crash")
    (before,) = told_apart([row for row in rows([], Picture([], [entry]), {}, {}, {}) if row])
    looks = Looks(entry).take([C1], REST)
    (after,) = told_apart([row for row in looks.rows(REST) if row.name == "c-1"])
    assert before.place != after.place
    assert before.id(1) == after.id(1)


def test_two_places_that_use_one_name_have_two_ids_and_neither_is_that_of_one_alone() -> None:
    here, there = Row("here", "c-1", "up", "up"), Row("there", "c-1", "up", "nobodys")
    other = Row("here", "c-2", "up", "up")
    found = told_apart([here, there, other])
    assert len({here.id(1), *(row.id(1) for row in found)}) == 4
    assert found[2] == other


def test_an_id_is_safe_in_an_address_and_belongs_to_master_and_name() -> None:
    row = Row(TITLE, "a/b ?", "up", "up")
    assert row.id(3).startswith("3-")
    assert row.id(3).replace("-", "").isalnum()
    assert row.id(3) != dataclasses.replace(row, name="another").id(3)
    assert row.id(3) == dataclasses.replace(row, standing="nobodys", seen=5.0).id(3)
