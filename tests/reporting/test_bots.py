"""Buildbot's bots: what is wrong in master.cfg, and when a message counts as not said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.host.bots import LINES, NotSaid, say
from tests.harness.spin import spin
from tests.reporting.test_mail import checked

_CONFIG = """
from buildbot.plugins import reporters
from buildbot_lifecycle.reporting.bots import LatentWorkerBotPush
c["services"] += [
    LatentWorkerBotPush({arguments}),
    reporters.IRC("irc.example.org", "bot", channels=["#ops"]),
]
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("bot='IRC', to=['#ops']", None),
        (
            "bot='TelegramBot', to=[7]",
            "bot: 'TelegramBot' is no reporters.IRC or reporters.Telegra",
        ),
        ("bot='lifecycle', to=['#ops']", "bot: 'lifecycle' is no reporters.IRC"),
        ("bot=7, to=['#ops']", "bot must be the name of a bot"),
        ("bot='IRC', to='#ops'", "to must be a list of channels or chats, not '#ops'"),
        ("bot='IRC', to=[]", "to must be a list"),
        ("bot='IRC', to=['#ops'], tags=[]", "unknown argument 'tags'; known are bot"),
        ("bot='IRC', to=['#ops'], generators=7", "generators must be a list, not 7"),
        (
            "bot='IRC', to=['#ops'], generators=[reporters.BuildStatusGenerator()]",
            "generators must be LatentWorkerGenerators, not a BuildStatusGenerator",
        ),
        (
            "bot='IRC', to=['#ops'], generators=[reporters.LatentWorkerGenerator("
            "message_formatter=reporters.LatentWorkerFormatter(template_type='html'))]",
            "the message_formatter must be of the type plain",
        ),
    ],
)
def test_what_is_wrong_is_named_by_checkconfig(
    arguments: str, said: str | None, tmp_path: Path
) -> None:
    found = [
        each for each in checked(_CONFIG.format(arguments=arguments), tmp_path) if "Bot" in each
    ]
    if said is None:
        assert found == []
    else:
        assert any(each.startswith(f"LatentWorkerBotPush: {said}") for each in found), found


class IRC:
    """As Buildbot's service of this name: ``f`` makes the bot, ``p``, when it is connected."""

    def __init__(self, connected: bool | None) -> None:
        self.said: list[tuple[str, str]] = []
        transport = SimpleNamespace(connected=connected)
        bot = SimpleNamespace(transport=transport, groupSend=lambda *said: self.said.append(said))
        self.f = SimpleNamespace(p=None if connected is None else bot)


class TelegramBot:
    """The same for Telegram."""

    def __init__(self, answer: Any) -> None:
        self.said: list[Any] = []
        self.bot = SimpleNamespace(send_message=self._send)
        self.answer = answer

    def _send(self, chat: Any, text: str, parse_mode: Any) -> Any:
        self.said.append((chat, text, parse_mode))
        return defer.succeed(self.answer)


def test_a_long_message_is_not_a_flood_on_irc() -> None:
    irc = IRC(connected=True)
    text = "\n\n".join(f"  line {number} {'x' * 600}" for number in range(200))
    spin(say(irc, ["#a", "#b"], text, "More: http://b/"))
    assert [channel for channel, _ in irc.said] == ["#a"] * LINES + ["#b"] * LINES
    assert irc.said[0][1].startswith("line 0 x")
    assert irc.said[LINES - 1] == ("#a", "More: http://b/")
    assert max(len(line) for _, line in irc.said) < 450


@pytest.mark.parametrize("connected", [None, False])
def test_what_a_bot_without_connection_was_to_say_was_not_said(connected: bool | None) -> None:
    with pytest.raises(NotSaid, match="not connected"):
        spin(say(IRC(connected), ["#a"], "text", ""))


def test_telegram_is_given_the_text_as_it_is_and_may_refuse() -> None:
    bot = TelegramBot({"message_id": 1})
    spin(say(bot, [7], "a_b_c is stuck", ""))
    assert bot.said == [(7, "a_b_c is stuck", None)]
    with pytest.raises(NotSaid, match="refused a message to 7"):
        spin(say(TelegramBot(None), [7], "text", ""))


def test_a_bot_that_is_not_there_says_nothing() -> None:
    with pytest.raises(NotSaid, match="no such bot"):
        spin(say(None, [7], "text", ""))
