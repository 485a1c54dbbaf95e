"""Ends of instances: which one may be ended, and what would be done.

What a healthy worker uses, starts or stops is never ended from here: a stop is Buildbot's, and a stuck
one is released first. What is left is what nobody waits for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.states import RESTING, STARTING, State
from buildbot_lifecycle.core.verdicts.verdict import Verdict

#: What an action of this kind is called.
WHAT = "end"

#: Seconds after which an end that the cloud has taken is given up: it was not seen to be gone.
GIVEN_UP = 24 * 3600.0

#: Seconds within which an end that the cloud may not have taken is asked for again.
AGAIN = 600.0

#: How often at most it is asked for, with the first time.
MOST_TRIES = 3


@dataclasses.dataclass(frozen=True)
class Target:
    """An instance that somebody wants ended: by which name, and by whose configuration it is reached.

    ``orphan`` is the open entry of the ledger that it has, ``episode`` its episode; None where there is
    none, or it is not known. ``listed``: its cloud was asked with this worker's configuration and has it;
    ``place`` is the digest of that cloud.
    """

    name: str
    workerid: int
    worker: str
    orphan: int | None = None
    episode: int | None = None
    listed: bool = False
    place: str | None = None

    @property
    def key(self) -> tuple[int, str]:
        """What is ended once, however often it is asked for."""
        return self.workerid, self.name


@dataclasses.dataclass(frozen=True)
class Owner:
    """A worker of this master that may use the instance.

    ``names`` are those that its own instance has, or will have;
    ``related``: what the cloud has may be its own, though its driver has said no name yet.
    """

    worker: str
    facts: Facts
    verdict: Verdict
    names: frozenset[str]
    related: bool = False

    @property
    def rests(self) -> bool:
        return self.facts.state in RESTING


def concerns(target: Target, owner: Owner) -> bool:
    """Whether `check` or `warnings` may have anything to say of this worker."""
    if owner.worker == target.worker:
        return True
    return not owner.rests and (target.name in owner.names or not owner.names)


def check(target: Target, owners: Iterable[Owner]) -> None:
    """Raise `Refusal` if a worker uses the instance, starts it or stops it."""
    for owner in owners:
        if owner.rests:
            continue
        if target.name in owner.names:
            raise _refused(target, owner)
        if owner.related and not owner.names and target.orphan is None:
            text = (
                f"{owner.worker} is {owner.facts.state.value}, and its driver has not said yet what its"
                f" instance is called: {target.name} may be it"
            )
            raise Refusal("starting", text, worker=owner.worker, state=owner.facts.state.value)


def _refused(target: Target, owner: Owner) -> Refusal:
    state = owner.facts.state
    is_stuck = owner.verdict.level == "stuck"
    details = {
        "worker": owner.worker,
        "state": state.value,
        "verdict": owner.verdict.as_json(),
    }
    if is_stuck:
        text = (
            f"{owner.worker} still waits for {target.name}: force its disconnect first, then end it"
        )
        return Refusal("not_released", text, **details)
    if state is State.SUBSTANTIATED:
        text = (
            f"{owner.worker} uses {target.name}, and is healthy; Buildbot stops it when it is idle"
        )
        return Refusal("healthy", text, **details)
    if state in STARTING:
        text = f"{owner.worker} is {state.value}: {target.name} starts as it should"
        return Refusal("starting", text, **details)
    text = f"{owner.worker} is {state.value}: {target.name} is being stopped as it should"
    return Refusal("stopping", text, **details)


def plan(target: Target) -> list[Step]:
    """The steps, as the dry run shows them and the action keeps them."""
    steps = [
        Step("end_instance", "instance", f"Ask the cloud to end {target.name}"),
        Step("verify_gone", "instance", f"Ask the cloud until it says that {target.name} is gone"),
    ]
    if target.orphan is not None:
        text = f"Close entry {target.orphan} of the ledger, by that proof"
        steps.append(Step("close_orphan", "ledger", text))
    return steps


def warnings(target: Target, owners: Iterable[Owner], *, can_verify: bool) -> list[str]:
    """What a person must know before it is done, the worst first."""
    said = ["What is on the instance is lost with it. This cannot be undone."]
    if not can_verify:
        said.append(
            "This driver cannot say whether an instance is gone: look at the cloud's console."
        )
    for owner in owners:
        calls = {call.call for call in owner.facts.abandoned}
        if owner.worker == target.worker and "start_instance" in calls:
            said.append("The abandoned start still runs, and may make another instance later.")
    return said


def tries_again(tries: int, age: float) -> bool:
    """Whether an end of so many ``tries`` that the cloud may not have taken is asked for once more.

    It began ``age`` seconds ago. To end something twice does no harm, but for a name that is used again:
    the caller looks at the workers anew.
    """
    return tries < MOST_TRIES and age < AGAIN
