"""What the master's secret manager holds and gives out. From secrets/manager.py of Buildbot 4.3.0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.host.log import log_error


def _secret_manager(master: Any) -> Any:
    return getattr(master, "secrets_manager", None)


def held_secrets(master: Any) -> list[tuple[str, str]]:
    """The secrets (name, value) that providers of the master hold in memory, such as SecretInAFile."""
    found: list[tuple[str, str]] = []
    for provider in getattr(_secret_manager(master), "services", ()):
        held = vars(provider).get("secrets")
        if isinstance(held, dict):
            found.extend((str(n), v) for n, v in list(held.items()) if isinstance(v, str))
    return found


def on_secret(master: Any, told: Callable[[str, Any], None]) -> Callable[[], None]:
    """Call `told` with name and value of each secret that the master gives out; call the answer to end.

    Who asked for it gets the same answer at the same time.
    """
    manager = _secret_manager(master)
    if manager is None:
        return lambda: None
    before = manager.get
    own = vars(manager).get("get")

    def get(*args: Any, **kwargs: Any) -> Any:
        answer = before(*args, **kwargs)
        if isinstance(answer, defer.Deferred):
            answer.addCallback(seen)
        return answer

    def seen(details: Any) -> Any:
        try:
            if details is not None:
                told(str(details.key), details.value)
        except Exception:
            log_error(None, "lifecycle: while looking at a secret that was given out")
        return details

    manager.get = get

    def end() -> None:
        if vars(manager).get("get") is not get:
            return  # somebody else stands before us by now, and ours hands on as before
        if own is None:
            del manager.get
        else:
            manager.get = own

    return end
