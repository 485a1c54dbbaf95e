"""The stop ends for every way to get stuck: all that can be so at once, per way of stopping.

Afterwards the database is looked into: an action for each worker that was released, an orphan where an
instance may still run. What was seen goes into the table of docs/catalogue.md, as in test_catalogue.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.idle import LONG, up_until
from tests.harness.master import RealMaster, worker
from tests.harness.tls import Tls
from tests.master import catalogue
from tests.master.support import (
    SETTINGS,
    START_SETTINGS,
    fails_to_start,
    forget_a_build,
    forgotten_worker,
    freeze,
    get_stuck,
    latent_machine,
    peer,
    rows,
    stop_build,
)
from tests.ssh.proxy import Proxy

pytestmark = pytest.mark.master

#: Seconds within which the process must end, on a machine that is busy with other tests. With `--clean`
#: it waits for builds to end, of which there are nine here.
LIMITS = {"TERM": 15.0, "INT": 15.0, "stop": 15.0, "clean": 30.0, "reconfig": 20.0}

#: Seconds after which `buildbot stop` (without `--clean`) has not seen the end, and gives up.
PATIENCE = 10.0

#: What the stop does not release must have been stopped within its limit, twenty at once.
STOP_SETTINGS: dict[str, Any] = {
    **START_SETTINGS,
    "stuck_after": {**START_SETTINGS["stuck_after"], "insubstantiating": 6},
}

#: Each worker of the master below: its line of the catalogue, and whether the stop must release it.
STUCK = {
    "stop": ("stop_pending", "StuckStopDeferred", True),
    "coroutine": ("stop_pending", "StuckStopCoroutine", True),
    "thread": ("stop_pending", "StuckStopThread", True),
    "queued": ("substantiation_queued", "", True),
    "start": ("start_pending", "", True),
    "check": ("check_pending", "", True),
    "checked": ("check_pending", "connected meanwhile", True),
    "never": ("never_connected", "", False),
    "print": ("frozen_attach", "silent at print", False),
    "builders": ("frozen_attach", "silent at setBuilderList", False),
    "duplicate": ("duplicate_arbitration", "", False),
    "frozen": ("frozen_worker", "", True),
    "rejected": ("rejected_loop", "", False),
    "half": ("half_insubstantiated", "", True),
    "raising": ("stop_failed", "RaisingStop", False),
    "raises": ("stop_failed", "SyncRaisingStop", False),
    "failing": ("start_failed_loop", "", False),
    "machine": ("machine_pending", "", True),
    "unasked": ("unasked_instance", "", False),
    "forgotten": ("build_forgotten", "", True),
}

#: A quick stop makes Buildbot cancel these starts by itself; a clean one leaves them to us.
LEFT_TO_A_CLEAN_STOP = {"never", "print", "builders", "duplicate"}

#: After these releases Buildbot stops the instance itself, and that goes well: it does not run any more.
STOPPED_AFTERWARDS = {"check", "checked", "frozen", *LEFT_TO_A_CLEAN_STOP}


def all_stuck(master: RealMaster, end: Path, *others: str) -> RealMaster:
    """Start it with all of STUCK (and other workers), and wait until each is told as what it is."""
    beside = end.parent
    come, hang = beside / "come", beside / "hang"
    hang.touch()
    forgotten = forgotten_worker(beside, "forgotten", come)
    master.workers = [
        worker("StuckStopDeferred", "stop"),
        worker("StuckStopCoroutine", "coroutine"),
        worker("StuckStopThread", "thread"),
        worker("StuckStopDeferred", "queued"),
        worker("StuckStart", "start"),
        worker("StuckCheck", "check"),
        worker("StuckCheck", "checked", connect_file=come),
        worker("NeverConnects", "never"),
        worker("NeverConnects", "print"),
        worker("NeverConnects", "builders"),
        worker("NeverConnects", "duplicate", connect_file=come, restart_after=5),
        worker("Healthy", "frozen"),
        worker("SurvivesStop", "rejected", restart_after=5),
        worker("CancelledStop", "half"),
        worker("RaisingStop", "raising"),
        worker("SyncRaisingStop", "raises"),
        worker("FailingStart", "failing"),
        worker("Healthy", "machine", machine_name="m"),
        worker("Healthy", "unasked", machine_name="late"),
        forgotten,
        *others,
    ]
    master.extra = latent_machine("m", hang) + latent_machine("late", hang, then=beside / "then")
    until = {"checked": end, "frozen": beside / "never", "forgotten": beside / "ended"}
    master.extra += at_once(list(STUCK), until=until)
    master.start()
    master.wait_worker("unasked", state="substantiating", building=bool)
    stop_build(master, "unasked")
    master.wait_worker("unasked", state="not_substantiated", building=[])
    (beside / "then").touch()
    for name in ("print", "builders", "duplicate"):
        master.wait_worker(name, state="substantiating_starting", pending=None)
        silent_at = {"print": "print", "builders": "setBuilderList"}
        peer(master, name, silent_at.get(name, "only:setBuilderList"))
    master.wait_worker("checked", pending=bool)
    master.wait_worker("forgotten", pending=bool)
    come.touch()
    master.wait_log("RemoteShellCommand.*/ended", timeout=60)
    forget_a_build(master, "forgotten")
    fails_to_start(master, "failing", times=3)
    master.wait_worker("queued", state="insubstantiating")
    master.force_build("queued")
    master.wait_log("RemoteShellCommand.*/never", timeout=60)
    freeze(master, "frozen")
    stop_build(master, "frozen")
    for name, (code, _, _) in STUCK.items():
        # a process whose stop failed comes back, and is refused
        codes = (code, "rejected_loop") if name == "raises" else (code,)
        master.wait_worker(
            name,
            60,
            verdict__code=codes.__contains__,
            verdict__level=("stuck", "attention", "failed").__contains__,
        )
    return master


def at_once(builders: Sequence[str], until: Mapping[str, Path]) -> str:
    """`RealMaster(extra=...)`: a build of each as the master starts, with the property `until`."""
    return "".join(
        f"c['schedulers'].append(schedulers.Periodic(name='at-once-{number}', builderNames=[{name!r}],"
        f" periodicBuildTimer=86400, properties={{'until': {str(until.get(name, ''))!r}}}))\n"
        for number, name in enumerate(builders)
    )


def by_signal(number: int) -> Callable[[RealMaster], None]:
    def stop(master: RealMaster) -> None:
        master._leaving = True
        master.signal(number)

    return stop


def by_command(way: str, *arguments: str) -> Callable[[RealMaster], None]:
    """`buildbot stop`, which sees the end itself, if it is patient enough."""

    def stop(master: RealMaster) -> None:
        (master.basedir / "twistd.pid").write_text(str(master.pid))  # as for a master in background
        master._leaving = True
        master.signal(0)  # from here on wait_exit counts
        command = [str(master.python.parent / "buildbot"), "stop", *arguments, str(master.basedir)]
        with subprocess.Popen(command, env=master.env, stdout=subprocess.PIPE, text=True) as asked:
            try:
                took = master.wait_exit(LIMITS[way])
                said, _ = asked.communicate()
            finally:
                asked.kill()
        assert "is dead" in said or took > PATIENCE - 1, said

    return stop


WAYS = {
    "TERM": by_signal(signal.SIGTERM),
    "INT": by_signal(signal.SIGINT),
    "stop": by_command("stop"),
    "clean": by_command("clean", "--clean"),
}


def read_in(master: RealMaster) -> bool:
    """What a busy machine's stop could not write in time is in a file, which the next start reads in."""
    if not list(master.basedir.glob("lifecycle-unwritten-*")):
        return False
    master.workers, master.extra = [worker("Healthy", "later")], ""
    master.start()
    master.wait_log("of an earlier run are read in")
    master.stop(LIMITS["TERM"])
    return True


