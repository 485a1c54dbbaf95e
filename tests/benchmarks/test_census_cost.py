"""What a census of 1,000 instances costs the reactor: seconds in all, and the longest turn.

That no turn is long is held by tests/probe/test_census_turns, which counts; here a clock says how long.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from buildbot_lifecycle.act.census import FIRST_AFTER
from buildbot_lifecycle.clouds.values import Instance, Listing, State
from tests.probe.test_census import PLACE, Scene

MANY = 1000


def test_a_census_of_a_thousand_instances_holds_no_turn_for_long() -> None:
    scene = Scene()
    turns = _measured(scene)
    found = [
        Instance(f"c-{n}", f"buildbot-w{n}-abc123", State.UP, "running", 10.0, "image", ours=True)
        for n in range(MANY)
    ]
    scene.answer = Listing(PLACE, tuple(found))
    scene.census.start()
    scene.wait(FIRST_AFTER)
    assert len(scene.rows()) == MANY
    sys.stdout.write(
        f"\ncensus of {MANY} and its answer: {sum(turns) * 1000:.1f} ms in {len(turns)} turns,"
        f" longest {max(turns) * 1000:.1f} ms\n"
    )
    assert not scene.failures


def _measured(scene: Scene) -> list[float]:
    """The seconds of CPU of each call that the reactor makes: on a busy machine it waits besides."""
    turns: list[float] = []
    later = scene.clock.callLater

    def measured(delay: float, call: Any, *args: Any, **kw: Any) -> Any:
        def run() -> None:
            began = time.thread_time()
            call(*args, **kw)
            turns.append(time.thread_time() - began)

        return later(delay, run)

    scene.clock.callLater = measured  # type: ignore[method-assign]
    return turns
