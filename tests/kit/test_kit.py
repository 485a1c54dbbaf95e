"""The kit, tried on drivers that are known: it must see what they keep and what they break."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildbot_lifecycle.demo.processes import kill_marked, marked
from buildbot_lifecycle.demo.workers import MARK
from buildbot_lifecycle.testing import Driver, Finding, Report, check
from buildbot_lifecycle.testing.report import RULES
from buildbot_lifecycle.testing.scenarios import SCENARIOS
from tests.harness.master import ROOT
from tests.harness.sshd import Sshd
from tests.kit.engine import Engine
from tests.ssh.conftest import make_sshd, sshd

__all__ = ["make_sshd", "sshd"]

pytestmark = pytest.mark.master


def test_every_rule_is_looked_at_by_one_scenario() -> None:
    shown = [rule for rules, _ in SCENARIOS.values() for rule in rules]
    assert sorted(shown) == sorted(RULES)


def test_every_rule_is_documented_as_it_is() -> None:
    page = (ROOT / "docs" / "writing-workers.md").read_text(encoding="utf-8")
    for rule, demand in RULES.items():
        assert f"| `{rule}` | {demand} |" in page.replace(
            "`stop_instance`", "stop_instance"
        ).replace("`kill -9`", "kill -9")


def test_a_report_says_what_is_broken_in_a_table_and_to_a_program() -> None:
    findings = [
        Finding("starts", True, "the build was done after 3 s"),
        Finding("gone", False, "instances left: 1; " * 10),
        Finding("loss is mended", None, "the kit was not told: kill"),
    ]
    report = Report("Mine('kit')", findings)
    assert report.broken == ["gone"]
    assert not report.ok
    assert Report("Mine('kit')", findings[::2]).ok
    lines = report.text(width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[4].split() == [
        "starts",
        "kept",
        *["the", "build", "was", "done", "after", "3", "s"],
    ]
    assert "BROKEN" in lines[5]


def test_a_rule_that_there_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        check(Driver("x"), rules=["no such rule"])


def demo(tmp_path: Path, kind: str, **arguments: object) -> Driver:
    directory = str(tmp_path / "instance")
    values = {"build_wait_timeout": 0, "instance_dir": directory, **arguments}
    return Driver(
        f"workers.{kind}('kit', **{values!r})",
        setup="from buildbot_lifecycle.demo import workers",
        instances=lambda: len(marked(MARK, directory)),
        seconds=15,
    )


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        ("SurvivesStop", ["gone", "stays away", "master stops"]),
        ("RaisingStop", ["stop ends"]),
    ],
)
def test_what_a_bad_driver_breaks_is_seen(tmp_path: Path, kind: str, broken: list[str]) -> None:
    driver = demo(tmp_path, kind)
    try:
        report = check(driver, rules=["starts"])
    finally:
        kill_marked(MARK, str(tmp_path / "instance"))
    assert report.broken[0] == broken[0]
    assert set(broken) <= set(report.broken), report.text()


@pytest.mark.slow
def test_our_ssh_worker_keeps_every_rule(sshd: Sshd) -> None:
    def send(number: int) -> None:
        for pid in sshd.instances():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    @contextlib.contextmanager
    def hang() -> Iterator[None]:
        send(signal.SIGSTOP)
        sshd.freeze()
        yield
        sshd.thaw()
        send(signal.SIGCONT)

    short = {"connect_timeout": 10, "ask_timeout": 1, "term_timeout": 3, "kill_timeout": 3}
    report = check(
        Driver(
            sshd.worker("kit", hidden=True, build_wait_timeout=3, **short),
            instances=lambda: len(sshd.workers()),
            hang=hang,
            kill=lambda: send(signal.SIGKILL),
            freeze=lambda: send(signal.SIGSTOP),
            refused=sshd.worker("kit", hidden=True, python="/no/such/python", **short),
            title="SSHLatentWorker",
        )
    )
    print(report.text())  # noqa: T201 - what docs/ssh-worker shows
    assert [f.rule for f in report.findings if not f.kept] == [], report.text()
    # the stop that nothing answered said so, and did not claim anything
    assert "NotKnownToBeGone" in report.finding("hang is not hidden").seen or (
        "may still run" in report.finding("hang is not hidden").seen
    )


@pytest.mark.slow
def test_buildbots_own_docker_driver_without_its_daemon(tmp_path: Path) -> None:
    """What it keeps and what it breaks in 4.3; when that changes, the docs have to."""
    engine = Engine(tmp_path)

    def docker(image: str) -> str:
        return (
            f"worker.DockerLatentWorker('kit', 'pw', 'tcp://127.0.0.1:{engine.port}',"
            f" image='{image}', masterFQDN='127.0.0.1', build_wait_timeout=3)"
        )

    try:
        report = check(
            Driver(
                docker("worker"),
                instances=lambda: len(engine.running()),
                hang=engine.hang,
                kill=lambda: engine.signal(signal.SIGKILL),
                freeze=lambda: engine.signal(signal.SIGSTOP),
                refused=docker("no-such-image"),
                seconds=12,
                title="DockerLatentWorker (Buildbot 4.3.0)",
            )
        )
    finally:
        engine.close()
    print(report.text())  # noqa: T201 - what docs/writing-workers shows
    assert report.finding("starts").kept
    assert report.finding("gone").kept
    assert "hung master stops" in report.broken, report.text()