def assert_all_written(master: RealMaster, names: Collection[str]) -> None:
    """The process is gone, its end is in the database, and so is that of each worker."""
    started_again = read_in(master)
    assert set(rows(master, "select ended_how from lifecycle_incarnations")) == {("clean",)}
    if not started_again:  # the next start tells them as they are then
        states = dict(rows(master, "select name, state from lifecycle_workers"))
        assert states == dict.fromkeys(names, "shut_down")
    assert rows(master, "select count(*) from lifecycle_episodes where ended_at is null") == [(0,)]


_NAMES = "join lifecycle_workers using (workerid)"


def actions(master: RealMaster) -> dict[str, tuple[str, ...]]:
    """What was done to whom, by whom, and what came of it; once each."""
    query = f"select name, what, actor, status from lifecycle_actions {_NAMES}"
    found = rows(master, query)
    assert len({name for name, *_ in found}) == len(found), found
    return {name: tuple(rest) for name, *rest in found}


def orphans(master: RealMaster) -> set[tuple[str, str, str | None]]:
    """Whose instances may still run, or might have, why, and what closed the entry."""
    cause = "json_extract(lifecycle_orphans.data, '$.cause')"
    closed_by = "json_extract(lifecycle_orphans.data, '$.closed_by')"
    return set(rows(master, f"select name, {cause}, {closed_by} from lifecycle_orphans {_NAMES}"))


