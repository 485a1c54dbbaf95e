"""Driver calls through our wrapper: Buildbot gets what the driver gave, in every way a driver gives."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from buildbot.interfaces import LatentWorkerFailedToSubstantiate
from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.watch.calls import Call, ReleasedError, outcome_of
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Build, Driven, Notes, Plain, hanging

CALLS = ("start_instance", "stop_instance", "check_instance")


@pytest.fixture
def notes() -> Iterator[Notes]:
    yield Notes()
    for master in Plain.made:
        PROBE.unsubscribe(master)
    Plain.made.clear()


def raising(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def coroutine(value: Any = None, error: BaseException | None = None) -> Callable[[], Any]:
    async def answer() -> Any:
        await defer.succeed(None)
        if error is not None:
            raise error
        return value

    return answer


def generator(value: Any) -> Callable[[], Any]:
    def answer() -> Any:
        yield defer.succeed(None)
        return value

    return answer


def chained(value: Any) -> Callable[[], Any]:
    return lambda: defer.succeed(None).addCallback(lambda _: defer.succeed(value))


class _Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __bool__(self) -> bool:
        raise RuntimeError("no bool")


#: What a driver may give; each is made anew for each call.
ANSWERS: dict[str, Callable[[], Any]] = {
    "true": lambda: True,
    "false": lambda: False,
    "none": lambda: None,
    "text": lambda: "i-123",
    "pair": lambda: (True, "fine"),
    "bad pair": lambda: (False, "crashed"),
    "raises": raising(RuntimeError("boom")),
    "raises that it refuses": raising(LatentWorkerFailedToSubstantiate("i-1", "no")),
    "raises a BaseException": raising(asyncio.CancelledError()),
    "raises KeyboardInterrupt": raising(KeyboardInterrupt()),
    "fired Deferred": lambda: defer.succeed("done"),
    "failed Deferred": lambda: defer.fail(RuntimeError("boom")),
    "chained Deferred": chained("done"),
    "Deferred failed with a BaseException": lambda: defer.fail(asyncio.CancelledError()),
    "coroutine": coroutine("done"),
    "coroutine that raises": coroutine(error=RuntimeError("boom")),
    "coroutine that is cancelled": coroutine(error=asyncio.CancelledError()),
    "generator": generator("done"),
    "an iterator": lambda: iter((True, "fine")),
    "not to be shown": _Unshowable,
}


def buildbot(call: Callable[[], Any]) -> defer.Deferred[Any]:
    """Wait for a driver call as Buildbot's inlineCallbacks do."""

    @defer.inlineCallbacks
    def waiting() -> Any:
        return (yield call())

    return waiting()


def what_came(result: list[Any]) -> Any:
    """A result in a form that can be compared between two runs."""
    if not result:
        return "nothing yet"
    (came,) = result
    if isinstance(came, Iterator):
        return list(came)
    if isinstance(came, failure.Failure):
        return (came.type, came.value.args)
    return came if isinstance(came, (bool, str, tuple, type(None))) else type(came)


def run(
    name: str,
    answer: Callable[[], Any],
    notes: Notes | None,
    then: Callable[..., None] | None = None,
) -> Any:
    """What Buildbot gets from a driver that answers so; with notes, through the probe."""
    master = Plain()
    worker = Driven("w")
    worker.parent = master
    master.workers.namedServices["w"] = worker
    worker.answers = {name: answer}
    if notes is not None:
        PROBE.subscribe(master, notes)
    try:
        arguments = {"start_instance": (Build(),), "stop_instance": (True,)}.get(name, ())
        came: list[Any] = []
        outer = buildbot(lambda: getattr(worker, name)(*arguments))
        outer.addBoth(came.append)
        at_once = what_came(came)
        if then is not None:
            then(outer)
        return at_once, what_came(came), worker.made
    finally:
        if notes is not None:
            PROBE.unsubscribe(master)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_buildbot_gets_the_same_with_and_without_the_probe(
    call: str, answer: str, notes: Notes
) -> None:
    assert run(call, ANSWERS[answer], notes) == run(call, ANSWERS[answer], None)
    ended = notes.of(Kind.CALL_ENDED)
    quiet = call == "check_instance" and not ended
    assert quiet or len(ended) == 1
    assert notes.failures == []


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "end",
    [
        lambda d: d.callback("late"),
        lambda d: d.errback(RuntimeError("late")),
        lambda d: d.callback(defer.succeed) or None,
        lambda d: d.cancel(),
    ],
)
def test_an_answer_that_comes_later_comes_through(
    call: str, end: Callable[[Any], None], notes: Notes
) -> None:
    def once(sink: Notes | None) -> Any:
        answer, given = hanging()
        return run(call, answer, sink, lambda _outer: end(given[0]))

    assert once(notes) == once(None)
    assert [k for _, k, _ in notes.told] == ["call_started", "call_ended"]


