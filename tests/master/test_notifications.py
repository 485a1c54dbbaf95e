"""What a real mail server and a real receiver by HTTP get from a real master."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from buildbot_lifecycle.reporting.memory import Memory, unpacked
from tests.clouds.stand_in import Asked, Said, StandIn
from tests.conftest import MakeMaster
from tests.harness.crowd import crowd
from tests.harness.irc import Irc
from tests.harness.master import ROOT, RealMaster, worker
from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until
from tests.master.support import FEW_SECONDS, LIFECYCLE, get_stuck

pytestmark = pytest.mark.master

#: As many as get stuck at once.
CROWD = 200

#: The page that shows the mails; with this in the environment they are written there.
PAGE = ROOT / "docs" / "notifications.md"
WRITE = "LIFECYCLE_WRITE_MAILS"

_NOTIFIERS = """
from buildbot.plugins import reporters
c['buildbotURL'] = 'http://ci.example/'
c['services'].append(reporters.MailNotifier(
    fromaddr='buildbot@example.org',
    relayhost='127.0.0.1',
    smtpPort={smtp},
    sendToInterestedUsers=False,
    extraRecipients=['operators@example.org'],
    generators=[
        reporters.LatentWorkerGenerator(workers='docker-*', gather=1, behind_after=1),
    ],
))
c['services'].append(reporters.HttpStatusPush(
    'http://127.0.0.1:{http}',
    name='http',
    generators=[reporters.LatentWorkerGenerator(
        workers='crowd-*',
        gather=2,
        message_formatter=reporters.LatentWorkerFormatter(template_type='json'),
    )],
))
"""


_BOTS = """
from buildbot.util.httpclientservice import HTTPSession


class Telegram(reporters.TelegramBot):
    def _get_http(self, token):
        return HTTPSession(self.master.httpservice, 'http://127.0.0.1:{telegram}/bot' + token)


