"""Who may use an instance is looked for in turns, and what is said of it is true when they are over."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.act.owners import Owners
from buildbot_lifecycle.core.ends import Owner, Target
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict
from buildbot_lifecycle.master.logbook import Known
from tests.probe.test_census_turns import MANY, Fleet, Work, work

__all__ = ["work"]


class Ended(Fleet):
    """Asks who may use what is to be ended."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self.came: list[Any] = []
        self.looked: list[int] = []
        #: what happens when this worker is looked at
        self.when: dict[int, Callable[[], None]] = {}
        for number, known in self.fleet.items():
            plain = SimpleNamespace(machine=None, number=number)
            known.watched.worker = plain  # type: ignore[attr-defined]

    def name(self, worker: Any) -> str | None:
        self.looked.append(worker.number)
        self.when.pop(worker.number, lambda: None)()
        return None

    def mark(self, worker: Any) -> str:
        return f"m-{worker.number}"

    def verdict_now(self, known: Known) -> Verdict:
        return HEALTHY

    def ask(self, name: str, worker: int = 0) -> None:
        owners = Owners(self.clock, self, self)  # type: ignore[arg-type]
        target = Target(name, worker, f"w{worker}", orphan=3)

        def begin() -> None:
            asked = defer.ensureDeferred(owners.of(target, self.fleet[worker]))
            asked.addBoth(self.came.append)

        self.work.turn(begin)

    def owners(self) -> set[str]:
        (found,) = self.came
        assert all(isinstance(each, Owner) for each in found)
        return {each.worker for each in found}


def test_of_many_workers_with_an_instance_each(work: Work) -> None:
    scene = Ended(work)
    for _ in range(2):
        scene.came, scene.looked = [], []
        scene.ask(f"c-{MANY - 1}")
        scene.settle()
    assert scene.owners() == {"w0", f"w{MANY - 1}"}, "whose it is, and through whom it is ended"
    assert sorted(scene.looked) == list(range(MANY)), "each once"


@pytest.mark.parametrize("how", ["moved", "came", "left"])
def test_who_moves_while_others_are_looked_at_is_looked_at_again(how: str) -> None:
    scene = Ended(Work())
    first = scene.fleet[0]
    facts = dataclasses.replace(first.facts, instance="c-new")

    def happens() -> None:
        if how == "moved":
            first.facts = facts
            return
        del scene.fleet[0]
        if how == "came":
            scene.fleet[MANY] = dataclasses.replace(first, name="new", facts=facts)

    scene.when[MANY // 2] = happens
    scene.ask("c-new" if how != "left" else "c-0", worker=5)
    scene.settle()
    expected = {"moved": {"w0", "w5"}, "came": {"new", "w5"}, "left": {"w5"}}
    assert scene.owners() == expected[how]
