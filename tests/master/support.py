"""What the tests of real masters share: thresholds that are short, and a client that forces."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from buildbot_lifecycle.core.states import RESTING
from tests.harness.idle import LONG, up_until
from tests.harness.master import API, ROOT, RealMaster, worker
from tests.harness.tls import Tls
from tests.harness.web import Answer
from tests.ssh.proxy import Proxy

#: Seconds: short enough for a test, long enough that a healthy call of a busy machine keeps to them.
STUCK_AFTER = {
    "insubstantiating": 2,
    "insubstantiating_substantiating": 2,
    # generous: starting a worker process takes its time on a busy machine; tests of hanging starts
    # use START_STUCK_AFTER
    "substantiating_starting": 40,
    "not_substantiated": 1,
}

LIFECYCLE: dict[str, Any] = {
    "stuck_after": STUCK_AFTER,
    "shutdown_grace": 1,
    "anonymous_may_force": True,
}

#: The same, for a start that hangs.
START_LIFECYCLE: dict[str, Any] = {
    **LIFECYCLE,
    "stuck_after": {**STUCK_AFTER, "substantiating_starting": 3},
}

#: Every situation's own limit, short too.
SETTINGS: dict[str, Any] = {
    **LIFECYCLE,
    "stuck_after": {
        **LIFECYCLE["stuck_after"],
        "frozen_attach": 2,
        "frozen_worker": 2,
        "stale_connection": 2,
        "duplicate_arbitration": 1,
        "half_insubstantiated": 1,
        "unasked_instance": 2,
        "reconfig_frozen": 2,
        "substantiating": 3,
    },
}

#: The same for starts that hang.
START_SETTINGS: dict[str, Any] = {
    **SETTINGS,
    "stuck_after": {**SETTINGS["stuck_after"], "substantiating_starting": 3},
}

#: Seconds of a stop beyond grace and threshold: "a few", on a machine with two busy cores.
FEW_SECONDS = 12.0


def ask_force(master: RealMaster, name: str, **changes: Any) -> Answer:
    """POST a force disconnect as the page does: with what GET told a moment before."""
    seen = master.worker(name)
    body = {
        "episode": seen["episode"],
        "confirm": name,
        "reason": "a test",
        "pause": True,
        **changes,
    }
    return master.post(f"{API}/workers/{seen['workerid']}/force-disconnect", body)


def force(master: RealMaster, name: str, **changes: Any) -> Any:
    """`ask_force`, which must succeed; the action."""
    answer = ask_force(master, name, **changes)
    assert answer.status == 200, answer
    return answer.json["action"]


def unpause(master: RealMaster, name: str) -> None:
    """Unpause as Buildbot's own page does, and wait until it is so."""
    workerid = master.worker(name)["workerid"]
    call = {"jsonrpc": "2.0", "method": "unpause", "id": 1, "params": {}}
    master.post(f"api/v2/workers/{workerid}", call).ok()
    master.wait_worker(name, paused=False)


def get_stuck(master: RealMaster, name: str, timeout: float = 30.0, **fields: Any) -> Any:
    """Wait until a worker is stuck, and the number of its episode is known: who forces names it."""
    found = master.wait_worker(name, timeout, verdict__level="stuck", **fields)
    if found["episode"] is None and found["state"] not in RESTING:
        return master.wait_worker(
            name, timeout, verdict__level="stuck", episode=lambda n: n is not None, **fields
        )
    return found


def freeze(master: RealMaster, name: str) -> None:
    """Stop all processes of a worker's instance, as a machine that hangs."""
    for pid in master.instance_pids(name):
        with contextlib.suppress(ProcessLookupError):  # a build's `sleep` that has just ended
            os.kill(pid, signal.SIGSTOP)


def stop_build(master: RealMaster, name: str, builder: str | None = None) -> None:
    """Ask for the end of the build that a worker is taken for; of several, that of a builder."""
    building = master.worker(name)["building"]
    (build,) = [b for b in building if builder in (None, b["builder"])]
    call = {"jsonrpc": "2.0", "method": "stop", "id": 1, "params": {"reason": "a test"}}
    master.post(f"api/v2/builds/{build['buildid']}", call).ok()


def fails_to_start(master: RealMaster, name: str, times: int) -> None:
    """The start for a build fails so many times, and Buildbot tries it again.

    The quarantines between are ended as a person does; the worker is left in the last one.
    """
    for number in range(times):
        if number:
            unpause(master, name)
        master.wait_log(rf"(?s)({name} has been put in quarantine.*){{{number + 1}}}")


