"""Waits that began before the probe came: found among all objects, since nothing of ours is around them.

From worker/latent.py of Buildbot 4.3.0, and Twisted's internet/defer.py.
"""

from __future__ import annotations

import gc
from types import GeneratorType
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.host.awaited import entries_of
from buildbot_lifecycle.host.workers import lock_is_held

#: Buildbot's own methods that wait for the driver.
_WAITING = ("insubstantiate", "_substantiate", "_check_instance_timer_fired_impl")


def release_found(worker: Any, error: Exception) -> bool:
    """End the wait for a call that was under way before the probe came; False if none is found.

    There is no wrapper to settle, so the Deferred is found on which Buildbot's own generator waits:
    Twisted keeps the generator among the arguments of that Deferred's callback.
    """
    waited_for: list[Any] = [d for d in gc.get_objects() if type(d) is defer.Deferred]
    for deferred in [d for d in waited_for if not d.called]:
        if any(_is_waited_for_by(worker, callback) for callback in entries_of(deferred)):
            deferred.errback(error)
            return True
    return False


def _is_waited_for_by(worker: Any, callback: Any) -> bool:
    for part in callback[0][1] if isinstance(callback[0], tuple) else ():
        # anybody's objects are among the arguments: a lazy one would fetch what it is asked for
        frame = part.gi_frame if type(part) is GeneratorType else None
        if frame is None or frame.f_code.co_name not in _WAITING:
            continue
        # waiting for the lock is not waiting for the driver: only the owner of the lock is
        if frame.f_locals.get("self") is worker and lock_is_held(worker):
            return not _is_lock_wait(worker, callback)
    return False


def _is_lock_wait(worker: Any, callback: Any) -> bool:
    # by identity: an `==` would ask the arguments of callbacks, which may be anybody's objects
    return any(
        callback is other
        for waiting in getattr(worker._start_stop_lock, "waiting", ())
        for other in entries_of(waiting)
    )
