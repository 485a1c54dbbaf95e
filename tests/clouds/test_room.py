"""The room: which adapter is for a class, what is stated, what is read of Buildbot, and the threads."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from buildbot.worker.latent import AbstractLatentWorker
from twisted.internet import defer

from buildbot_lifecycle.clouds import choose, machine, private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.choose import OURS, Choice
from buildbot_lifecycle.clouds.hooks import METHODS
from buildbot_lifecycle.clouds.pool import Pool
from buildbot_lifecycle.clouds.trouble import told
from buildbot_lifecycle.clouds.values import Can, CannotTell, Instance, Limits, NotKnown, State, Why
from buildbot_lifecycle.workers.ssh.worker import SSHLatentWorker
from tests.clouds.support import Desk, Turns
from tests.harness.waiting import patient


def driver(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


# which adapter


@pytest.mark.process
def test_no_library_of_a_cloud_is_imported_by_the_room() -> None:
    code = (
        "import sys, buildbot_lifecycle.clouds.ask\n"
        "print({m.partition('.')[0] for m in sys.modules} & "
        "{'docker','boto3','botocore','libvirt','novaclient','keystoneauth1','requests','kubernetes'})"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "set()"


@pytest.mark.parametrize("adapter", OURS, ids=lambda adapter: type(adapter).__name__)
def test_a_class_derived_from_a_drivers_has_its_adapter(adapter: Any) -> None:
    derived = type("Mine", (driver(adapter.classes[0]),), {})
    worker = object.__new__(derived)
    assert Choice().of(worker) is adapter


def test_a_latent_worker_of_no_known_driver_has_none() -> None:
    desk = Desk()
    worker = object.__new__(AbstractLatentWorker)
    assert desk.clouds.can(worker) == frozenset()
    said = desk.ask("gone", worker, "x")
    assert said.why is Why.NOT_OFFERED
    desk.close()


def test_a_registered_adapter_comes_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs(Silent):
        classes = (private.DOCKER, "their.Worker")
        can = frozenset({Can.NAME})

    class Entry:
        name = "theirs"

        def load(self) -> Any:
            return Theirs()

    class Broken(Entry):
        name = "broken"

        def load(self) -> Any:
            raise ImportError("no such thing")

    monkeypatch.setattr(
        choose.importlib.metadata, "entry_points", lambda: {choose.GROUP: [Broken(), Entry()]}
    )
    failed: list[str] = []
    choice = Choice(choose.registered(failed.append))
    assert type(choice.of(object.__new__(driver(private.DOCKER)))) is Theirs
    assert failed == ["broken"]


# what is stated


@pytest.mark.parametrize("adapter", OURS, ids=lambda adapter: type(adapter).__name__)
def test_what_an_adapter_states_is_what_it_has(adapter: Any) -> None:
    reach = import_module(type(adapter).__module__).Reach
    has = {
        Can.NAME: type(adapter).name is not Silent.name,
        Can.LINK: type(adapter).link is not Silent.link,
        Can.LIST: reach.list is not Unable.list,
        Can.GONE: reach.gone is not Unable.gone,
        Can.END: reach.end is not Unable.end,
        Can.LAST_WORDS: reach.last_words is not Unable.last_words,
    }
    assert {ability for ability, there in has.items() if there} == adapter.can - {Can.AGE, Can.KIND}


@pytest.mark.parametrize("name", private.READ)
def test_what_is_read_of_a_driver_is_there(name: str) -> None:
    """Of the class, or assigned to `self` in a method of it."""
    assigned = set()
    for cls in driver(name).__mro__:
        if cls.__module__.startswith("buildbot."):
            tree = ast.parse(inspect.getsource(cls))
            assigned |= {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            }
    missing = [
        each
        for each in private.READ[name]
        if each not in assigned and not hasattr(driver(name), each)
    ]
    assert not missing


def test_a_driver_of_another_version_is_told_as_such() -> None:
    with pytest.raises(CannotTell, match="DockerLatentWorker has no client_args") as raised:
        private.read(object(), private.DOCKER, "client_args")
    assert raised.value.said.why is Why.NOT_CONFIGURED


def test_not_known_is_neither_true_nor_false() -> None:
    said = NotKnown(Why.TIMEOUT, "no answer")
    with pytest.raises(TypeError):
        bool(said)
    assert said is not True


# the worker's own methods


class Own:
    """A third party's worker class."""

    password = "worker-password"

    def lifecycle_instance(self) -> str:
        return "own-1"

    async def lifecycle_is_gone(self, instance: str | None) -> bool | None:
        return {"a": True, "b": False}.get(str(instance))

    def lifecycle_instances(self) -> Any:
        return [{"name": "a", "worker": "w", "state": "up", "born": 5, "kind": "big"}]

    def lifecycle_end(self, instance: str) -> defer.Deferred[Any]:
        if instance == "b":
            raise RuntimeError("not allowed for worker-password at https://me:pw@host/")
        return defer.succeed(instance != "c")

    def lifecycle_link(self, instance: str) -> str:
        return f"javascript:{instance}" if instance == "x" else f"https://cloud/{instance}"


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(limits=Limits(whole=0.3))
    yield made
    made.close()