def written(master: RealMaster) -> None:
    """Wait until the database has all that was seen: history is read from there, states from memory."""

    def all_written() -> bool:
        return bool(master.api("workers")["meta"]["behind"]["events"] == 0)

    master.wait_until(all_written, 30, "everything is written")


def transitions(master: RealMaster, name: str) -> list[tuple[str, str]]:
    """All transitions of a worker, oldest first."""
    written(master)
    rows = master.api(f"workers/{name}/transitions?limit=1000")["transitions"]
    return [(row["from"], row["to"]) for row in reversed(rows)]


def events(master: RealMaster, name: str) -> list[dict[str, Any]]:
    """All events of a worker, oldest first."""
    written(master)
    rows: list[dict[str, Any]] = master.api(f"workers/{name}/events?limit=1000")["events"]
    return rows[::-1]


def episodes(master: RealMaster, name: str) -> list[dict[str, Any]]:
    """All episodes of a worker, oldest first."""
    written(master)
    rows: list[dict[str, Any]] = master.api(f"workers/{name}/episodes?limit=1000")["episodes"]
    return rows[::-1]


def rows(master: RealMaster, query: str) -> list[Any]:
    """Rows of its SQLite database, read beside it."""
    with master.db() as connection:
        return [tuple(row) for row in connection.execute(query)]


def peer(master: RealMaster, name: str, silent_at: str) -> subprocess.Popen[bytes]:
    """A process that logs in as a worker and goes silent at a question; it dies with the master.

    It has been asked when this returns (`nothing`: it may not even have logged in).
    """
    command = [sys.executable, "-m", "tests.harness.frozen_peer"]
    command += [str(master.pb_port), name, f"demo-{name}", silent_at]
    path = master.basedir.parent / f"peer-of-{name}"
    with path.open("wb") as output:
        process = subprocess.Popen(command, env=master.env, cwd=ROOT, stdout=output)
    question = silent_at.rpartition(":")[2]
    if question != "nothing":
        master.wait_until(lambda: question in path.read_text(), 20, f"{name} is asked {question}")
    return process


_MACHINE = """
from tests.harness.machines import SlowMachine
c.setdefault('machines', [])
"""


def latent_machine(name: str, hang: Path, then: Path | None = None) -> str:
    """`RealMaster(extra=...)`: a machine whose start hangs while there is a file `hang`.

    It ends, late, when there is a file `then`.
    """
    late = None if then is None else str(then)
    return (
        f"{_MACHINE}_m = SlowMachine({name!r}, build_wait_timeout=600)\n"
        f"_m.hang, _m.then = {str(hang)!r}, {late!r}\nc['machines'].append(_m)\n"
    )


def forgotten_worker(beside: Path, name: str, connect: Path) -> str:
    """A worker for `forget_a_build`; its first build is to run until there is `beside / "ended"`."""
    (beside / "checks").touch()
    return worker(
        "StuckCheck",
        name,
        connect_file=connect,
        hang_file=beside / "checks",
        release_file=beside / "checked",
    )


def forget_a_build(master: RealMaster, name: str) -> int:
    """Let Buildbot forget a build of a `forgotten_worker` whose first build runs; the build's request.

    The build comes while the stop waits for the end of a check, with the connection gone.
    """
    beside = master.basedir.parent
    (beside / "checks").unlink()
    (beside / "ended").touch()
    master.wait_worker(name, building=[])
    # else it would connect again, and the build would find it
    for pid in master.instance_pids(name):
        os.kill(pid, signal.SIGKILL)
    master.wait_worker(name, connected=False)
    since = master.log_size()
    request = master.force_build(name)
    master.wait_log(f"substantiating worker <LatentWorkerForBuilder builder='{name}'", since)
    (beside / "checked").touch()
    master.wait_worker(name, state="not_substantiated")
    return request


def dead_by_tls(make_master: Any, name: str, **options: Any) -> tuple[RealMaster, Proxy]:
    """A master and the network before it, which died after a build of the worker; then that is idle.

    The worker connects by TLS: nobody is left to answer the close, and the connection stays.
    """
    master: RealMaster = make_master([], start=False, **options)
    proxy = Proxy(master.pb_port)
    tls = Tls(master.basedir.parent / "tls")
    idle = master.basedir.parent / "idle"
    master.extra = tls.extra(master.pb_port)
    connection = tls.connection(proxy.port)
    up = worker("Healthy", name, build_wait_timeout=LONG, connection=connection)
    master.workers = [up_until(idle, up)]
    master.start()
    assert master.build(name)["results"] == 0
    proxy.swallow()
    idle.touch()
    return master, proxy
