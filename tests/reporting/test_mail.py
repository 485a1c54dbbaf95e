"""A real mail server and MailNotifier: what is delivered. The example of the docs as a configuration."""

from __future__ import annotations

import email
import email.policy
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from buildbot.config.errors import ConfigErrors
from buildbot.config.master import FileLoader
from buildbot.plugins import reporters

from buildbot_lifecycle.host import configurations
from buildbot_lifecycle.reporting.generator import LatentWorkerGenerator, _report
from buildbot_lifecycle.reporting.message import LatentWorkerFormatter
from buildbot_lifecycle.reporting.texts import EXAMPLE
from tests.harness.ports import free_port
from tests.harness.spin import spin
from tests.reporting.test_generator import MASTER, reporter_of, said
from tests.test_docs import PAGES, blocks, rows, section

_CONFIG = """
from buildbot.plugins import util
c = BuildmasterConfig = {
    "protocols": {"pb": {"port": 0}},
    "buildbotNetUsageData": None,
    "services": [util.LifecycleService()],
    "multiMaster": True,  # so that it needs no workers
    "workers": [],
    "builders": [],
}
"""


class Mailbox:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((mail, envelope.rcpt_tos))
        return "250 OK"


@pytest.fixture
def server() -> Iterator[Any]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield SimpleNamespace(mails=box.mails, port=port)
    controller.stop()


def send(port: int, things: Any, template_type: str) -> None:
    notifier = reporter_of(
        reporters.MailNotifier,
        fromaddr="b@example.org",
        relayhost="127.0.0.1",
        smtpPort=port,
        smtpUser=None,
        smtpPassword=None,
        useTls=False,
        useSmtps=False,
        dumpMailsToLog=False,
        extraRecipients=["o@example.org"],
        sendToInterestedUsers=False,
        lookup=None,
        extraHeaders=None,
    )

    async def run() -> None:
        message = await LatentWorkerFormatter(template_type=template_type).format(
            MASTER, things, 0.0
        )
        await notifier.sendMessage([_report(message)])

    spin(run())


@pytest.mark.parametrize("template_type", ["plain", "html"])
def test_a_mail_server_gets_one_that_it_is_stuck_and_one_that_it_is_over(
    server: Any, template_type: str
) -> None:
    stuck = {**EXAMPLE["stuck"][0], "worker": "böse-1"}
    send(server.port, said(stuck=[stuck]), template_type)
    send(server.port, said(resolved=EXAMPLE["resolved"]), template_type)
    first, second = (mail for mail, _ in server.mails)
    assert [receivers for _, receivers in server.mails] == [["o@example.org"]] * 2
    assert first["Subject"] == "Buildbot Builds: böse-1 is stuck"
    assert second["Subject"] == "Buildbot Builds: example is no longer stuck"
    assert first.get_content_subtype() == template_type
    assert "böse-1" in first.get_content()
    assert "stop_instance has not ended" in first.get_content()


def checked(text: str, directory: Path) -> list[str]:
    """What is wrong with a configuration, as `buildbot checkconfig` finds it."""
    (directory / "master.cfg").write_text(_CONFIG + text, encoding="utf-8")
    try:
        FileLoader(str(directory), "master.cfg").loadConfig()
    except ConfigErrors as errors:
        found: list[str] = errors.errors
        return found
    return []


@pytest.mark.parametrize("text", blocks(PAGES["notifications"], "python"))
def test_the_example_of_the_docs_is_a_right_configuration(text: str, tmp_path: Path) -> None:
    assert checked(text, tmp_path) == []


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    text = blocks(PAGES["notifications"], "python")[0]
    wrong = text.replace('["docker-*", "ec2-*"]', '"docker-[a"').replace(
        'template_type="html"', 'template="{{ no }}"'
    )
    found = checked(wrong, tmp_path)
    assert any("LatentWorkerGenerator: workers: the name pattern 'docker-[a'" in e for e in found)
    assert any("LatentWorkerFormatter: template uses no, which it is" in e for e in found)


def test_every_argument_is_documented_with_its_default() -> None:
    parameters = inspect.signature(LatentWorkerGenerator.__init__).parameters.values()
    defaults = {
        each.name: repr(each.default).replace("'", '"')
        for each in parameters
        if each.default is not inspect.Parameter.empty
    }
    table = rows(section(PAGES["notifications"], "Arguments"))
    assert {cells[0].strip("`"): cells[1].strip("`") for cells in table} == defaults


_WORKERS = """
from buildbot.plugins import reporters, worker
from buildbot_lifecycle.demo.workers import Healthy
c["multiMaster"] = {others}
c["services"] += [
    util.LifecycleService(metrics_workers=["docker-*", "ec-*"]),
    reporters.MailNotifier(
        fromaddr="b@example.org",
        generators=[reporters.LatentWorkerGenerator(workers=["docker-?", "dokcer-*", "plain"])],
    ),
]
del c["services"][0]
# after the reporter, as it may be
c["workers"] = [Healthy(f"docker-{{n}}") for n in range(7)] + [worker.Worker("plain", "p")]
"""


def of_patterns(found: list[str]) -> list[str]:
    return [each for each in found if "matches no latent worker" in each]


def test_a_pattern_that_matches_no_worker_is_named_by_checkconfig(tmp_path: Path) -> None:
    there = "(docker-0, docker-1, docker-2, docker-3, docker-4, ...)"
    what = "matches no latent worker of this configuration"
    assert of_patterns(checked(_WORKERS.format(others=False), tmp_path)) == [
        f"LifecycleService: metrics_workers: the name pattern 'ec-*' {what} {there}",
        f"LatentWorkerGenerator: workers: the name pattern 'dokcer-*' {what} {there}",
        f"LatentWorkerGenerator: workers: the name pattern 'plain' {what} {there}",
    ]


def test_one_of_several_masters_may_be_configured_for_the_workers_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(configurations, "log_lines", lines.extend)
    assert of_patterns(checked(_WORKERS.format(others=True), tmp_path)) == []
    assert len(of_patterns(lines)) == 3
