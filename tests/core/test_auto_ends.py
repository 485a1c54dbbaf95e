"""What may be ended without a person, and what is left alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from buildbot_lifecycle.core import auto_ends
from buildbot_lifecycle.core.auto_ends import LOOK_HOLDS, PROOF_HOLDS, Proven
from buildbot_lifecycle.core.census import STANDINGS, Row
from buildbot_lifecycle.core.settings import AutoEnd

NOW = 1_800_000_000.0

LEDGER = Row("here", "i-1", "up", "in_ledger", orphan=3, asker=7)
NOBODYS = dataclasses.replace(LEDGER, standing="nobodys", seen=NOW - 60)

#: What the cloud has said often enough.
THERE = Proven(2, NOW - 20)


def why_not(row: Row = LEDGER, proven: Proven = THERE) -> str | None:
    return auto_ends.why_not(row, "i-1", proven, NOW)


@pytest.mark.parametrize("row", [LEDGER, NOBODYS])
def test_what_is_there_for_nobody_may_be_ended(row: Row) -> None:
    assert why_not(row) is None


@pytest.mark.parametrize("standing", sorted(set(STANDINGS) - {"in_ledger", "nobodys"}))
def test_nothing_else_may(standing: str) -> None:
    assert why_not(dataclasses.replace(NOBODYS, standing=standing)) == "standing"


def test_what_has_no_name_is_left_alone() -> None:
    assert why_not(dataclasses.replace(LEDGER, name="")) == "no_name"


def test_what_the_cloud_was_asked_for_by_another_name_is_left_alone() -> None:
    assert why_not(dataclasses.replace(LEDGER, name="i-2")) == "no_name"


def test_an_entry_that_several_instances_may_be_of_is_of_none() -> None:
    other = dataclasses.replace(LEDGER, name="i-2", standing="up")
    alone = dataclasses.replace(LEDGER, name="i-4", orphan=4)
    nobodys = dataclasses.replace(LEDGER, name="i-5", orphan=None)
    assert auto_ends.by_entry([LEDGER, alone, other, nobodys, LEDGER]) == {4: alone}


@pytest.mark.parametrize("row", [LEDGER, NOBODYS])
@pytest.mark.parametrize(
    "proven", [Proven(), Proven(1, NOW), Proven(9, None), Proven(9, NOW - PROOF_HOLDS - 1)]
)
def test_the_cloud_must_have_said_twice_in_a_row_that_it_is_there_and_just_now(
    row: Row, proven: Proven
) -> None:
    assert why_not(row, proven) == "not_proven"


@pytest.mark.parametrize("seen", [None, NOW - LOOK_HOLDS - 1])
def test_that_it_is_nobodys_must_have_been_seen_lately(seen: Any) -> None:
    assert why_not(dataclasses.replace(NOBODYS, seen=seen)) == "old_look"
    assert why_not(dataclasses.replace(LEDGER, seen=seen)) is None


def test_an_entry_is_young_until_its_time_is_over() -> None:
    rule = AutoEnd(100)
    assert auto_ends.is_young(NOW, rule, NOW + 99)
    assert not auto_ends.is_young(NOW, rule, NOW + 100)
