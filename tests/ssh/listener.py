"""For master.cfg: writes down every message that the master sends, as all who listen can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from buildbot.util.service import BuildbotService
from twisted.internet import defer

#: Words in the longest routing key.
LONGEST_KEY = 8


class Listener(BuildbotService):
    """The messages are in the file `messages`, one a line: [key, message]."""

    name = "test-listener"

    @defer.inlineCallbacks
    def startService(self) -> Any:  # noqa: N802 - Buildbot's name
        yield super().startService()
        for length in range(1, LONGEST_KEY + 1):
            yield self.master.mq.startConsuming(self._heard, (None,) * length)

    def _heard(self, key: Any, message: Any) -> None:
        with Path(self.master.basedir, "messages").open("a") as file:
            file.write(json.dumps([key, message], default=str) + "\n")
