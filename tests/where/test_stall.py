"""The reactor that stands still: for how long, and in whose function. Real reactors, in processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

#: Run with the name of a reactor, whether to block how, and what to print.
PROGRAM = """
import json, sys, threading, time
if sys.argv[1] == "asyncio":
    from twisted.internet import asyncioreactor
    asyncioreactor.install()
else:
    from twisted.internet import epollreactor
    epollreactor.install()
from twisted.internet import reactor, task, defer
from buildbot_lifecycle.master import stall

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
elif how == "nobody":
    reactor.callLater(0.6, time.sleep, 1.8)
elif how == "short":
    for n in range(8):
        reactor.callLater(0.2 * n, time.sleep, 0.15)
elif how == "twice":
    reactor.callLater(0.3, time.sleep, 1.8)
    reactor.callLater(2.7, driver.stop_instance)
reactor.callLater(6.2 if how == "twice" else 4, stopped)
reactor.run()
"""


def run(tmp_path: Path, reactor: str, how: str) -> dict[str, Any]:
    program = tmp_path / "blocks.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), reactor, how], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def functions(stall: dict[str, Any]) -> list[str]:
    return [frame["function"].rpartition(".")[2] for frame in stall["where"]]


@pytest.mark.parametrize("reactor", ["epoll", "asyncio"])
def test_a_driver_that_blocks_the_reactor_is_told_with_seconds_and_function(
    tmp_path: Path, reactor: str
) -> None:
    answer = run(tmp_path, reactor, "call")
    (told,) = answer["told"]
    assert 2.2 <= told["seconds"] <= 3.5
    assert functions(told) == ["stop_instance", "talk_to_the_cloud"]
    assert told["where"][0]["file"] == "blocks.py"
    assert told["workerid"] == 7
    assert answer["last"] == told


def test_a_coroutine_that_blocks_is_told(tmp_path: Path) -> None:
    (told,) = run(tmp_path, "epoll", "coroutine")["told"]
    assert functions(told)[-2:] == ["later", "talk_to_the_cloud"]
    assert told["workerid"] == 7


def test_a_stall_with_no_driver_in_it_is_told_of_no_worker(tmp_path: Path) -> None:
    (told,) = run(tmp_path, "epoll", "nobody")["told"]
    assert (told["workerid"], told["seconds"] >= 1.5) == (None, True)


def test_two_stalls_are_told_each_with_its_own_place(tmp_path: Path) -> None:
    first, second = run(tmp_path, "epoll", "twice")["told"]
    assert (first["workerid"], second["workerid"]) == (None, 7)


def test_a_busy_reactor_has_not_stood_still(tmp_path: Path) -> None:
    answer = run(tmp_path, "epoll", "short")
    assert (answer["told"], answer["last"]) == ([], None)


def test_a_stall_that_lasts_is_logged_while_it_lasts(tmp_path: Path) -> None:
    (line,) = run(tmp_path, "epoll", "call")["logged"]
    assert line.startswith("the reactor has stood still for 2 s in ")
    assert "talk_to_the_cloud (blocks.py:" in line


def test_the_watch_leaves_no_thread(tmp_path: Path) -> None:
    assert run(tmp_path, "epoll", "short")["threads"] == ["MainThread"]