def test_a_worker_class_may_say_all_itself(desk: Desk) -> None:
    worker = Own()
    assert desk.clouds.can(worker) == {Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LINK}
    assert desk.clouds.name(worker) == "own-1"
    assert desk.clouds.link(worker, "a") == "https://cloud/a"
    assert desk.clouds.link(worker, "x") is None  # a link that is a program
    assert desk.ask("gone", worker, "a") is True
    assert desk.ask("gone", worker, "b") is False
    assert desk.ask("gone", worker, None).why is Why.UNDECIDED
    assert desk.ask("end", worker, "a") is True
    assert desk.ask("end", worker, "c").why is Why.FAILED
    [only] = desk.ask("list", worker).instances
    assert only == Instance("a", "w", State.UP, "up", 5.0, "big", ours=True)


def test_what_it_raises_is_told_without_secrets(desk: Desk) -> None:
    said = desk.ask("end", Own(), "b")
    assert said.why is Why.FAILED
    assert "worker-password" not in said.text
    assert "me:pw" not in said.text


@pytest.mark.parametrize("answer", [1, "yes", [], object()])
def test_an_answer_that_is_not_true_itself_is_not_gone(desk: Desk, answer: Any) -> None:
    worker = Own()
    worker.lifecycle_is_gone = lambda _: answer  # type: ignore[method-assign, assignment]
    assert desk.ask("gone", worker, "a").why is Why.NONSENSE


@pytest.mark.parametrize("answer", [None, {}, [{"id": "a"}], ["a"], "a"])
def test_a_list_of_another_form_is_not_known(desk: Desk, answer: Any) -> None:
    worker = Own()
    worker.lifecycle_instances = lambda: answer  # type: ignore[method-assign]
    assert desk.ask("list", worker).why is Why.NONSENSE


def test_one_that_never_answers_is_not_known_in_time(desk: Desk) -> None:
    worker = Own()
    never = defer.Deferred[bool]()
    worker.lifecycle_is_gone = lambda _: never  # type: ignore[method-assign, assignment]
    assert desk.ask("gone", worker, "a").why is Why.TIMEOUT
    assert desk.clouds.snapshot().failures == {"Own": 1}


class NeverReached(Silent):
    """A third party's adapter that waits for ever for where to ask."""

    classes = (f"{__name__}.Plain",)
    can = frozenset({Can.GONE, Can.LIST, Can.END, Can.LAST_WORDS})

    def reach(self, worker: Any, limits: Limits) -> Any:
        return defer.Deferred()


class Plain:
    """A worker of that driver."""

    name = "plain"


