"""The gauges of one moment: how many workers are how, how long the worst one waits."""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict
from buildbot_lifecycle.metrics import present
from buildbot_lifecycle.metrics.present import Counting, Present, Recorded, Seen

NOW = 1_000.0
STUCK = Verdict("stuck", "stop_pending", "", since=NOW - 700, threshold_s=600.0)
SLOW = Verdict("slow", "stop_pending", "", since=NOW - 900, threshold_s=1200.0)
FOR_EVER = Verdict("ok", "idle", "", since=NOW - 9_000, threshold_s=None)

QUIET = Present(
    now=NOW,
    counts={},
    worst={},
    single=(),
    orphans=(),
    recorded=Recorded(queued=0, lag=0.0, written=10, dropped=0, gaps=0, errors=0, is_behind=False),
    build={"version": "1", "buildbot": "4.3.0"},
)


def seen(verdict: Verdict, name: str = "w", class_name: str = "Docker") -> Seen:
    return Seen(name, class_name, "insubstantiating", verdict)


def counted(*workers: Seen) -> Counting:
    counting = Counting(NOW)
    for worker in workers:
        counting.add(worker)
    return counting


def samples(now: Present) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("buildbot_lifecycle_"), *sample.labels.values()): sample.value
        for family in present.collect(now)
        for sample in family.samples
    }


def test_workers_are_counted_by_state_level_and_class() -> None:
    counting = counted(seen(STUCK), seen(STUCK), seen(HEALTHY), seen(HEALTHY, class_name="EC2"))
    found = samples(dataclasses.replace(QUIET, counts=counting.counts, worst=counting.worst))
    assert found["workers", "insubstantiating", "stuck", "Docker"] == 2
    assert found["workers", "insubstantiating", "ok", "Docker"] == 1
    assert found["workers", "insubstantiating", "ok", "EC2"] == 1


def test_the_wait_of_a_class_is_that_of_its_worst_worker_not_the_longest() -> None:
    assert counted(seen(SLOW), seen(STUCK), seen(HEALTHY)).worst == {"Docker": 700.0}


def test_of_two_that_are_equally_bad_the_longer_wait_is_told() -> None:
    longer = dataclasses.replace(STUCK, since=NOW - 5_000)
    assert counted(seen(STUCK), seen(longer), seen(STUCK)).worst == {"Docker": 5_000.0}


def test_what_has_no_limit_is_no_wait() -> None:
    assert counted(seen(FOR_EVER)).worst == {"Docker": 0.0}


def test_single_workers_have_series_only_where_that_is_asked_for() -> None:
    assert not any(name.startswith("worker_") for name, *_ in samples(QUIET))
    found = samples(dataclasses.replace(QUIET, single=(seen(STUCK, "a"), seen(HEALTHY, "b"))))
    assert found["worker_stuck", "a", "Docker"] == 1.0
    assert found["worker_stuck", "b", "Docker"] == 0.0
    assert found["worker_wait_seconds", "a", "Docker"] == 700.0
    assert found["worker_wait_seconds", "b", "Docker"] == 0.0


def test_the_ledger_is_told_by_number_and_by_the_age_of_its_oldest_entry() -> None:
    found = samples(dataclasses.replace(QUIET, orphans=(NOW - 60, NOW - 86_400, NOW - 5)))
    assert found["orphans_open",] == 3
    assert found["orphans_oldest_age_seconds",] == 86_400.0
    assert samples(QUIET)["orphans_oldest_age_seconds",] == 0.0


def test_the_recording_is_told() -> None:
    recorded = Recorded(queued=5, lag=30.0, written=10, dropped=2, gaps=1, errors=4, is_behind=True)
    found = samples(dataclasses.replace(QUIET, recorded=recorded))
    assert found["recorder_queued_events",] == 5
    assert found["recorder_lag_seconds",] == 30.0
    assert found["recorder_behind",] == 1.0
    assert found["recorder_written_events_total",] == 10
    assert found["recorder_dropped_events_total",] == 2
    assert found["recorder_gaps_total",] == 1
    assert found["hook_errors_total",] == 4
    assert found["build_info", "1", "4.3.0"] == 1