@pytest.mark.parametrize(
    "canceller", [None, lambda d: d.callback("cancelled well"), lambda d: None]
)
def test_a_cancel_from_above_cancels_the_drivers_own(canceller: Any, notes: Notes) -> None:
    def once(sink: Notes | None) -> Any:
        given: list[defer.Deferred[Any]] = []

        def answer() -> Any:
            given.append(defer.Deferred(canceller))
            return given[-1]

        came = run("stop_instance", answer, sink, lambda outer: outer.cancel())
        return came, given[0].called

    assert once(notes) == once(None)


def test_a_pending_coroutine_is_cancelled_from_above(notes: Notes) -> None:
    def once(sink: Notes | None) -> Any:
        seen: list[str] = []

        async def stop() -> None:
            try:
                await defer.Deferred()
            except defer.CancelledError:
                seen.append("cancelled")
                raise

        came = run("stop_instance", stop, sink, lambda outer: outer.cancel())
        return came, seen

    assert once(notes) == once(None)


def test_arguments_reach_the_driver_as_they_were_given() -> None:
    got: list[Any] = []
    call = Call("stop_instance", 1, lambda _call, _data: None)
    call.begin(lambda *args, **kwargs: got.append((args, kwargs)), (1,), {"fast": True})
    assert got == [((1,), {"fast": True})]


# what is told


@pytest.mark.parametrize(
    ("call", "answer", "data"),
    [
        ("start_instance", lambda: True, {"outcome": "true"}),
        ("start_instance", lambda: None, {"outcome": "false"}),
        ("start_instance", lambda: "i-1", {"outcome": "other", "value": "str"}),
        ("stop_instance", lambda: True, {"outcome": "true"}),
        ("stop_instance", lambda: None, {"outcome": "other", "value": "None"}),
        ("stop_instance", lambda: False, {"outcome": "false"}),
        ("check_instance", lambda: (False, "gone"), {"outcome": "false", "error": "gone"}),
        ("check_instance", lambda: 7, {"outcome": "other", "value": "int"}),
        ("stop_instance", raising(KeyError("x")), {"outcome": "raised", "error": "KeyError: 'x'"}),
    ],
)
def test_the_outcome_is_told_as_buildbot_reads_it(
    call: str, answer: Any, data: dict[str, Any], notes: Notes
) -> None:
    run(call, answer, notes)
    (told,) = notes.of(Kind.CALL_ENDED)
    assert {key: told[key] for key in data} == data
    assert told["call"] == call


def test_the_start_tells_for_which_build_and_what_instance_came_of_it(notes: Notes) -> None:
    run("start_instance", lambda: True, notes)
    assert notes.of(Kind.CALL_STARTED)[0]["build"]["buildid"] == 5
    assert notes.of(Kind.CALL_ENDED)[0]["instance"] is None


@pytest.mark.parametrize(
    "answer", [lambda: (True, ""), lambda: defer.succeed((True, "")), coroutine((True, ""))]
)
def test_a_check_that_is_fine_at_once_is_no_news(answer: Any, notes: Notes) -> None:
    run("check_instance", answer, notes)
    assert notes.told == []


def test_a_check_that_is_waited_for_is_told_with_its_end(notes: Notes) -> None:
    answer, given = hanging()
    run("check_instance", answer, notes, lambda _: given[0].callback((True, "")))
    assert [k for _, k, _ in notes.told] == ["call_started", "call_ended"]


@pytest.mark.parametrize("broken", ["getProperty", "builder"])
def test_a_build_that_cannot_be_read_does_not_keep_the_instance_from_starting(
    broken: str, notes: Notes
) -> None:
    class Odd(Build):
        def __getattribute__(self, name: str) -> Any:
            if name == broken:
                raise RuntimeError("odd")
            return super().__getattribute__(name)

    master, worker = Plain(), Driven("w")
    worker.parent = master
    master.workers.namedServices["w"] = worker
    PROBE.subscribe(master, notes)
    assert worker.start_instance(Odd()) is True
    assert worker.made == ["start_instance"]


