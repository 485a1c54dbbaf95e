"""Mails as a real mail server gets them from a real master."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import sqlite3
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from buildbot_lifecycle.reporting.memory import Memory, unpacked
from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.harness.ports import free_port
from tests.harness.waiting import wait_until
from tests.master.support import FEW_SECONDS, LIFECYCLE, get_stuck

pytestmark = pytest.mark.master

_NOTIFIER = """
from buildbot.plugins import reporters
c['buildbotURL'] = 'http://ci.example/'
c['services'].append(reporters.MailNotifier(
    fromaddr='buildbot@example.org',
    relayhost='127.0.0.1',
    smtpPort={port},
    sendToInterestedUsers=False,
    extraRecipients=['operators@example.org'],
    generators=[reporters.LatentWorkerGenerator(workers='stuck-*', gather=1)],
))
"""


class Mailbox:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(envelope.rcpt_tos)
        return "250 OK"

    def wait(self, number: int) -> EmailMessage:
        wait_until(lambda: len(self.mails) >= number, 30, f"mail number {number}")
        return self.mails[number - 1]


@pytest.fixture
def server() -> Iterator[tuple[Mailbox, int]]:
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield mailbox, port
    controller.stop()


def kept(master: RealMaster) -> Memory:
    """What the master has written down of what it told."""
    with contextlib.closing(sqlite3.connect(master.basedir / "state.sqlite", timeout=30)) as found:
        ((value,),) = found.execute(
            "select value_json from object_state where name like 'LatentWorkerGenerator%'"
        )
    return unpacked(json.loads(value))


def test_one_mail_says_that_it_is_stuck_one_that_it_is_over_and_a_restart_repeats_neither(
    make_master: MakeMaster, server: tuple[Mailbox, int], tmp_path: Path
) -> None:
    mailbox, port = server
    ends = tmp_path / "ends"
    workers = [
        worker("StuckStopDeferred", name, release_file=ends) for name in ("stuck-1", "not-told")
    ]
    master = make_master(workers, lifecycle=LIFECYCLE, extra=_NOTIFIER.format(port=port))
    for name in ("stuck-1", "not-told"):
        master.force_build(name)
    seen = get_stuck(master, "stuck-1")
    get_stuck(master, "not-told")
    mail = mailbox.wait(1)
    assert mail["Subject"].endswith(": stuck-1 is stuck")
    assert mailbox.recipients[0] == ["operators@example.org"]
    text = mail.get_content()
    assert "stop_instance has not ended" in text
    assert f"Instance: {seen['instance']}" in text
    assert "It hangs in stop_instance:" in text
    link = f"http://ci.example/#/lifecycle/workers/{seen['workerid']}?masterid={seen['masterid']}"
    assert link in text
    assert "Force disconnect" in text

    ends.touch()
    master.wait_worker("stuck-1", state="not_substantiated", episode=None)
    assert mailbox.wait(2)["Subject"].endswith(": stuck-1 is no longer stuck")
    wait_until(lambda: not kept(master).stays, 30, "that it is written down as told")
    master.stop(FEW_SECONDS)
    ends.unlink()
    master.start()
    master.force_build("stuck-1")
    get_stuck(master, "stuck-1")
    mailbox.wait(3)
    subjects = [each["Subject"].partition(": ")[2] for each in mailbox.mails]
    assert subjects == ["stuck-1 is stuck", "stuck-1 is no longer stuck", "stuck-1 is stuck"]
