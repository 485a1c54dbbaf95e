"""What a force disconnect would do, step by step, in the order that harms least.

`plan` is a function of facts; the dry run shows its steps and the release carries out the same ones.
The pause comes first: the moment the wait ends, Buildbot looks for builds to start on the worker.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.states import RESTING, STARTING, STOPPING, State
from buildbot_lifecycle.core.verdicts.verdict import Verdict


@dataclasses.dataclass(frozen=True)
class Step:
    """One step: a word for a program, what it acts on, a sentence, and (afterwards) how it went."""

    step: str
    target: str
    text: str
    done: bool | None = None
    detail: str | None = None

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Situation:
    """What a plan depends on beside the facts: seen on the live worker object.

    ``half`` means INSUBSTANTIATING with a free lock; ``held`` counts refused connections whose end
    nobody was told of; ``connected`` is whether Buildbot still holds a connection. ``logins`` counts
    connections that are not let in yet, ``old_connection`` is one that keeps the worker out, and
    ``found_pending`` a call that was under way before recording began. ``half_machine`` means that the
    worker's latent machine is starting or stopping for ever: the call for it broke off. ``forgotten``
    means that a build waits for a worker at rest, which nobody will start for it. ``lost`` counts builds
    that Buildbot will never end: it broke off at an error of its own. ``closed``: the
    connection that Buildbot holds has closed, and it was not told. ``locked``: a start, stop or check is
    under way, as Buildbot sees it, and it is no call that we know to be waited for.
    """

    connected: bool = False
    held: int = 0
    half: bool = False
    logins: int = 0
    old_connection: bool = False
    found_pending: bool = False
    half_machine: bool = False
    forgotten: bool = False
    lost: int = 0
    closed: bool = False
    locked: bool = False


def check_eligible(
    facts: Facts, situation: Situation, verdict: Verdict, *, override: bool, now: float
) -> None:
    """Raise `Refusal` unless a force disconnect may be done: it says why not, with numbers."""
    age = None if verdict.since is None else max(0.0, now - verdict.since)
    details = {
        "state": facts.state.value,
        "age_s": age,
        "threshold_s": verdict.threshold_s,
        "verdict": verdict.as_json(),
    }
    gone_silent = verdict.code == "frozen_worker" and verdict.level == "stuck"
    busy = facts.state is State.SUBSTANTIATED and facts.building and facts.pending is None
    if busy and not gone_silent and not situation.closed and not situation.lost:
        raise Refusal(
            "not_eligible",
            "the worker is building; stop the build instead, or wait for its end",
            **details,
        )
    if not _anything_to_release(facts, situation):
        raise Refusal(
            "nothing_to_release",
            f"there is nothing to release: the worker is {facts.state.value},"
            " no call is pending and no refused connection is held",
            **details,
        )
    if verdict.level != "stuck" and not override:
        raise Refusal("not_eligible", f"not stuck: {verdict.reason}", **details)


def _anything_to_release(facts: Facts, situation: Situation) -> bool:
    if facts.pending is not None or situation.held or situation.half or situation.logins:
        return True
    if facts.state in STARTING or facts.unasked or situation.old_connection:
        return True
    if situation.half_machine or situation.forgotten or situation.lost:
        return True
    return situation.found_pending or _dead_connection(facts, situation)


def _dead_connection(facts: Facts, situation: Situation) -> bool:
    """Whether Buildbot holds a connection that should be, or cannot be, used."""
    if not situation.connected:
        return False
    if situation.closed:
        return True
    if facts.state in STOPPING or facts.attaching is not None:
        return True
    if facts.state in STARTING:
        # it is the connection of an earlier instance, which keeps this one's worker out: one that has
        # come since would have ended the start
        return True
    if facts.state in RESTING:
        return not facts.may_connect
    return facts.awaits_sign


def plan(facts: Facts, situation: Situation, *, pause: bool, last: bool = False) -> list[Step]:
    """The steps of a force disconnect in this situation; empty if there is nothing to release.

    With ``last`` (the master stops) a queued substantiation is cancelled although nothing is paused.
    """
    steps: list[Step] = []
    if pause:
        steps.append(
            Step(
                "pause", "worker", "Pause the worker, so that no build starts on it until unpaused"
            )
        )
    if facts.state is State.INSUBSTANTIATING_SUBSTANTIATING and (pause or last):
        steps.append(
            Step(
                "cancel_substantiation",
                "build",
                "Cancel the substantiation that waits behind the stop; Buildbot retries its build",
            )
        )
    steps.extend(_connections(facts, situation))
    if situation.held:
        many = "the refused connection" if situation.held == 1 else "the refused connections"
        steps.append(
            Step(
                "deliver_disconnection",
                "refused connections",
                f"Drop {many} and tell Buildbot that it has gone"
                if situation.held == 1
                else f"Drop {many} and tell Buildbot that they have gone",
            )
        )
    if situation.half_machine:
        text = "Put the worker's machine to rest: its start or stop broke off, and is waited for"
        steps.append(Step("end_wait", "machine", text))
    steps.extend(_end_of_wait(facts, situation))
    if facts.unasked and not steps_end_wait(steps):
        text = "Stop the instance that nobody asked for, as after a build"
        steps.append(Step("cancel_substantiation", "instance", text))
        return steps
    # half way: the stop that broke off has failed, and opened an orphan
    at_end = [step for step in steps if step.step != "pause"]
    had_instance = bool(at_end) and facts.half is None
    if at_end == [_TELL_OF_CLOSED] and facts.state in RESTING:
        had_instance = False  # its stop is over, and of the connection nothing is left
    if situation.forgotten:
        text = "Cancel the start that Buildbot has forgotten; it retries the build"
        steps.append(Step("cancel_substantiation", "forgotten build", text))
    if situation.lost:
        many = "build that it has lost" if situation.lost == 1 else "builds that it has lost"
        text = f"Have Buildbot end the {many}, which it retries unless it was over"
        steps.append(Step("finish_build", "lost build", text))
    if had_instance:
        steps.append(
            Step("open_orphan", "instance", "Write down that the instance may still be running")
        )
    return steps


def steps_end_wait(steps: list[Step]) -> bool:
    """Whether one of the steps makes Buildbot stop waiting for something."""
    return any(step.step in ("end_wait", "cancel_substantiation") for step in steps)


_TELL_OF_CLOSED = Step(
    "deliver_disconnection",
    "connection",
    "Tell Buildbot that the connection has gone: it closed, and nobody told",
)


def next_rung(step: Step, situation: Situation) -> Step | None:
    """What is tried next where a step had no effect; None: nothing is left to try."""
    if (step.step, step.target) == ("abort_connection", "connection"):
        return dataclasses.replace(
            _TELL_OF_CLOSED, text="Tell Buildbot that the connection has gone: no abort ends it"
        )
    if (step.step, step.target) == ("abort_connection", "old connection"):
        text = "Tell Buildbot that the older connection has gone: no abort ends it"
        return Step("deliver_disconnection", "old connection", text)
    # a check that was released may wait for the database, where somebody is to be told of it
    waits = (step.step, step.target) in (
        ("end_wait", "start_instance"),
        ("end_wait", "stop_instance"),
        ("cancel_substantiation", "start"),
    )
    if waits and situation.locked:
        text = "Look for what Buildbot itself waits on, and end that wait"
        return Step("end_wait", "found", text)
    return None


def _connections(facts: Facts, situation: Situation) -> list[Step]:
    steps = []
    if situation.closed:
        steps.append(_TELL_OF_CLOSED)
    elif _dead_connection(facts, situation):
        text = "Abort the connection that is still held"
        if facts.building and facts.state is State.SUBSTANTIATED:
            its = "its build" if len(facts.building) == 1 else "its builds"
            text = f"Abort the connection of the silent worker; Buildbot retries {its}"
        steps.append(Step("abort_connection", "connection", text))
    if situation.logins:
        text = "Abort the connection that logged in and does not answer"
        steps.append(Step("abort_connection", "login", text))
    if situation.old_connection:
        text = "Drop the older connection that keeps the worker out"
        steps.append(Step("abort_connection", "old connection", text))
    return steps


def _end_of_wait(facts: Facts, situation: Situation) -> list[Step]:
    if situation.half:
        text = (
            "Put the worker to rest: the stop broke off and nothing of Buildbot's is left to do so"
        )
        return [Step("end_wait", "state", text)]
    if facts.calls:
        return [
            Step("end_wait", call.call, f"Make Buildbot stop waiting for {call.call}")
            for call in facts.calls
        ]
    if situation.found_pending:
        text = "Make Buildbot stop waiting for the call that was pending before recording began"
        return [Step("end_wait", "found", text)]
    if facts.state in STARTING:
        text = "Cancel the start; Buildbot then calls stop_instance and ends or retries the build"
        return [Step("cancel_substantiation", "start", text)]
    return []


def warnings(facts: Facts, *, pause: bool) -> list[str]:
    """What a person must know before it is done, the worst first."""
    said = ["The instance is not stopped by this. It may run on, and cost money; check it by hand."]
    if facts.pending is not None and facts.pending.call == "stop_instance" and not pause:
        said.append(
            "Without the pause, the abandoned stop may end late and stop the worker's next instance."
        )
    if facts.pending is not None and facts.pending.call == "start_instance":
        said.append("The abandoned start may still succeed later: then an instance runs unasked.")
    said.extend(_of_builds(facts, pause=pause))
    return said


def _of_builds(facts: Facts, *, pause: bool) -> list[str]:
    many = len(facts.building) > 1
    waiting = [b for b in facts.building if str(b.get("builder")) not in facts.served]
    if facts.state is State.INSUBSTANTIATING_SUBSTANTIATING:
        if len(waiting) > 1:
            is_done = "They are cancelled here and retried."
            goes_on = "They start a new instance at once."
            return [f"{len(waiting)} builds wait for this worker. {is_done if pause else goes_on}"]
        goes_on = (
            "It is cancelled here and retried." if pause else "It starts a new instance at once."
        )
        return [f"A build waits for this worker. {goes_on}"]
    if not facts.building or facts.state in RESTING:
        return []
    if facts.state is State.SUBSTANTIATED:
        which = f"{len(facts.building)} builds run" if many else "A build runs"
        return [f"{which} on this worker; Buildbot retries {'them' if many else 'it'}."]
    if many:
        count = len(facts.building)
        return [
            f"{count} builds wait on this worker; they fail to start and Buildbot may retry them."
        ]
    return ["A build waits on this worker; it fails to start and Buildbot may retry it."]
