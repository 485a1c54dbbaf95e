"""Buildbot's own chat bots, as a way to say something: they take no generators of messages.

``buildbot/reporters/irc.py`` and ``telegram.py`` of 4.3.0: the services `IRC` and `TelegramBot` each have
one bot, which has what sends a line or a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Bytes of a line on IRC: with the names before it, a server takes 512.
_LINE = 400

#: Lines that are said at once; a server takes many for a flood.
LINES = 12


class NotSaid(Exception):
    """There is no bot, it is not connected, or the service has refused."""


def kind(service: Any) -> str | None:
    """``IRC`` or ``TelegramBot``; None if the service is neither."""
    names = {cls.__name__ for cls in type(service).__mro__}
    return next((name for name in ("IRC", "TelegramBot") if name in names), None)


async def say(service: Any, to: Sequence[Any], text: str, more: str) -> None:
    """Say a text in each of the channels or chats; on IRC its beginning, and ``more`` for the rest."""
    which = kind(service)
    if which == "IRC":
        _say_on_irc(service, to, text, more)
    elif which == "TelegramBot":
        await _say_on_telegram(service, to, text)
    else:
        raise NotSaid("there is no such bot")


def _say_on_irc(service: Any, to: Sequence[Any], text: str, more: str) -> None:
    bot = getattr(service.f, "p", None)
    transport = getattr(bot, "transport", None)
    if bot is None or not getattr(transport, "connected", False):
        raise NotSaid("the bot is not connected")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], more]
    for channel in to:
        for line in lines:
            bot.groupSend(channel, line[:_LINE])


async def _say_on_telegram(service: Any, to: Sequence[Any], text: str) -> None:
    if service.bot is None:
        raise NotSaid("the bot is not there")
    for chat in to:
        # no markup: names of workers have underscores
        if await service.bot.send_message(chat, text, parse_mode=None) is None:
            raise NotSaid(f"Telegram has refused a message to {chat}")
