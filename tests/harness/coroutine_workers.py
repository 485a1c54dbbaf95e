"""Worker classes whose author wrote Buildbot's own methods as coroutines, as Buildbot allows."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.demo.workers import Healthy, StuckStopDeferred


class _Coroutines:
    """All that Buildbot waits for is ``async def``, and goes on to Buildbot's own."""

    async def attached(self, conn: Any) -> Any:
        return await super().attached(conn)  # type: ignore[misc]

    async def substantiate(self, wfb: Any, build: Any) -> Any:
        return await super().substantiate(wfb, build)  # type: ignore[misc]

    async def stopService(self) -> Any:  # noqa: N802 - Buildbot's
        return await super().stopService()  # type: ignore[misc]


class CoroutineHealthy(_Coroutines, Healthy):
    """Starts and stops at once."""


class CoroutineStuckStop(_Coroutines, StuckStopDeferred):
    """Its stop never ends."""


def expression(kind: str, name: str, **kwargs: Any) -> str:
    """One of these for `RealMaster(workers=...)`."""
    kwargs.setdefault("build_wait_timeout", 0)
    module = f"__import__({__name__!r}, fromlist=['*'])"
    return f"{module}.{kind}({name!r}, **{kwargs!r})"
