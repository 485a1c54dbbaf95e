"""Steady time: what this process has waited for, whatever becomes of the wall clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.steady import (
    GAP_SECONDS,
    JUMP_SECONDS,
    SETTLE_SECONDS,
    Gap,
    Jump,
    Steady,
)

NOW = 1_700_000_000.0
HOUR = 3600.0


class Clocks:
    """Both clocks of a machine, and steady time read off them twice a second while the process runs."""

    def __init__(self) -> None:
        self.raw, self.offset = 1000.0, NOW - 1000.0
        self.steady = Steady(self.raw, self.wall)

    @property
    def wall(self) -> float:
        return self.raw + self.offset

    @property
    def now(self) -> float:
        return self.steady.now(self.raw)

    def run(self, seconds: float) -> None:
        end = self.raw + seconds
        while self.raw < end:
            self.raw = min(end, self.raw + 0.5)
            self.steady.compare(self.raw, self.wall)

    def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        self.raw += seconds

    def set(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.offset += seconds

    def told(self) -> list[Jump | Gap]:
        news, self.steady.news = self.steady.news, []
        return news

    def is_wall(self) -> bool:
        return self.steady.reckoning(self.now) == pytest.approx(self.wall, abs=0.1)


def test_without_a_jump_steady_time_is_the_wall_clock():
    clocks = Clocks()
    clocks.run(100)
    assert clocks.now == clocks.wall
    assert clocks.steady.reckoning.is_identity
    assert not clocks.told()


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_is_in_no_age_and_is_told(jump):
    clocks = Clocks()
    clocks.run(10)
    began = clocks.now
    clocks.set(jump)
    clocks.run(10)
    assert clocks.now - began == pytest.approx(10)
    [told] = clocks.told()
    assert isinstance(told, Jump)
    assert told.seconds == pytest.approx(jump)
    assert clocks.is_wall()
    # a time from before the jump is told by the clock as it goes now: no duration is negative
    assert clocks.steady.reckoning(began) == pytest.approx(clocks.wall - 10)


def test_a_small_correction_of_the_wall_clock_is_taken_over_and_not_told():
    clocks = Clocks()
    clocks.set(JUMP_SECONDS - 0.5)
    clocks.run(1)
    assert clocks.is_wall()
    assert not clocks.told()


def test_a_process_that_was_stopped_counts_none_of_it_and_settles_after_it():
    clocks = Clocks()
    clocks.run(10)
    before, wall_before = clocks.now, clocks.wall
    clocks.stop(600)
    after = clocks.now
    assert 0 < after - before < 0.1
    assert clocks.steady.settles_until == pytest.approx(after + SETTLE_SECONDS, abs=0.1)
    [told] = clocks.told()
    assert isinstance(told, Gap)
    assert told.seconds == 600
    # but what was before it was then, and what is after it is now
    assert clocks.steady.reckoning(before) == wall_before
    assert clocks.is_wall()


def test_a_look_that_is_late_on_a_busy_machine_is_no_gap():
    clocks = Clocks()
    clocks.stop(GAP_SECONDS)
    assert clocks.now == clocks.wall
    assert not clocks.told()


def test_a_time_of_the_wall_clock_is_turned_into_steady_time():
    clocks = Clocks()
    clocks.run(10)
    early, early_wall = clocks.now, clocks.wall
    clocks.run(10)
    clocks.stop(600)
    clocks.run(10)
    clocks.set(HOUR)
    clocks.run(10)
    late, late_wall = clocks.now, clocks.wall
    clocks.set(-2 * HOUR)
    clocks.run(10)
    for at, wall in ((early, early_wall), (late, late_wall), (clocks.now, clocks.wall)):
        assert clocks.steady.before(wall) == pytest.approx(at, abs=1)
    # a timer of the reactor's comes when the wall clock says so, by all that is known now
    assert clocks.steady.ahead(clocks.wall + 60) == pytest.approx(clocks.now + 60)


def test_a_time_in_which_nobody_looked_is_that_of_the_gap():
    clocks = Clocks()
    clocks.run(10)
    before, wall = clocks.now, clocks.wall
    clocks.stop(600)
    clocks.run(10)
    assert clocks.steady.before(wall + 300) == pytest.approx(before, abs=0.1)


_STEP = st.one_of(
    st.tuples(st.just("run"), st.floats(0, 20)),
    st.tuples(st.just("stop"), st.floats(0, 5000)),
    st.tuples(st.just("set"), st.floats(-5000, 5000)),
)


@given(st.lists(_STEP, max_size=12))
def test_whatever_happens_it_never_goes_back_and_ends_at_the_wall_clock(steps):
    clocks = Clocks()
    ran, began, last = 0.0, clocks.now, clocks.now
    seen = [last]
    for what, seconds in steps:
        getattr(clocks, what)(seconds)
        ran += seconds if what == "run" or (seconds <= GAP_SECONDS and what == "stop") else 0.0
        assert clocks.now >= last
        last = clocks.now
        seen.append(last)
    clocks.run(1)
    assert clocks.is_wall()
    told = [clocks.steady.reckoning(at) for at in seen]
    assert told == sorted(told)
    # stops that came one after the other, with no look between them, may be a gap together
    assert clocks.now - began <= ran + 1 + 0.1 * len(steps)
