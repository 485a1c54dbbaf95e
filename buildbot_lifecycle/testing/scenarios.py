"""The situations into which the kit brings a driver, and what each shows of its rules.

A scenario is a generator of findings. Where it cannot go on, it ends early: the rules that it would have
looked at are told as broken, with the reason.
"""

from __future__ import annotations

import tempfile
import textwrap
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from buildbot_lifecycle.testing.driver import Driver
from buildbot_lifecycle.testing.master import Master, TooLate
from buildbot_lifecycle.testing.report import RULES, Finding, Report

Findings = Iterator[Finding]

#: Seconds in which a worker that was stopped would come back.
QUIET = 6.0

#: Seconds that a master with nothing to wait for may take to stop.
STOP = 15.0


def check(
    driver: Driver,
    rules: Collection[str] = tuple(RULES),
    tell: Callable[[Finding], None] = lambda _: None,
) -> Report:
    """Bring the driver into every scenario that its description allows; minutes, mostly of waiting.

    `rules`: only scenarios that look at one of these. `tell` is called with each finding as it comes.
    Raises KeyError for a rule that there is none. That nothing works is a finding as well.
    """
    for rule in rules:
        RULES[rule]
    trial = Trial(driver, tell)
    for shown, _ in SCENARIOS.values():
        if set(shown) & set(rules):
            trial.finding(shown[0])
    found = trial.found
    return Report(driver.title or driver.worker, [found[rule] for rule in RULES if rule in found])


class Trial:
    """A driver, tried rule by rule: each scenario is played once, when one of its rules is asked for."""

    def __init__(self, driver: Driver, tell: Callable[[Finding], None] = lambda _: None) -> None:
        self.driver = driver
        #: what was found until now, by rule
        self.found: dict[str, Finding] = {}
        self._tell = tell

    def finding(self, rule: str) -> Finding:
        """That on one rule; the first of a scenario takes minutes. Raises KeyError for an unknown one."""
        RULES[rule]
        if rule not in self.found:
            (scenario,) = (one for one, (shown, _) in SCENARIOS.items() if rule in shown)
            _play(scenario, self.driver, self.found, self._take)
        return self.found.get(rule) or Finding(rule, None, "the scenario ended before it")

    def _take(self, finding: Finding) -> None:
        self.found[finding.rule] = finding
        self._tell(finding)


def _play(
    scenario: Scenario,
    driver: Driver,
    found: Mapping[str, Finding],
    take: Callable[[Finding], None],
) -> None:
    """One scenario; what it would have looked at and did not come to is told too."""
    shown, needs = SCENARIOS[scenario]
    lacking = [name for name in needs if getattr(driver, name) is None]
    if lacking:
        for rule in shown:
            take(Finding(rule, None, f"the kit was not told: {', '.join(lacking)}"))
        return
    with tempfile.TemporaryDirectory(prefix="lifecycle-kit-") as directory:
        try:
            for finding in scenario(driver, Path(directory)):
                take(finding)
        except TooLate as error:
            for rule in set(shown) - set(found):
                take(Finding(rule, False, str(error)))


def _left(driver: Driver, master: Master, seconds: float = 5.0) -> int | None:
    """How many instances are left after some seconds of grace; None: the kit cannot see them."""
    instances = driver.instances
    if instances is None:
        return None
    try:
        master.wait(lambda: instances() == 0, seconds, "the instance's end")
    except TooLate:
        return instances()
    return 0


def _in_words(left: int | None) -> str:
    if left is None:
        return "instances were not counted"
    return "no instance is left" if left == 0 else f"instances left: {left}"


def _short(text: str) -> str:
    return textwrap.shorten(text, 200, placeholder=" ...")


def _succeeded(ended: dict[str, Any]) -> bool:
    # Buildbot looks at no value of stop_instance; None is what several of its own drivers give.
    return ended["outcome"] != "False" and not ended["outcome"].startswith("raised")


def _not_in_time(rules: tuple[str, ...], problem: str | None, master: Master) -> Findings:
    seen = (
        problem or f"the worker was {master.state()} already: give it a longer build_wait_timeout"
    )
    for rule in rules:
        yield Finding(rule, None, seen)


def _at_rest(master: Master, seconds: float) -> None:
    master.wait(
        lambda: master.state() in ("not_substantiated", "shut_down"), seconds, "NOT_SUBSTANTIATED"
    )


def _life(driver: Driver, directory: Path) -> Findings:
    with Master(driver, directory) as master:
        began = time.monotonic()
        problem = master.wait_finished(master.force(), 2 * driver.seconds)
        took = time.monotonic() - began
        yield Finding(
            "starts", problem is None, problem or f"the build was done after {took:.1f} s"
        )
        master.wait(
            lambda: master.ended("stop_instance"), driver.seconds, "the end of stop_instance"
        )
        stop = master.ended("stop_instance")[-1]
        seen = f"{_short(stop['outcome'])} after {stop['seconds']:.1f} s"
        yield Finding("stop ends", _succeeded(stop), seen)
        left = _left(driver, master)
        yield Finding("gone", None if left is None else left == 0, _in_words(left))
        time.sleep(QUIET)
        refused = [line for line in master.seen() if line["what"] == "refused"]
        seen = f"refused {len(refused)} times" if refused else f"none came in {QUIET:g} s"
        yield Finding("stays away", not refused, seen)
        problem = master.wait_finished(master.force(), 2 * driver.seconds)
        yield Finding("starts again", problem is None, problem or "the second build succeeded")
        _at_rest(master, driver.seconds)
        stalls = [line["seconds"] for line in master.seen() if line["what"] == "stall"]
        seen = f"stood still for {max(stalls)} s" if stalls else "never stood still for a second"
        yield Finding("reactor is free", not stalls, seen)
        yield _stops("master stops", master, STOP)


