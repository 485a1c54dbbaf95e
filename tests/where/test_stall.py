"""The reactor that stands still: for how long, and in whose function. Real reactors, in processes."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import task

from buildbot_lifecycle.diagnose import stall
from tests.harness.waiting import patient

#: Run with the name of a reactor and of a way to block it; prints what was told.
PROGRAM = """
import json, sys, threading, time
if sys.argv[1] == "asyncio":
    from twisted.internet import asyncioreactor
    asyncioreactor.install()
else:
    from twisted.internet import epollreactor
    epollreactor.install()
from twisted.internet import reactor, task, defer
from buildbot_lifecycle.diagnose import stall

class Driver:
    workerid = 7
    def stop_instance(self):
        self.talk_to_the_cloud()
    def talk_to_the_cloud(self):
        time.sleep(2.5)
    async def later(self):
        await task.deferLater(reactor, 0.1)
        self.talk_to_the_cloud()

driver, told, logged = Driver(), [], []
stall.log_lines = lambda lines: logged.extend(lines)
stall.STILL_SECONDS = 1.6

def owner(thing):
    assert threading.current_thread().name == "lifecycle-stall"
    return 7 if thing is driver else None

def on_stall(one):
    assert threading.current_thread() is threading.main_thread()
    told.append(one.as_json())

watch = stall.StallWatch(reactor, on_stall, owner)

def stopped():
    watch.stop()
    reactor.callLater(0.7, ended)

def ended():
    print(json.dumps({"told": told, "logged": logged, "last": watch.last and watch.last.as_json(),
                      "threads": [t.name for t in threading.enumerate()]}))
    reactor.stop()

reactor.callWhenRunning(watch.start)
how = sys.argv[2]
if how == "call":
    reactor.callLater(0.6, driver.stop_instance)
elif how == "coroutine":
    reactor.callWhenRunning(lambda: defer.ensureDeferred(driver.later()))
elif how == "short":
    for n in range(8):
        reactor.callLater(0.2 * n, time.sleep, 0.15)
elif how == "twice":
    reactor.callLater(0.3, time.sleep, 1.8)
    reactor.callLater(2.7, driver.stop_instance)
reactor.callLater(6.2 if how == "twice" else 4, stopped)
reactor.run()
"""


@functools.cache
def run(reactor: str, how: str) -> dict[str, Any]:
    """What a process told that ran so; once for all tests of it."""
    root = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory, "blocks.py")
        program.write_text(PROGRAM, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(program), reactor, how],
            capture_output=True,
            timeout=patient(60),
            check=False,
            env={**os.environ, "PYTHONPATH": root},
        )
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def functions(stall: dict[str, Any]) -> list[str]:
    return [frame["function"].rpartition(".")[2] for frame in stall["where"]]


@pytest.mark.process
def test_a_driver_that_blocks_the_reactor_is_told_with_seconds_and_function() -> None:
    answer = run("epoll", "call")
    (told,) = answer["told"]
    assert 2.2 <= told["seconds"] <= patient(3.5)
    assert functions(told) == ["stop_instance", "talk_to_the_cloud"]
    assert told["where"][0]["file"] == "blocks.py"
    assert told["workerid"] == 7
    assert answer["last"] == told


@pytest.mark.process
def test_a_coroutine_that_blocks_is_told_with_the_asyncio_reactor_too() -> None:
    (told,) = run("asyncio", "coroutine")["told"]
    assert functions(told)[-2:] == ["later", "talk_to_the_cloud"]
    assert not any(frame["file"].startswith("asyncio/") for frame in told["where"])
    assert told["workerid"] == 7


@pytest.mark.process
def test_of_two_stalls_each_is_told_with_its_own_place() -> None:
    first, second = run("epoll", "twice")["told"]
    assert (first["workerid"], second["workerid"]) == (None, 7)
    assert functions(second) == ["stop_instance", "talk_to_the_cloud"]
    assert functions(first) != functions(second)


def test_a_look_that_came_too_late_for_its_stall_is_not_told_of_the_next() -> None:
    """The thread may be overtaken by the end of a stall while it looks."""
    told: list[stall.Stall] = []
    watch = stall.StallWatch(task.Clock(), told.append, lambda _: None)
    watch._beaten = watch._clock.seconds() - 5
    watch._sample = stall._Sample(watch._beaten - 60, [{"of": "another"}], 3)
    watch._beat()
    assert [(one.where, round(one.seconds)) for one in told] == [([], 5)]
    watch._beaten = watch._clock.seconds() - 5
    watch._sample = stall._Sample(watch._beaten, [{"of": "this one"}], 7)
    watch._beat()
    assert (told[1].where, told[1].workerid) == ([{"of": "this one"}], 7)


@pytest.mark.process
def test_a_busy_reactor_has_not_stood_still() -> None:
    answer = run("epoll", "short")
    assert (answer["told"], answer["last"]) == ([], None)


@pytest.mark.process
def test_a_stall_that_lasts_is_logged_while_it_lasts() -> None:
    first, *frames = run("epoll", "call")["logged"]
    assert first.startswith("the reactor has stood still for 2 s, and still does, in ")
    assert first.endswith("talk_to_the_cloud, called from:")
    assert [line.split()[-1].rpartition(".")[2] for line in frames] == [
        "stop_instance",
        "talk_to_the_cloud",
    ]


@pytest.mark.process
def test_the_watch_leaves_no_thread() -> None:
    assert run("epoll", "short")["threads"] == ["MainThread"]


def test_a_clock_that_is_not_the_reactor_is_not_watched() -> None:
    """In a test with a clock of its own, no beat would ever come."""
    watch = stall.StallWatch(task.Clock(), lambda _: None, lambda _: None)
    watch.start()
    assert "lifecycle-stall" not in [thread.name for thread in threading.enumerate()]
    watch.stop()