c['services'] += [
    reporters.IRC('127.0.0.1', 'bot', channels=['#operators'], port={irc}),
    Telegram('123:abc', chat_ids=[-7]),
]
for bot, to in (('IRC', ['#operators']), ('TelegramBot', [-7])):
    c['services'].append(reporters.LatentWorkerBotPush(
        name=bot + '-push',
        bot=bot,
        to=to,
        generators=[reporters.LatentWorkerGenerator(workers='docker-*', gather=1)],
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

    def wait_for(self, text: str) -> None:
        wait_until(
            lambda: any(text in mail.get_content() for mail in self.mails), 30, f"a mail: {text}"
        )


class Receiver:
    """A program that is told by HTTP: it may be slow, and it may refuse."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.code = 200
        self.server = StandIn(self._answer)

    def _answer(self, _: Asked) -> Said:
        assert self.answers.wait(patient(60))
        return Said(self.code, {})

    @property
    def told(self) -> list[dict[str, int]]:
        """How many of what each message has told."""
        return [
            {what: number for what, number in asked.body["counts"].items() if number}
            for asked in self.server.asked
        ]

    def wait(self, number: int) -> None:
        wait_until(lambda: len(self.server.asked) >= number, 30, f"message number {number}")


class Bots:
    """A server of IRC, and one that answers as Telegram does."""

    def __init__(self) -> None:
        self.irc = Irc()
        self.texts: list[tuple[int, str]] = []
        self.telegram = StandIn(self._answer)

    def _answer(self, asked: Asked) -> Said:
        what = asked.path.removeprefix("/bot123:abc/")
        if what == "getUpdates":
            # a long poll, as by its own argument: nothing has come
            threading.Event().wait(0.5)
            return Said(200, {"ok": True, "result": []})
        if what == "sendMessage":
            self.texts.append((asked.body["chat_id"], asked.body["text"]))
        return Said(200, {"ok": True, "result": {"username": "bot"}})

    @property
    def config(self) -> str:
        return _BOTS.format(irc=self.irc.port, telegram=self.telegram.port)

    @property
    def told(self) -> list[list[str]]:
        """The first line of each message, by IRC and by Telegram."""
        begins = re.compile(r"docker-\d is (no longer )?stuck")
        by_irc = [text for channel, text in self.irc.said if channel == "#operators"]
        by_telegram = [text.partition("\n")[0] for chat, text in self.texts if chat == -7]
        return [
            [found[0] for text in texts if (found := begins.match(text))]
            for texts in (by_irc, by_telegram)
        ]


@pytest.fixture
def bots() -> Iterator[Bots]:
    made = Bots()
    yield made
    made.irc.close()
    made.telegram.close()


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield mailbox, port
    controller.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.answers.set()
    made.server.close()


def kept(master: RealMaster) -> dict[str, Memory]:
    """What the master has written down of what it told, by the patterns of the generator."""
    with contextlib.closing(sqlite3.connect(master.basedir / "state.sqlite", timeout=30)) as found:
        rows = found.execute(
            "select name, value_json from object_state where name like 'LatentWorkerGenerator%'"
        )
        return {name.partition("_")[2]: unpacked(json.loads(value)) for name, value in rows}


def counted(master: RealMaster, outcome: str) -> float:
    """How many messages of the receiver by HTTP the metrics have counted."""
    found = master.get("plugins/lifecycle/metrics").ok().text
    series = f'buildbot_lifecycle_notifications_total{{outcome="{outcome}",reporter="http"}} '
    return sum(
        float(line.removeprefix(series)) for line in found.splitlines() if line.startswith(series)
    )


def assert_that_behind_is_told(master: RealMaster, box: Mailbox, ends: Path) -> None:
    """A database that does not answer is told while it does not: somebody has it for himself."""
    database = master.basedir / "state.sqlite"
    with contextlib.closing(sqlite3.connect(database, timeout=patient(30))) as held:
        held.execute("begin exclusive")
        ends.touch()
        box.wait_for("Lifecycle events have not reached the database for")
        held.rollback()
    box.wait_for("Lifecycle events reach the database again, after")


def health(master: RealMaster) -> Any:
    """How the recording goes."""
    return master.api("health")["health"]


def hanging(master: RealMaster) -> int:
    """How many of the crowd are in their start."""
    asked = "workers?state=substantiating_starting&name__contains=crowd-&limit=1"
    return int(master.api(asked)["meta"]["total"])


def shown(mail: EmailMessage) -> str:
    """A mail as docs show it: what differs from run to run is what it was in one of them."""
    heads = "\n".join(f"{name}: {mail[name]}" for name in ("From", "To", "Subject"))
    text = f"{heads}\n\n{mail.get_content().strip()}\n"
    text = text.replace("\r\n", "\n")
    for what, instead in (
        (r"process-\d+", "docker-container-3f2a"),
        (r"\d+(\.\d+)? (s|min)\b", "12 min"),
        (r"\.py:\d+\)", ".py:118)"),
        (r"workers/\d+\?", "workers/7?"),
        (r"limit of 12 min", "limit of 10 min"),
        (r"Buildbot master\d+:", "Buildbot CI:"),
        (r"on \S+:/\S+\.$", "on ci.example:/var/lib/buildbot."),
    ):
        text = re.sub(what, instead, text, flags=re.MULTILINE)
    return text


def in_docs(mails: list[str]) -> None:
    """The mails stand in docs as they were received."""
    block = "\n".join(f"```text\n{mail}```\n" for mail in mails)
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition("<!-- mails -->\n")
    _, end, after = rest.partition("<!-- end of mails -->\n")
    assert begin
    assert end
    if os.environ.get(WRITE):
        rest = f"\n{block}\n{end}{after}"
        PAGE.write_text(f"{before}{begin}{rest}", encoding="utf-8")
    assert rest.partition(end)[0].strip() == block.strip(), f"write them anew by {WRITE}=1"


def assert_says_all(mail: EmailMessage, seen: Any) -> None:
    """Why, the instance, where it hangs, a link to the page, and what to do."""
    assert mail["Subject"].endswith(": docker-1 is stuck")
    text = mail.get_content()
    assert "stop_instance has not ended" in text
    assert f"Instance: {seen['instance']}" in text
    assert "It hangs in stop_instance:" in text
    link = f"http://ci.example/#/lifecycle/workers/{seen['workerid']}?masterid={seen['masterid']}"
    assert link in text
    assert "Force disconnect" in text


def test_each_receiver_is_told_once_whatever_the_other_does_and_over_a_restart(
    make_master: MakeMaster,
    mailbox: tuple[Mailbox, int],
    receiver: Receiver,
    bots: Bots,
    tmp_path: Path,
) -> None:
    box, smtp = mailbox
    begins, ends = tmp_path / "begins", tmp_path / "ends"
    names = [f"crowd-{number}" for number in range(CROWD)] + ["docker-2"]
    never, at_once = (
        {
            name: {"stuck_after": {"substantiating_starting": limit}}
            for name in ("crowd-*", "docker-2")
        }
        for limit in (None, 0.1)
    )
    master = make_master(
        [worker("StuckStopDeferred", "docker-1", release_file=ends)],
        lifecycle={**LIFECYCLE, "workers": never},
        extra=crowd(names, begins, ends)
        + _NOTIFIERS.format(smtp=smtp, http=receiver.server.port)
        + bots.config,
    )
    begins.write_text("crowd-*")
    master.force_build("docker-1")
    seen = get_stuck(master, "docker-1")

    # 200 that get stuck at once are one message, to a receiver that does not answer
    wait_until(lambda: hanging(master) == CROWD, 60, "that all of them hang")
    master.reconfig(lifecycle={**LIFECYCLE, "workers": at_once})
    receiver.wait(1)
    assert receiver.told == [{"stuck": CROWD}]

    # which delays nobody: the other one is told, and what happens is recorded
    mail = box.wait(1)
    assert box.recipients[0] == ["operators@example.org"]
    assert_says_all(mail, seen)
    wait_until(lambda: health(master)["oldest_unwritten_at"] is None, 30, "that all is written")
    assert health(master)["status"] == "ok"
    assert counted(master, "delivered") == 0
    receiver.answers.set()
    wait_until(lambda: counted(master, "delivered") == 1, 30, "that it is delivered")

    # all is over, and the receiver refuses: it is told after a restart, and nothing else is
    receiver.code = 503
    ends.touch()
    over = box.wait(2)
    assert over["Subject"].endswith(": docker-1 is no longer stuck")
    receiver.wait(2)
    wait_until(lambda: counted(master, "failed") == 1, 30, "that it is counted")
    assert master.log().count("a message was not delivered; it is tried again") == 1
    wait_until(lambda: not kept(master)["docker-*"].stays, 30, "that it is written down as told")
    in_docs([shown(mail), shown(over)])
    master.stop(FEW_SECONDS)
    receiver.code = 200
    master.start()
    receiver.wait(3)
    wait_until(lambda: not kept(master)["crowd-*"].stays, 30, "that it is written down as told")

    # what comes after is the next that each of them hears
    ends.unlink()
    begins.write_text("*-2")
    receiver.wait(4)
    box.wait(3)
    told = [sorted(each) for each in receiver.told]
    assert told == [["stuck"], ["resolved"], ["resolved"], ["stuck"]]
    assert receiver.told[2:] == [{"resolved": CROWD}, {"stuck": 1}]
    subjects = [each["Subject"].partition(": ")[2] for each in box.mails]
    expected = ["docker-1 is stuck", "docker-1 is no longer stuck", "docker-2 is stuck"]
    assert subjects == expected
    wait_until(lambda: [each[2:] for each in bots.told] == [expected[2:]] * 2, 30, "the bots' last")
    assert bots.told == [expected] * 2
    assert_that_behind_is_told(master, box, ends)
