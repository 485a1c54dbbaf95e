"""The one bound of a stop."""

from __future__ import annotations

from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.stops import DATABASE_SECONDS, bound

DEFAULTS = Settings()


def test_the_default_keeps_systemds_ninety_seconds_with_some_to_spare() -> None:
    found = bound(1000.0, DEFAULTS.shutdown_limit, DEFAULTS.shutdown_grace)
    assert found.gone_at - 1000 == 75
    assert found.release_at < found.leave_at < found.gone_at


def test_all_is_released_early_enough_for_both_rungs_of_the_ladder() -> None:
    found = bound(0.0, 75.0, 5.0)
    assert found.leave_at - found.release_at > 2 * 2.0 + 1.0


def test_a_short_limit_is_kept_too_and_leaves_time_for_both() -> None:
    found = bound(0.0, 4.0, 5.0)
    assert (found.release_at, found.leave_at, found.gone_at) == (2.0, 3.0, 4.0)


def test_a_database_that_does_not_answer_is_waited_for_for_the_grace_and_thirty_seconds_at_most() -> (
    None
):
    found = bound(1000.0, 600.0, 5.0, database_since=900.0)
    assert found.gone_at == 1000 + 5 + DATABASE_SECONDS <= 1000 + 5 + 30


def test_a_database_that_fails_while_the_master_stops_gets_that_time_from_then_on() -> None:
    assert bound(1000.0, 600.0, 5.0, database_since=1010.0).gone_at == 1010 + 5 + DATABASE_SECONDS


def test_a_database_that_fails_late_does_not_lengthen_the_limit() -> None:
    assert bound(1000.0, 75.0, 5.0, database_since=1070.0).gone_at == 1075