# release


def released(name: str, **how: Any) -> tuple[Call, list[Any], list[Any], list[Any]]:
    """A hanging call after its release: the call, what was told, what Buildbot got, the Deferreds."""
    told: list[Any] = []
    answer, given = hanging()
    call = Call(name, 1, lambda _call, data: told.append(data))
    came: list[Any] = []
    call.begin(answer, (), {}).addBoth(came.append)
    assert call.release("action 1", **how)
    return call, told, came, given


def test_a_released_stop_fails_with_a_reason() -> None:
    _, told, came, _ = released("stop_instance")
    assert told == [{"outcome": "released", "by": "action 1"}]
    assert came[0].check(ReleasedError)
    assert came[0].getErrorMessage() == ("stop_instance had not ended and was released (action 1)")


def test_a_released_start_fails_as_a_start_does() -> None:
    _, _, came, _ = released("start_instance")
    assert came[0].check(LatentWorkerFailedToSubstantiate)


def test_a_released_check_says_not_good() -> None:
    _, _, came, _ = released("check_instance")
    assert came == [(False, "check_instance had not ended and was released (action 1)")]


def test_a_start_or_check_of_a_worker_in_use_is_taken_for_good() -> None:
    assert released("start_instance", in_use=True)[2] == [True]
    assert released("check_instance", in_use=True)[2] == [(True, "")]
    assert released("stop_instance", in_use=True)[2][0].check(ReleasedError)


@pytest.mark.parametrize("name", CALLS)
def test_a_second_release_does_nothing(name: str) -> None:
    call, told, came, _ = released(name)
    assert not call.release("again")
    assert (len(told), len(came)) == (1, 1)


def test_a_release_after_the_end_does_nothing() -> None:
    answer, given = hanging()
    told: list[Any] = []
    call = Call("stop_instance", 1, lambda _call, data: told.append(data["outcome"]))
    call.begin(answer, (), {})
    given[0].callback(True)
    assert not call.release("late")
    assert told == ["true"]


def test_a_call_that_ended_at_once_cannot_be_released() -> None:
    call = Call("stop_instance", 1, lambda _call, _data: None)
    assert call.begin(lambda: True, (), {}) is True
    assert not call.release("late")


@pytest.mark.parametrize("good", [True, False])
def test_a_late_end_is_told_once_and_changes_nothing(good: bool) -> None:
    call, told, came, given = released("stop_instance")
    given[0].callback(True) if good else given[0].errback(RuntimeError("late"))
    assert len(came) == 1
    assert [d["outcome"] for d in told] == ["released", "true" if good else "raised"]
    assert told[1]["late"] is True
    assert call.ended
    assert given[0].result is None, "nothing is left over on the driver's own Deferred"
    given.clear()
    gc.collect()  # a late failure is nobody's "Unhandled error in Deferred"


def test_the_drivers_own_call_is_not_cancelled_by_a_release() -> None:
    _, _, _, given = released("stop_instance")
    assert not given[0].called


def test_an_error_while_recording_the_end_does_not_keep_the_answer_back() -> None:
    def broken(_call: Call, _data: Any) -> None:
        raise ValueError("broken")

    call = Call("stop_instance", 1, broken)
    assert call.begin(lambda: "stopped", (), {}) == "stopped"
    answer, given = hanging()
    came: list[Any] = []
    Call("stop_instance", 2, broken).begin(answer, (), {}).addBoth(came.append)
    given[0].callback("stopped")
    assert came == ["stopped"]


def test_an_error_while_recording_a_release_does_not_keep_buildbot_waiting() -> None:
    def broken(_call: Call, _data: Any) -> None:
        raise ValueError("broken")

    answer, _ = hanging()
    came: list[Any] = []
    call = Call("stop_instance", 2, broken)
    call.begin(answer, (), {}).addBoth(came.append)
    assert call.release("action 1")
    assert came[0].check(ReleasedError)


def test_texts_of_an_outcome_are_cut() -> None:
    told = outcome_of("stop_instance", failure.Failure(RuntimeError("e" * 50_000)))
    assert len(told["error"]) < 1100
    assert len(outcome_of("stop_instance", "v" * 5000)["value"]) < 300