def _stops(rule: str, master: Master, seconds: float) -> Finding:
    took = master.terminate(seconds)
    seen = f"after {took:.1f} s" if took is not None else f"still there {seconds:g} s after SIGTERM"
    return Finding(rule, took is not None, seen)


def _stop_in_build(driver: Driver, directory: Path) -> Findings:
    with Master(driver, directory) as master:
        master.wait_running(master.force(hold=True), 2 * driver.seconds)
        stopped = _stops("stop in build", master, driver.seconds + STOP)
        left = _left(driver, master)
        yield Finding(
            "stop in build", stopped.kept and not left, f"{stopped.seen}; {_in_words(left)}"
        )


def _refusal(driver: Driver, directory: Path) -> Findings:
    with Master(driver, directory, worker=driver.refused) as master:
        master.force()
        master.wait(lambda: master.ended("start_instance"), driver.seconds, "start_instance's end")
        start = master.ended("start_instance")[-1]
        told = start["outcome"] == "False" or start["outcome"].startswith("raised")
        master.wait(
            lambda: master.ended("stop_instance"), driver.seconds, "stop_instance after the refusal"
        )
        left = _left(driver, master)
        seen = f"{_short(start['outcome'])} after {start['seconds']:.1f} s; {_in_words(left)}"
        yield Finding("refusal is told", told and not left, seen)


def _hang(driver: Driver, directory: Path) -> Findings:
    assert driver.hang is not None
    with Master(driver, directory) as master:
        problem = master.wait_finished(master.force(), 2 * driver.seconds)
        if problem or master.state() != "substantiated":
            yield from _not_in_time(("hang is bounded", "hang is not hidden"), problem, master)
            return
        with driver.hang():
            try:
                master.wait(
                    lambda: master.ended("stop_instance"), driver.seconds, "stop_instance's end"
                )
            except TooLate as error:
                yield Finding("hang is bounded", False, str(error))
                yield Finding("hang is not hidden", None, "it did not end")
            else:
                stop = master.ended("stop_instance")[-1]
                seen = f"{_short(stop['outcome'])} after {stop['seconds']:.1f} s"
                yield Finding("hang is bounded", True, seen)
                left = driver.instances() if driver.instances else None
                hidden = _succeeded(stop) and bool(left)
                kept = None if left is None else not hidden
                yield Finding("hang is not hidden", kept, f"{seen}; {_in_words(left)}")
            yield _stops("hung master stops", master, driver.seconds + STOP)


def _loss(driver: Driver, directory: Path) -> Findings:
    assert driver.kill is not None
    with Master(driver, directory) as master:
        request = master.force(hold=True)
        master.wait_running(request, 2 * driver.seconds)
        driver.kill()
        master.wait(
            lambda: len(master.builds(request)) > 1, 2 * driver.seconds, "a second try of the build"
        )
        master.release()
        problem = master.wait_finished(request, 3 * driver.seconds)
        _at_rest(master, driver.seconds + 10)
        left = _left(driver, master)
        seen = problem or f"done at try {len(master.builds(request))}; {_in_words(left)}"
        yield Finding("loss is mended", problem is None and not left, seen)


def _frozen(driver: Driver, directory: Path) -> Findings:
    assert driver.freeze is not None
    with Master(driver, directory) as master:
        problem = master.wait_finished(master.force(), 2 * driver.seconds)
        if problem or master.state() != "substantiated":
            yield from _not_in_time(("frozen is ended",), problem, master)
            return
        driver.freeze()
        master.wait(
            lambda: master.ended("stop_instance"), driver.seconds + 10, "stop_instance's end"
        )
        stop = master.ended("stop_instance")[-1]
        left = _left(driver, master)
        seen = f"{_short(stop['outcome'])} after {stop['seconds']:.1f} s; {_in_words(left)}"
        yield Finding("frozen is ended", _succeeded(stop) and not left, seen)


def _crash(driver: Driver, directory: Path) -> Findings:
    with Master(driver, directory) as master:
        master.wait_running(master.force(hold=True), 2 * driver.seconds)
        master.kill()
        master.release()
        master.start()
        # Buildbot runs the build that was lost again, by itself
        master.wait(lambda: master.finished(1), 3 * driver.seconds, "the end of the lost build")
        _at_rest(master, driver.seconds)
        left = _left(driver, master)
        refused = sum(line["what"] == "refused" for line in master.seen())
        seen = f"the build ran again; {_in_words(left)}; {refused} connections were refused"
        stopped = _stops("crash is mended", master, STOP)
        if not stopped.kept:
            seen += f"; the master is {stopped.seen}"
        yield Finding("crash is mended", bool(stopped.kept) and not left, seen)


Scenario = Callable[[Driver, Path], Findings]

#: Each scenario: the rules that it looks at, and what of a Driver it cannot do without.
SCENARIOS: dict[Scenario, tuple[tuple[str, ...], tuple[str, ...]]] = {
    _life: (
        (
            "starts",
            "stop ends",
            "gone",
            "stays away",
            "starts again",
            "reactor is free",
            "master stops",
        ),
        (),
    ),
    _stop_in_build: (("stop in build",), ()),
    _refusal: (("refusal is told",), ("refused",)),
    _hang: (("hang is bounded", "hang is not hidden", "hung master stops"), ("hang",)),
    _loss: (("loss is mended",), ("kill",)),
    _frozen: (("frozen is ended",), ("freeze",)),
    _crash: (("crash is mended",), ()),
}
