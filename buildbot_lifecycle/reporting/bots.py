"""``reporters.LatentWorkerBotPush``: the messages of generators by Buildbot's IRC and Telegram bots.

Buildbot's reporter for everything but how it sends: `ReporterBase` of ``buildbot/reporters/base.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from buildbot import config
from buildbot.reporters.base import ReporterBase
from twisted.internet import defer

from buildbot_lifecycle.host import bots, configurations
from buildbot_lifecycle.host.edge import as_deferred
from buildbot_lifecycle.reporting.generator import LatentWorkerGenerator, see_service


class LatentWorkerBotPush(ReporterBase):
    """Says it in the channels or chats ``to`` by the service of Buildbot's that is called ``bot``."""

    def checkConfig(self, *, bot: Any, to: Any, generators: Any = None, **unknown: Any) -> None:
        for name in unknown:
            _error(f"unknown argument {name!r}; known are bot, generators, to")
        if not isinstance(bot, str):
            _error(f'bot must be the name of a bot, "IRC" or "TelegramBot" by default, not {bot!r}')
        is_list = isinstance(to, (list, tuple)) and len(to) > 0
        if not is_list or not all(isinstance(each, (str, int)) for each in to):
            _error(f"to must be a list of channels or chats, not {to!r}")
        generators = _given(generators)
        if not isinstance(generators, list):
            _error(f"generators must be a list, not {generators!r}")
            generators = []
        for each in generators:
            if not isinstance(each, LatentWorkerGenerator):
                _error(f"generators must be LatentWorkerGenerators, not a {type(each).__name__}")
            elif each.formatter.template_type != "plain":
                _error("the message_formatter must be of the type plain")
        super().checkConfig(generators=generators)

    @as_deferred
    async def reconfigService(self, *, bot: str, to: Sequence[Any], generators: Any = None) -> None:
        self.bot, self.to = bot, to
        await super().reconfigService(generators=_given(generators))

    def sendMessage(self, reports: Sequence[Any]) -> defer.Deferred[None]:
        service = self.master.service_manager.namedServices.get(self.bot)
        more = f"More: {self.master.config.buildbotURL}#/lifecycle"
        text = "\n".join(str(report["body"]) for report in reports)
        return defer.ensureDeferred(bots.say(service, self.to, text, more))


def _given(generators: Any) -> Any:
    return [LatentWorkerGenerator()] if generators is None else generators


def _see_bots(found: Any) -> None:
    """The bot must be in the same configuration, and our service."""
    services = found.services or {}
    for service in services.values():
        if isinstance(service, LatentWorkerBotPush):
            name = configurations.argument(service, "bot")
            if bots.kind(services.get(name)) is None:
                _error(
                    f"bot: {name!r} is no reporters.IRC or reporters.TelegramBot in c['services']"
                )
            if configurations.argument(service, "generators") is None:
                see_service(found, "LatentWorkerBotPush")  # else it is said of its generator


configurations.when_read(_see_bots)


def _error(text: str) -> None:
    config.error(f"LatentWorkerBotPush: {text}")