@pytest.mark.parametrize(
    ("what", "given"),
    [
        ("place", ()),
        ("scope", ()),
        ("gone", ("a",)),
        ("list", ()),
        ("end", ("a",)),
        ("last_words", ("a",)),
    ],
)
def test_an_adapter_that_never_says_where_to_ask_is_not_waited_for(
    what: str, given: tuple[str, ...]
) -> None:
    assert Plain.__module__ == __name__
    desk = Desk(limits=Limits(whole=0.3), choice=Choice([NeverReached()]))
    assert desk.ask(what, Plain(), *given).why is Why.TIMEOUT
    desk.close()


@pytest.mark.parametrize(
    ("what", "method", "given"),
    [
        ("gone", "lifecycle_is_gone", ("a",)),
        ("list", "lifecycle_instances", ()),
        ("end", "lifecycle_end", ("a",)),
        ("last_words", "lifecycle_last_words", ("a",)),
    ],
)
def test_one_that_goes_on_after_it_was_canceled_is_not_waited_for(
    desk: Desk, what: str, method: str, given: tuple[str, ...]
) -> None:
    canceled: list[bool] = []

    async def stubborn(*_: Any) -> None:
        try:
            await defer.Deferred()
        except defer.CancelledError:
            canceled.append(True)
            await defer.Deferred()

    worker = Own()
    setattr(worker, method, stubborn)
    assert desk.ask(what, worker, *given).why is Why.TIMEOUT
    assert canceled == [True]


def test_an_answer_that_comes_too_late_is_dropped(desk: Desk) -> None:
    worker, given = Own(), defer.Deferred[bool](lambda _: None)
    worker.lifecycle_is_gone = lambda _: given  # type: ignore[method-assign, assignment]
    assert desk.ask("gone", worker, "a").why is Why.TIMEOUT
    if not given.called:
        given.callback(True)


# the threads


class Gate:
    """Calls that wait until they may go on."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside = threading.Semaphore(0)

    def call(self) -> str:
        self.inside.release()
        self.open.wait(60)
        return threading.current_thread().name


def test_one_dead_cloud_leaves_threads_for_the_others() -> None:
    reactor, gate = Turns(), Gate()
    pool = Pool(reactor, size=3, share=2)
    pool.start()
    stuck = [pool.run("Dead", "dead", gate.call) for _ in range(5)]
    for _ in range(2):
        assert gate.inside.acquire(timeout=patient(20))
    assert reactor.wait(pool.run("Alive", "alive", lambda: 1)) == 1
    reactor.advance(7)
    now = pool.snapshot()
    assert (now.size, now.busy, now.queued, now.oldest) == (3, 2, 3, "Dead")
    assert now.oldest_s is not None
    assert now.oldest_s >= 7
    gate.open.set()
    for each in stuck:
        reactor.wait(each)
    assert (pool.snapshot().busy, pool.snapshot().queued, pool.snapshot().oldest_s) == (0, 0, None)
    assert pool.snapshot().calls == 6
    pool.stop()


def test_who_asked_may_go_away_and_the_thread_is_still_counted() -> None:
    reactor, gate = Turns(), Gate()
    pool = Pool(reactor, size=2, share=1)
    pool.start()
    first, second = (pool.run("Dead", "dead", gate.call) for _ in range(2))
    assert gate.inside.acquire(timeout=patient(20))
    for each in (first, second):
        each.addErrback(lambda _: None)
        each.cancel()
    assert (pool.snapshot().busy, pool.snapshot().queued) == (1, 0)
    third = pool.run("Dead", "dead", lambda: 3)  # waits for the thread, not for who asked
    assert (pool.snapshot().busy, pool.snapshot().queued) == (1, 1)
    gate.open.set()
    assert reactor.wait(third) == 3
    pool.stop()


def test_too_many_that_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildbot_lifecycle.clouds.pool.WAITING", 2)
    reactor, gate = Turns(), Gate()
    pool = Pool(reactor, size=1, share=1)
    pool.start()
    waiting = [pool.run("Dead", "dead", gate.call) for _ in range(3)]
    with pytest.raises(CannotTell) as raised:
        reactor.wait(pool.run("Dead", "dead", gate.call))
    assert raised.value.said.why is Why.BUSY
    gate.open.set()
    for each in waiting:
        reactor.wait(each)
    pool.stop()


@pytest.mark.process
def test_a_process_ends_while_a_call_hangs() -> None:
    code = """if True:
        import threading
        from tests.clouds.support import Turns
        from buildbot_lifecycle.clouds.pool import Pool
        pool = Pool(Turns()); pool.start()
        inside = threading.Semaphore(0)
        pool.run("Dead", "dead", lambda: (inside.release(), threading.Event().wait()))
        assert inside.acquire(timeout=60)
        pool.stop()
        print("stopped")
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=patient(20),
        check=True,
    )
    assert done.stdout == "stopped\n"


