"""What a receiver by HTTP has answered to one message of a reporter of Buildbot's.

``HttpStatusPush.sendMessage`` (``buildbot/reporters/http.py`` of 4.3.0) logs an answer that is no
success, and its end is that of a success. It asks ``is_status_2xx`` of each answer: there it is heard.
The reporters of telephones (Pushover, Pushjet) end with the answer itself.
"""

from __future__ import annotations

import contextvars
from typing import Any

from twisted.internet import defer
from twisted.web.http import MULTIPLE_CHOICE, OK

_OURS = "_lifecycle_hears"

#: Reporters that tell telephones.
_PHONES = ("PushoverNotifier", "PushjetNotifier")

#: Where the answers to the message that is under way are noted; each message has a context of its own.
_codes: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar(
    "lifecycle_codes", default=None
)


class NotTaken(Exception):
    """A receiver has answered, and has not taken the message."""


async def send(reporter: Any, report: Any) -> None:
    """Have the reporter send it. Raises what it raises, or `NotTaken`."""
    _hear(reporter)
    if any(cls.__name__ in _PHONES for cls in type(reporter).__mro__):
        # these look up a level by the results of a build, or take that of a worker that is missing
        report = {**report, "worker": "lifecycle"}
    codes: list[int] = []
    context = contextvars.copy_context()
    context.run(_codes.set, codes)
    # each coroutine of Buildbot's goes on in a copy of the context in which it was begun
    answer = await context.run(defer.maybeDeferred, reporter.sendMessage, [report])
    code = getattr(answer, "code", None)
    if isinstance(code, int):
        codes.append(code)
    refused = [str(each) for each in codes if not OK <= each < MULTIPLE_CHOICE]
    if refused:
        raise NotTaken(f"the receiver has answered {', '.join(refused)}")


def _hear(reporter: Any) -> None:
    ask = getattr(reporter, "is_status_2xx", None)
    if ask is None or hasattr(ask, _OURS):
        return

    def is_status_2xx(code: int) -> Any:
        codes = _codes.get()
        if codes is not None:
            codes.append(code)
        return ask(code)

    setattr(is_status_2xx, _OURS, True)
    reporter.is_status_2xx = is_status_2xx