def wait_for_none(master: RealMaster, difference: Callable[[], set[Any]]) -> None:
    """Wait until there is no difference; a failure tells the last one."""

    def is_none() -> bool:
        found = difference()
        assert not found, found
        return True

    master.wait_until(is_none, 10, "what is in the database")


def expected_orphans(released: Collection[str]) -> set[tuple[str, str, str | None]]:
    """An orphan for each released worker with an instance; one whose stop failed has it since then."""
    failed = {"half", "raising", "raises"}
    return {
        *(
            (name, "release", "stop" if name in STOPPED_AFTERWARDS else None)
            for name in released
            if name not in {*failed, "forgotten"}
        ),
        *((name, "stop_failed", None) for name in failed),
    }


@pytest.mark.parametrize("way", WAYS)
def test_all_stuck_at_once_do_not_hold_the_stop(
    make_master: MakeMaster, way: str, record_property: Callable[[str, object], None]
) -> None:
    lines = [(code, variant) for code, variant, _ in STUCK.values()]
    with catalogue.rows(lines) as seen:
        master = make_master([], lifecycle=STOP_SETTINGS, start=False)
        end = master.basedir.parent / "end"
        all_stuck(master, end)
        if way == "clean":
            end.touch()  # it waits for builds that go on
        WAYS[way](master)
        record_property("seconds", master.wait_exit(LIMITS[way]))
        assert_all_written(master, STUCK)
        released = {name for name, (*_, released) in STUCK.items() if released}
        if way == "clean":
            released |= LEFT_TO_A_CLEAN_STOP
        assert actions(master) == dict.fromkeys(released, ("shutdown-release", "shutdown", "done"))
        assert orphans(master) == expected_orphans(released)
        for each in seen:
            each.stopped(way)


def test_a_reconfig_that_removes_all_stuck_workers_at_once_goes_on_and_so_does_the_rest(
    make_master: MakeMaster, record_property: Callable[[str, object], None]
) -> None:
    lines = [(code, variant) for code, variant, _ in STUCK.values()]
    with catalogue.rows(lines) as seen:
        master = make_master([], lifecycle=STOP_SETTINGS, start=False)
        other = worker("Healthy", "other")
        all_stuck(master, master.basedir.parent / "end", other)
        began = time.monotonic()
        master.reconfig(workers=[other], extra="", timeout=LIMITS["reconfig"])
        record_property("seconds", time.monotonic() - began)
        # what a healthy worker's removal does is enough for a stop that broke off, and for TCP
        # and a forgotten build goes with the builder that is removed as well
        # and of a machine Buildbot waits for nothing when it removes one of its workers
        released = {name for name, (*_, released) in STUCK.items() if released}
        released -= {"half", "frozen", "forgotten", "machine"}
        expected = expected_orphans(released)
        # the difference is told, if there is one
        wait_for_none(master, lambda: orphans(master) ^ expected)
        done = {(name, ("shutdown-release", "reconfig", "done")) for name in released}
        # what came of each is written after its entry
        wait_for_none(master, lambda: set(actions(master).items()) ^ done)
        query = "select name, state from lifecycle_workers where name != 'other'"
        left = {(name, "shut_down") for name in STUCK}
        wait_for_none(master, lambda: set(rows(master, query)) ^ left)
        assert master.build("other")["results"] == 0
        master.stop(LIMITS["TERM"])
        for each in seen:
            each.stopped("reconfig")


