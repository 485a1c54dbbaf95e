"""How far a force disconnect walks through the house: which of our modules it enters, in order.

The whole service runs here on a real master of this process, with its database in memory and a clock
that the test moves. The interpreter's own profiler tells which functions are entered. To see the walk:
``pytest -s tests/probe/test_walk_of_a_force.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from twisted.internet import defer

import buildbot_lifecycle
from buildbot_lifecycle.core.requests import Actor, ForceRequest
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven, Served, hanging

#: Stays of the act when they were counted last: a longer walk is a question to who makes it longer.
#: The last ones came with the answer's word of what instance is left, which the census has; and with
#: the room that it shares with what other masters ask.
STAYS = 98

PACKAGE = Path(buildbot_lifecycle.__file__).parent


class Walk:
    """The rooms that were entered while it was on. A stay: all that is called in one without a break."""

    def __init__(self) -> None:
        self.stays: list[str] = []

    def __enter__(self) -> Walk:
        sys.setprofile(self._entered)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _entered(self, frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and PACKAGE in path.parents:
            self.add(path.relative_to(PACKAGE).with_suffix("").as_posix())

    def add(self, room: str) -> None:
        if self.stays[-1:] != [room]:
            self.stays.append(room)

    def through(self, wanted: Callable[[str], bool]) -> Walk:
        """The same walk, as if there were only these rooms."""
        part = Walk()
        for room in filter(wanted, self.stays):
            part.add(room)
        return part

    @property
    def returns(self) -> int:
        """Stays in a room that was left before."""
        return len(self.stays) - len(set(self.stays))

    def __str__(self) -> str:
        counts = {room: self.stays.count(room) for room in dict.fromkeys(self.stays)}
        rooms = ", ".join(f"{room} {count}" for room, count in counts.items())
        return f"{len(self.stays)} stays, {self.returns} returns: {rooms}\n{' > '.join(self.stays)}"


#: Rooms of rules and of tables: to ask there is no detour, and how often a row is coded is no walk.
GROUND = ("core/", "db/")

#: Rooms of the act itself: who is asked, who decides, who does it and who writes it down.
ACT = ("answers", "service", "release", "deeds", "logbook", "ledger", "audit", "case", "orphans")


def is_of_the_act(room: str) -> bool:
    folder, _, name = room.rpartition("/")
    if name in ("elsewhere", "others"):
        return False  # it looks every second, whatever happens
    return folder == "service" or (name in ACT and not room.startswith(GROUND))


class WalkOfAForce(Served):
    @defer.inlineCallbacks
    def test_a_force_disconnect_walks_no_further_than_it_must(self) -> Any:
        service = LifecycleService(stuck_after={"insubstantiating": 1})
        configuration = self.configuration(Driven("w"))
        yield self.setup_master({**configuration, "services": [service]})
        answer, _given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()
        self.pass_seconds(3)
        (worker,) = yield defer.ensureDeferred(service.answers.workers())
        request = ForceRequest(worker["episode"], "w", "the cloud says it is gone")
        came: list[Any] = []
        with Walk() as walk:
            which = (worker["workerid"], worker["masterid"])
            forced = service.answers.force(*which, request, Actor("user", "ann"))
            defer.ensureDeferred(forced).addBoth(came.append)
            self.pass_seconds(4)
        assert came[0].action["status"] == "done"
        above = walk.through(lambda room: not room.startswith(GROUND))
        act = walk.through(is_of_the_act)
        sys.stdout.write(f"\nall rooms: {walk}\n\nabove the ground: {above}\n\nthe act: {act}\n")
        assert len(act.stays) <= STAYS
        yield self.shut_down()
