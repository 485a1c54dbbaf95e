"""Metrics of a real master, looked at by Prometheus' own tools, and by Prometheus itself."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import ROOT, RealMaster, worker
from tests.harness.prometheus import Prometheus
from tests.harness.waiting import wait_until
from tests.master.support import LIFECYCLE, force, get_stuck

pytestmark = pytest.mark.master

MONITORING = ROOT / "docs" / "monitoring"
TOKEN = "a-token-of-a-test-1234"
PATH = "/plugins/lifecycle/metrics"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OPEN = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def master(make_master: MakeMaster) -> RealMaster:
    """One worker has had a build, one is stuck in its stop."""
    settings = {**LIFECYCLE, "metrics_token": TOKEN, "metrics_workers": "stu*"}
    workers = [
        worker("Healthy", "healthy", build_wait_timeout=0),
        worker("StuckStopDeferred", "stuck"),
    ]
    made = make_master(workers, lifecycle=settings)
    made.build("healthy")
    made.wait_worker("healthy", state="not_substantiated")
    made.force_build("stuck")
    get_stuck(made, "stuck")
    return made


def text(master: RealMaster, path: str = PATH, **headers: str) -> str:
    return master.get(path, headers={**BEARER, **headers}).ok().text


def value(found: str, series: str) -> float:
    """The value of the one series whose line begins so."""
    lines = [line for line in found.splitlines() if line.startswith(f"{series} ")]
    assert len(lines) == 1, found
    return float(lines[0].rpartition(" ")[2])


def expressions() -> Iterator[str]:
    """Every query of the dashboard."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "1m").replace("$job", "buildbot")


def names(path: Path) -> set[str]:
    """Our metrics that a file names, without the endings of histograms."""
    found = set(re.findall(r"\bbuildbot_lifecycle_\w+", path.read_text(encoding="utf-8")))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in found}


def test_what_is_told_of_a_stuck_worker_rights_and_forms(
    master: RealMaster, tmp_path: Path
) -> None:
    # rights: the token, and nothing else
    refused = master.get(PATH)
    assert (refused.status, refused.json["code"]) == (401, "no_token")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="metrics"'
    wrong = master.get(PATH, headers={"Authorization": "Bearer wrong"})
    assert (wrong.status, wrong.json["code"]) == (401, "wrong_token")
    assert TOKEN not in master.log()

    found = text(master)
    kind = 'class="StuckStopDeferred"'
    prefix = "buildbot_lifecycle"
    series = f'{prefix}_workers{{{kind},level="stuck",state="insubstantiating"}}'
    assert value(found, series) == 1
    assert value(found, f"{prefix}_wait_seconds{{{kind}}}") >= 2
    assert value(found, f'{prefix}_worker_stuck{{{kind},worker="stuck"}}') == 1
    assert 'worker="healthy"' not in found
    assert value(found, f'{prefix}_stuck_total{{{kind},verdict="stop_pending"}}') == 1
    healthy = 'class="Healthy",outcome="ok"'
    for name in ("start", "connect", "life", "stop"):
        assert value(found, f"{prefix}_{name}_seconds_count{{{healthy}}}") == 1
    assert value(found, f"{prefix}_recorder_behind") == 0
    assert re.search(rf'{prefix}_build_info{{buildbot="4\.', found)

    # below the API too, and in OpenMetrics
    assert f"{prefix}_workers" in text(master, "/plugins/lifecycle/api/v1/metrics")
    assert text(master, Accept=OPEN).endswith("# EOF\n")

    # docs/monitoring names each metric and no other; alerts and dashboard use none that is not there
    there = set(re.findall(r"^# TYPE (\w+) \w+$", found, re.MULTILINE))
    assert names(ROOT / "docs" / "monitoring.md") == there
    assert names(MONITORING / "alerts.yml") <= there
    assert names(MONITORING / "dashboard.json") <= there

    # by Prometheus' own rules for names and units, nothing is wrong
    lint = subprocess.run(
        ["promtool", "check", "metrics"], input=found, capture_output=True, text=True, check=False
    )
    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")

    # a real Prometheus with the rules that are shipped
    with Prometheus(
        tmp_path / "prometheus",
        port=master.port,
        path=PATH,
        token=TOKEN,
        rules=MONITORING / "alerts.yml",
    ) as prometheus:
        wait_until(lambda: prometheus.firing("LatentWorkerStuck"), 30, "the alert to fire")
        (labels,) = prometheus.firing("LatentWorkerStuck")
        assert labels["class"] == "StuckStopDeferred"
        assert labels["severity"] == "critical"
        for expression in expressions():
            prometheus.query(expression)
        asked = prometheus.query('sum(buildbot_lifecycle_workers{level="stuck"})')
        assert asked[0]["value"][1] == "1"

        force(master, "stuck")
        wait_until(lambda: not prometheus.firing("LatentWorkerStuck"), 30, "the alert to resolve")

    after = text(master)
    acted = 'action="force-disconnect",actor_kind="anonymous",outcome="done"'
    assert value(after, f"{prefix}_actions_total{{{acted}}}") == 1
    assert value(after, f"{prefix}_orphans_open") == 1
    assert value(after, f"{prefix}_orphans_oldest_age_seconds") > 0


def test_the_rules_that_are_shipped_do_what_their_tests_say() -> None:
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            ["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