def test_nothing_is_asked_before_the_start_and_after_the_stop() -> None:
    reactor = Turns()
    pool = Pool(reactor)
    for step in (pool.start, pool.stop):
        if step == pool.stop:
            assert reactor.wait(pool.run("Any", "any", lambda: 1)) == 1
            pool.stop()
        with pytest.raises(CannotTell):
            reactor.wait(pool.run("Any", "any", lambda: 1))
        step()


def test_the_frames_of_a_thread_are_not_kept() -> None:
    def fails() -> None:
        password = "in a variable"
        raise ValueError(len(password))

    reactor = Turns()
    pool = Pool(reactor)
    pool.start()
    failed: list[Any] = []
    pool.run("Any", "any", fails).addErrback(failed.append)
    while not failed:
        reactor.turn()
    assert "in a variable" not in repr(failed[0].frames)
    pool.stop()


# errors


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ImportError("no module named docker"), Why.NO_LIBRARY),
        (TimeoutError(), Why.TIMEOUT),
        (ConnectionRefusedError("refused"), Why.UNREACHABLE),
        (BrokenPipeError("pipe"), Why.UNREACHABLE),
        (KeyError("servers"), Why.NONSENSE),
        (RuntimeError("anything"), Why.FAILED),
        (CannotTell(Why.UNDECIDED, "both"), Why.UNDECIDED),
    ],
)
def test_each_error_has_a_reason(error: Exception, why: Why) -> None:
    assert told(error).why is why


def test_the_cause_says_more_than_what_wraps_it() -> None:
    error = RuntimeError("Error while fetching server API version")
    error.__cause__ = TimeoutError("read")
    assert told(error).why is Why.TIMEOUT


def test_a_text_is_one_short_line_without_secrets() -> None:
    said = told(
        RuntimeError("a\nb \x1b[31m https://me:pw@host/x secret-token " + "x" * 999),
        ["secret-token"],
    )
    assert said.text.startswith("RuntimeError: a b \\x1b[31m https://host/x *****")
    assert len(said.text) <= 450


# the docs


def test_the_table_in_the_docs_is_what_the_adapters_state() -> None:
    page = Path(__file__).parents[2] / "docs" / "writing-workers.md"
    rows = re.findall(r"^\| `(\w+)` \|((?: (?:yes|-) \|){8})", page.read_text(), re.MULTILINE)
    told = {name: [word.strip() for word in cells.split("|")[:-1]] for name, cells in rows}
    columns = (Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LINK, Can.LAST_WORDS, Can.AGE, Can.KIND)
    assert set(columns) == set(Can)
    abilities = {adapter.classes[0].rpartition(".")[2]: adapter.can for adapter in OURS}
    abilities[private.MACHINE.rpartition(".")[2]] = machine.CAN
    # what comes with a list, when its instances have it: ours say neither
    own = (each for each, method in METHODS.items() if hasattr(SSHLatentWorker, method))
    abilities[SSHLatentWorker.__name__] = frozenset(own)
    assert told == {
        name: ["yes" if each in can else "-" for each in columns] for name, can in abilities.items()
    }
