"""Other logins and rules for a running master, by the code that a reconfig of its web server runs.

A service for master.cfg, on a port of its own. ``?auth=`` and ``?authz=`` name a function each,
``module:function`` with arguments as JSON behind a ``?``; ``?live=`` is for how many seconds a session
lives that begins from now on.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
from typing import Any

from buildbot.util.service import BuildbotService
from twisted.internet import defer, reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site


def made(text: str) -> Any:
    """What the function answers that is named so."""
    name, _, arguments = text.partition("?")
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)(*json.loads(arguments or "[]"))


class Switch(BuildbotService):
    """Changes ``c['www']``, and has Buildbot's WWWService take it over."""

    name = "test-switch"
    _listening: Any = None

    def checkConfig(self, port: int) -> None:  # noqa: N802  # Buildbot's name
        pass

    def reconfigService(self, port: int) -> Any:  # noqa: N802
        if self._listening is None:
            site = Site(_Asked(self))
            self._listening = reactor.listenTCP(port, site, interface="127.0.0.1")
        return defer.succeed(None)

    async def turn(self, asked: dict[str, str]) -> None:
        config = self.master.config
        www = dict(config.www)
        www.update({key: made(asked[key]) for key in ("auth", "authz") if key in asked})
        if "live" in asked:
            seconds = float(asked["live"])
            www["cookie_expiration_time"] = dt.timedelta(seconds=seconds)
        config.www = www
        await self.master.www.reconfigServiceWithBuildbotConfig(config)


class _Asked(Resource):
    isLeaf = True  # noqa: N815  # Twisted's name

    def __init__(self, switch: Switch) -> None:
        super().__init__()
        self._switch = switch

    def render_GET(self, request: Any) -> Any:  # noqa: N802
        asked = {name.decode(): values[0].decode() for name, values in request.args.items()}

        def failed(failure: Any) -> None:
            request.setResponseCode(500)
            request.write(failure.getTraceback().encode())

        turned = defer.ensureDeferred(self._switch.turn(asked))
        turned.addErrback(failed).addCallback(lambda _: request.finish())
        return NOT_DONE_YET