#: What cannot be beside the others above: workers by TLS, a crash, a plugin that came later.
OTHERS = {
    "stale": ("stale_connection", "TLS, the network died"),
    "crashed": ("crash_open", ""),
    "before": ("pending_before_us", ""),
    "leaving": ("reconfig_frozen", ""),
}

#: The call of "leaving" is not stuck yet when the reconfiguration that waits for it is.
OTHER_SETTINGS = {
    **SETTINGS,
    "stuck_after": {**SETTINGS["stuck_after"], "reconfig_frozen": 0.5},
    "workers": {"leaving": {"stuck_after": {"insubstantiating": 9}}},
}


def others_stuck(master: RealMaster, proxy: Proxy, tls: Tls) -> None:
    """Start it with all of OTHERS, and wait until each is told as what it is; of the last, its call.

    Beside them a worker that was refused while there was no plugin: Buildbot waits for that, unseen.
    """
    end, idle = (master.basedir.parent / name for name in ("end", "idle"))
    direct = tls.connection(master.pb_port)
    by_proxy = tls.connection(proxy.port)
    stale = worker("Healthy", "stale", build_wait_timeout=LONG, connection=by_proxy)
    master.extra = tls.extra(master.pb_port)
    master.extra += at_once(["crashed"], until={"crashed": end})
    master.workers = [
        up_until(idle, stale),
        worker("Healthy", "crashed", outlives_master=True, connection=direct),
        worker("StuckStopDeferred", "before", connection=direct),
        worker("SurvivesStop", "refused", restart_after=None, connection=direct),
        worker("Healthy", "other", connection=direct),
        worker("StuckStopDeferred", "leaving", connection=direct),
    ]
    master.start()
    master.wait_log("RemoteShellCommand.*/end", timeout=60)
    master.kill9()
    master.plugin = False
    master.start()
    end.touch()
    # it comes back after its stop, and is refused before the plugin is there
    master.build("refused")
    master.wait_log("Worker refused received connection while not trying to substantiate")
    for pid in master.instance_pids("refused"):
        os.kill(pid, signal.SIGKILL)
    master.build("before")
    master.wait_log("insubstantiating worker <StuckStopDeferred 'before'>")
    master.reconfig(plugin=True)
    master.wait_worker("refused", held=lambda n: n >= 0, refused=0)
    master.build("stale")
    proxy.swallow()
    idle.touch()
    for name in ("stale", "crashed", "before"):
        master.wait_worker(name, verdict__code=OTHERS[name][0])
    master.build("leaving")
    master.wait_worker("leaving", state="insubstantiating")


@pytest.mark.parametrize("way", [*WAYS, "reconfig"])
def test_all_others_stuck_at_once_and_a_frozen_reconfig_do_not_hold_the_stop(
    make_master: MakeMaster, way: str, record_property: Callable[[str, object], None]
) -> None:
    with catalogue.rows(list(OTHERS.values())) as seen:
        master = make_master([], lifecycle=OTHER_SETTINGS, start=False)
        proxy = Proxy(master.pb_port)
        tls = Tls(master.basedir.parent / "tls")
        others_stuck(master, proxy, tls)
        began = time.monotonic()
        if way == "reconfig":
            healthy = [text for text in master.workers if "'other'" in text]
            extra = tls.extra(master.pb_port)
            master.reconfig(workers=healthy, extra=extra, timeout=LIMITS["reconfig"])
            assert master.build("other")["results"] == 0
        else:
            master.reconfig(workers=master.workers[:-1], wait=False)
            get_stuck(master, "leaving", verdict__code="reconfig_frozen")
            began = time.monotonic()
            WAYS[way](master)
            master.wait_exit(LIMITS[way])
            states = dict(rows(master, "select name, state from lifecycle_workers"))
            assert states == dict.fromkeys([*OTHERS, "other", "refused"], "shut_down")
        record_property("seconds", time.monotonic() - began)
        released = set(OTHERS) - {"crashed"}
        expected = {("crashed", "crash", None), *((name, "release", None) for name in released)}
        # the difference is told, if there is one
        wait_for_none(master, lambda: orphans(master) ^ expected)
        actor = "reconfig" if way == "reconfig" else "shutdown"
        assert actions(master) == dict.fromkeys(released, ("shutdown-release", actor, "done"))
        for each in seen:
            each.stopped(way)
        proxy.close()
