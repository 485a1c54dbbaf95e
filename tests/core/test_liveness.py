"""Other masters live or not by heartbeats that change: what their clocks say is of no account."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core import liveness
from buildbot_lifecycle.core.liveness import LONE, SHARED, Beat, Pace, Pulse


@dataclasses.dataclass
class Other:
    """A master whose clock differs, and one that looks at it; seconds are true ones."""

    ahead: float = 0.0
    pace: Pace = SHARED
    true: float = 1_000_000.0
    phase: float = 0.0
    stopped_at: float | None = None
    pulses: tuple[Pulse, ...] = ()
    incarnation: int = 1

    @property
    def heartbeat(self) -> float:
        until = self.true if self.stopped_at is None else self.stopped_at
        whole = (until - self.phase) // self.pace.beat * self.pace.beat
        return whole + self.phase + self.ahead

    def look(self, passed: float | None = None, own_clock: float = 0.0) -> Pulse:
        passed = self.pace.look if passed is None else passed
        self.true += passed
        beat = Beat(2, self.incarnation, self.heartbeat, ended=False)
        self.pulses = liveness.see(self.pulses, [beat], passed, self.true + own_clock, self.pace)
        return self.pulses[0]

    def looks(self, seconds: float) -> Pulse:
        found = self.look()
        for _ in range(math.ceil(seconds / self.pace.look)):
            found = self.look()
        return found

    def dies(self) -> float:
        """Seconds from its last moment until it is told dead."""
        self.stopped_at = self.true
        while not liveness.is_dead(self.look(), self.pace):
            assert self.true - self.stopped_at < 100 * self.pace.beat
        return self.true - self.stopped_at


CLOCKS = [0.0, -90.0, 60.0, -3600.0, 3600.0, 1e7]


@pytest.mark.parametrize("ahead", CLOCKS)
def test_a_master_whose_clock_differs_lives_as_long_as_its_heartbeat_changes(ahead: float) -> None:
    other = Other(ahead)
    for _ in range(100):
        assert liveness.is_live(other.look(), SHARED)


@given(st.sampled_from(CLOCKS), st.floats(0, 4.99), st.floats(0, 10))
def test_a_dead_master_is_told_within_twenty_seconds(
    ahead: float, phase: float, dies: float
) -> None:
    other = Other(ahead, phase=phase)
    other.looks(20 + dies)
    assert 10 <= other.dies() <= 20


def test_a_clock_that_is_set_kills_nobody_and_keeps_nobody_alive() -> None:
    other = Other()
    other.looks(60)
    for ahead in (3600.0, -3600.0):
        other.ahead = ahead
        for _ in range(20):
            assert liveness.is_live(other.look(), SHARED)
    assert other.dies() <= 20


def test_who_was_stopped_himself_has_not_seen_others_be_silent() -> None:
    other = Other()
    other.looks(20)
    other.stopped_at = other.true  # a database that stood still for both of them
    assert not liveness.is_dead(other.look(passed=600.0), SHARED)


def test_one_that_is_met_first_has_the_benefit_of_the_doubt_and_no_longer() -> None:
    other = Other(stopped_at=5000.0)
    first = other.look()
    assert (liveness.is_live(first, SHARED), first.ahead_s) == (True, None)
    assert liveness.is_dead(other.looks(SHARED.silence), SHARED)


def test_a_new_process_of_the_same_master_is_met_anew() -> None:
    other = Other(stopped_at=5000.0)
    assert liveness.is_dead(other.looks(SHARED.silence), SHARED)
    other.incarnation = 2
    assert liveness.is_live(other.look(), SHARED)


def test_one_that_goes_on_after_all_lives() -> None:
    other = Other()
    other.looks(20)
    other.dies()
    other.stopped_at = None
    assert liveness.is_live(other.look(), SHARED)


def test_one_that_has_ended_is_neither_dead_nor_alive() -> None:
    pulse = Pulse(Beat(2, 1, 5.0, ended=True), silent=1000.0)
    assert not liveness.is_live(pulse, SHARED)
    assert not liveness.is_dead(pulse, SHARED)


def test_one_that_is_gone_from_the_table_is_forgotten() -> None:
    assert liveness.see([Pulse(Beat(2, 1, 5.0, ended=False))], [], 2.0, 100.0, SHARED) == ()


@given(st.sampled_from(CLOCKS), st.floats(0, 4.99))
def test_the_difference_of_the_clocks_is_known_to_a_second_or_so(
    ahead: float, phase: float
) -> None:
    other = Other(ahead, phase=phase)
    found = other.looks(60).ahead_s
    assert found is not None
    assert ahead - 1.1 <= found <= ahead + 0.001


def test_a_clock_that_is_set_is_seen_at_the_next_heartbeats() -> None:
    for ahead in (30.0, -30.0):
        other = Other()
        other.looks(60)
        other.ahead = ahead
        found = other.looks(10).ahead_s
        assert found == pytest.approx(ahead, abs=SHARED.look + 0.1)


def test_on_sqlite_three_missed_heartbeats_are_a_minute() -> None:
    other = Other(pace=LONE)
    other.looks(100)
    assert LONE.silence - LONE.beat <= other.dies() <= LONE.silence + 2 * LONE.look
