"""SSHLatentWorker under a real master, with real buildbot-workers on a host behind a real sshd."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.idle import LONG, up_until
from tests.harness.master import RealMaster
from tests.harness.sshd import Sshd
from tests.harness.waiting import patient, wait_until
from tests.master.support import LIFECYCLE, ask_force, events, force, get_stuck, unpause
from tests.ssh.conftest import MakeSshd
from tests.ssh.proxy import Proxy

pytestmark = pytest.mark.master

#: A connection that is dead is given up after so many seconds.
SHORT = {"connect_timeout": 8, "ask_timeout": 1, "term_timeout": 2, "kill_timeout": 3}


def steps(master: RealMaster, name: str) -> list[str]:
    return [e["data"]["step"] for e in events(master, name) if e["kind"] == "step"]


def outcomes(master: RealMaster, name: str, call: str) -> list[str]:
    """What the calls of a driver's method have ended with."""
    ended = [e["data"] for e in events(master, name) if e["kind"] == "call_ended"]
    return [data["outcome"] for data in ended if data["call"] == call]


def assert_stops(master: RealMaster, name: str, *ended: str) -> None:
    """All its stops ended like this; what is in memory is in the database a moment later."""
    wait_until(lambda: outcomes(master, name, "stop_instance") == list(ended), 10, str(ended))


def stopped(master: RealMaster, name: str, timeout: float = 40) -> None:
    master.wait_worker(name, timeout, state="not_substantiated", pending=lambda p: p is None)


def freeze(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def running_build(master: RealMaster, name: str, tmp_path: Path) -> tuple[int, Path]:
    """A build whose step runs until the file appears."""
    until = tmp_path / f"until-{time.monotonic_ns()}"
    request = master.force_build(name, until=until)
    master.wait_build(request, 120, state="started")
    return request, until


def test_a_build_runs_and_the_worker_is_gone_after_it_and_the_page_has_each_step(
    make_master: MakeMaster, sshd: Sshd
) -> None:
    master = make_master([sshd.worker("w")])
    for _ in range(2):
        assert master.build("w", 120)["results"] == 0
        stopped(master, "w")
        assert not sshd.instances()
    assert_stops(master, "w", "true", "true")
    assert steps(master, "w") == ["started", "reached the host", "asked to stop", "gone"] * 2
    assert not [e for e in events(master, "w") if e["kind"] == "refused"]
    gone = [e["data"] for e in events(master, "w") if e["kind"] == "step"][-1]
    assert gone["ok"] is True
    assert 0 < gone["elapsed_s"] < patient(10)
    master.stop(8)


def test_secrets_reach_the_worker_and_no_log_and_no_other_user(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    for name, value in (("password", "pass-phrase-one"), ("token", "token-number-two")):
        (secrets / name).write_text(value)
        (secrets / name).chmod(0o600)
    script = "echo prepared with $TOKEN; exit $(cat status)"
    expression = sshd.worker(
        "w",
        environment={"PLAIN": "as it is"},
        prepare_command=script,
        worker_options={"numcpus": 7},
    )
    expression = expression.replace("{'PLAIN'", "{'TOKEN': util.Secret('token'), 'PLAIN'").replace(
        "('w',", "('w', util.Secret('password'),"
    )
    directory = sshd.directory / "workers" / "w"
    directory.mkdir(parents=True)
    (directory / "status").write_text("1")
    extra = "c['secretsProviders'] = [__import__('buildbot.plugins', fromlist=['secrets'])"
    extra += f".secrets.SecretInAFile({str(secrets)!r})]"
    master = make_master([expression], extra=extra)
    request = master.force_build("w")
    # the prepare command fails, and what it said is told, but for the secret
    master.wait_log("prepare_command ended with status 1")
    master.wait_log(r"prepared with \*\*\*\*\*")
    (directory / "status").write_text("0")
    assert master.wait_build(request, 120)["results"] == 0
    stopped(master, "w")
    environ = "".join(str(row) for row in master.get("api/v2/workers").json["workers"])
    for text in (master.log(), environ, (directory / "buildbot.tac").read_text()):
        assert "token-number-two" not in text
        assert "pass-phrase-one" not in text
    assert '"numcpus": 7' in (directory / "buildbot.tac").read_text()
    assert (directory / "buildbot.tac").stat().st_mode & 0o777 == 0o600


def test_a_frozen_worker_is_killed_and_the_outcome_is_true(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    idle = tmp_path / "idle"
    master = make_master([up_until(idle, sshd.worker("w", **SHORT, build_wait_timeout=LONG))])
    master.build("w", 120)
    freeze(sshd.instances())
    idle.touch()
    stopped(master, "w")
    assert_stops(master, "w", "true")
    assert steps(master, "w")[-5:] == ["reached the host", "asked to stop", "TERM", "KILL", "gone"]
    assert not sshd.instances()
    assert master.build("w", 120)["results"] == 0


def test_a_worker_frozen_in_its_build_does_not_hold_the_masters_stop(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    master = make_master([sshd.worker("w", **SHORT)], lifecycle=LIFECYCLE)
    running_build(master, "w", tmp_path)
    freeze(sshd.instances())
    master.stop(40)
    wait_until(lambda: not sshd.instances(), 10, "the end of the frozen worker")


def test_a_dead_network_leaves_the_stop_untrue_in_time_and_the_next_start_ends_the_leftover(
    make_master: MakeMaster, sshd: Sshd, make_proxy: Callable[[int], Proxy], tmp_path: Path
) -> None:
    proxy = make_proxy(sshd.port)
    sshd.trust(proxy.port)
    options = {**SHORT, "port": proxy.port, "build_wait_timeout": LONG}
    idle = tmp_path / "idle"
    master = make_master([up_until(idle, sshd.worker("w", **options))], lifecycle=LIFECYCLE)
    master.build("w", 120)
    left = sshd.workers()
    freeze(sshd.instances())
    proxy.swallow()
    idle.touch()
    stopped(master, "w")
    assert_stops(master, "w", "raised")
    assert steps(master, "w")[-1] == "not known to be gone"
    master.wait_log(r"NotKnownToBeGone: 127.0.0.1/\w+ may still run: no shell on .*within 8 s")
    assert sshd.workers() == left
    proxy.heal()
    master.force_build("w")
    wait_until(lambda: "leftover: gone" in steps(master, "w"), 40, "the end of the leftover")
    master.wait_log(
        "Build w number:2.*build finished|<Build w number:2 .*: build finished", timeout=60
    )
    assert not set(left) & set(sshd.workers())
    master.stop(10)


def test_a_dead_network_does_not_hold_the_masters_stop(
    make_master: MakeMaster, sshd: Sshd, make_proxy: Callable[[int], Proxy], tmp_path: Path
) -> None:
    proxy = make_proxy(sshd.port)
    sshd.trust(proxy.port)
    master = make_master([sshd.worker("w", hidden=True, **SHORT, port=proxy.port)], plugin=False)
    running_build(master, "w", tmp_path)
    proxy.swallow()
    master.stop(40)


def test_a_host_key_that_changed_leaves_the_stop_untrue(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    idle = tmp_path / "idle"
    master = make_master([up_until(idle, sshd.worker("w", **SHORT, build_wait_timeout=LONG))])
    master.build("w", 120)
    freeze(sshd.instances())
    sshd.stop()
    sshd.make_key("host_key")
    sshd.start()
    idle.touch()
    stopped(master, "w")
    assert_stops(master, "w", "raised")
    master.wait_log("may still run: no shell on .*: the host key is not the one in the known hosts")
    # The driver closes the entry of the ledger itself, once the host can be asked again.
    (entry,) = master.api("orphans")["orphans"]
    assert entry["closed_at"] is None
    sshd.trust()
    for pid in sshd.instances():
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: master.api("orphans")["orphans"][0]["closed_at"], 70, "the ledger's closing")
    assert master.api("orphans")["orphans"][0]["closed_by"] == "driver"
    assert not sshd.instances()


#: A host on which the processes of an instance do not end: a stop's signals do nothing there, as to a
#: process that hangs in the kernel. A start's own (its command has the mark) are real.
NO_SIGNALS = """\
case "$SSH_ORIGINAL_COMMAND" in
  *BUILDBOT_LIFECYCLE_SSH=*) exec /bin/sh -c "$SSH_ORIGINAL_COMMAND" ;;
  *) kill() { :; }; . /dev/stdin ;;
esac
"""


def test_a_worker_that_survives_kill_is_told_as_such_and_the_next_start_ends_it(
    make_master: MakeMaster, make_sshd: MakeSshd, tmp_path: Path
) -> None:
    (tmp_path / "no-signals").write_text(NO_SIGNALS)
    sshd = make_sshd(extra=f"ForceCommand /bin/sh {tmp_path}/no-signals")
    idle = tmp_path / "idle"
    master = make_master([up_until(idle, sshd.worker("w", **SHORT, build_wait_timeout=LONG))])
    master.build("w", 120)
    alive = sshd.instances()
    freeze(alive)
    idle.touch()
    stopped(master, "w")
    assert_stops(master, "w", "raised")
    assert steps(master, "w")[-4:] == ["asked to stop", "TERM", "KILL", "still there"]
    master.wait_log("still runs after KILL: processes .*")
    (entry,) = master.api("orphans")["orphans"]
    assert (entry["cause"], entry["closed_at"]) == ("stop_failed", None)
    assert "StillThere" in entry["why"]
    assert sshd.instances() == alive
    assert master.build("w", 120)["results"] == 0
    assert "leftover: gone" in steps(master, "w")
    assert not set(alive) & set(sshd.instances())


def test_over_msgpack_it_builds_and_is_gone(make_master: MakeMaster, sshd: Sshd) -> None:
    expression = sshd.worker("w", master_protocol="msgpack_experimental_v7")
    master = make_master([expression], msgpack=True)
    for _ in range(2):
        assert master.build("w", 120)["results"] == 0
        stopped(master, "w")
        assert not sshd.instances()
    assert_stops(master, "w", "true", "true")
    assert not [e for e in events(master, "w") if e["kind"] == "refused"]
    master.stop(8)


def test_after_kill_9_a_worker_ends_by_itself_and_one_that_cannot_is_ended_by_the_next_start(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    master = make_master([sshd.worker("w", **SHORT)])
    _, until = running_build(master, "w", tmp_path)
    assert sshd.workers()
    master.kill9()
    wait_until(lambda: not sshd.instances(), 20, "its own end without a master")
    until.touch()  # Buildbot runs it again
    master.start()
    _, until = running_build(master, "w", tmp_path)
    frozen = sshd.workers()
    freeze(sshd.instances())
    master.kill9()
    assert sshd.workers() == frozen
    until.touch()
    master.start()
    running_build(master, "w", tmp_path)
    assert "leftover: gone" in steps(master, "w")
    assert len(sshd.workers()) == 1
    assert not set(frozen) & set(sshd.workers())
    assert not [e for e in events(master, "w") if e["kind"] == "refused"]
    master.stop(20)


def test_a_build_goes_on_when_every_ssh_session_is_lost_and_the_stop_works_after_it(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    master = make_master([sshd.worker("w")])
    request, until = running_build(master, "w", tmp_path)
    sshd.cut_sessions()
    sshd.stop()
    sshd.start()
    until.touch()
    assert master.wait_build(request, 120)["results"] == 0
    assert len(master.builds(request)) == 1
    stopped(master, "w")
    assert not sshd.instances()


def test_a_lost_connection_ends_the_instance_and_the_build_is_tried_again_on_a_new_one(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    master = make_master([sshd.worker("w", **SHORT)])
    request, until = running_build(master, "w", tmp_path)
    (before,) = sshd.workers()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: len(master.builds(request)) == 2, 30, "a second build")
    until.touch()
    assert master.wait_build(request, 120)["results"] == 0
    stopped(master, "w")
    assert not sshd.instances()


def test_a_reconfig_while_starting_completes_and_the_build_runs(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    waiting = f"touch {tmp_path}/begun; until [ -e {go} ]; do sleep 0.1; done"
    master = make_master([sshd.worker("w", prepare_command=waiting)])
    request = master.force_build("w")
    wait_until((tmp_path / "begun").exists, 30)
    changed = sshd.worker("w", environment={"CHANGED": "1"}, basedir=str(tmp_path / "elsewhere"))
    master.reconfig(workers=[changed])
    go.touch()
    assert master.wait_build(request, 120)["results"] == 0
    stopped(master, "w")
    assert_stops(master, "w", "true")
    assert not sshd.instances()


def test_a_reconfig_that_removes_a_worker_whose_start_hangs_completes(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    hangs = f"touch {tmp_path}/begun; sleep 1000"
    workers = [sshd.worker("w", **SHORT, prepare_command=hangs, start_timeout=8), sshd.worker("v")]
    master = make_master(workers)
    master.force_build("w")
    wait_until((tmp_path / "begun").exists, 30)
    master.reconfig(workers=workers[1:], timeout=60)
    wait_until(lambda: not sshd.instances(), 20)
    assert master.build("v")["results"] == 0


def test_a_worker_that_dies_before_it_connects_is_told_with_its_last_words(
    make_master: MakeMaster, sshd: Sshd
) -> None:
    program = sshd.directory / "worker"
    program.write_text(
        "#!/bin/sh\necho lifecycle-worker-ready $$\nsleep 1\necho the disk is on fire >&2\nexit 9\n"
    )
    program.chmod(0o755)
    master = make_master([sshd.worker("w", worker_command=str(program), check_instance_interval=1)])
    master.force_build("w")
    said = r"crashed before connecting: 127.0.0.1/\w+: the worker ended with status 9\n.*on fire"
    master.wait_log(said, timeout=30)
    assert "found dead" in steps(master, "w")


def test_a_python_without_buildbot_worker_fails_the_start_and_says_so(
    make_master: MakeMaster, sshd: Sshd
) -> None:
    bare = [sys.executable, "-I", "-S"]
    master = make_master([sshd.worker("w", python=bare)])
    master.force_build("w")
    master.wait_log("ended at once, with status 1\n(.*\n)*.*No module named 'buildbot_worker'")
    stopped(master, "w")
    assert not sshd.instances()


def asked(master: RealMaster, method: str, *arguments: Any) -> Any:
    """What a method of the worker answers, in the master's process."""
    (master.basedir / "new").write_text(json.dumps(["w", method, arguments]))
    (master.basedir / "new").rename(master.basedir / "ask")
    wait_until(lambda: not (master.basedir / "ask").exists(), 20)
    return json.loads((master.basedir / "answer").read_text())


def test_an_instance_is_listed_and_ended_from_outside(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    extra = "from tests.ssh.asker import Asker\nc['services'].append(Asker())\n"
    master = make_master([sshd.worker("w", **SHORT)], extra=extra)
    assert asked(master, "lifecycle_instances") == []
    running_build(master, "w", tmp_path)
    name = master.worker("w")["instance"]
    assert asked(master, "lifecycle_instances") == [{"name": name, "worker": "w", "state": "up"}]
    assert asked(master, "lifecycle_end", name) is True
    assert asked(master, "lifecycle_is_gone", name) is True


def test_the_hook_says_gone_lives_or_unknown(
    make_master: MakeMaster, sshd: Sshd, tmp_path: Path
) -> None:
    extra = "from tests.ssh.asker import Asker\nc['services'].append(Asker())"
    master = make_master([sshd.worker("w", **SHORT)], extra=extra)

    def ask(instance: str | None = None) -> Any:
        return asked(master, "lifecycle_is_gone", instance)

    assert ask() is True
    request, until = running_build(master, "w", tmp_path)
    name = master.worker("w")["instance"]
    assert ask() is False
    assert ask(name) is False
    assert ask("127.0.0.1/0123456789ab") is True
    assert ask("another-host/0123456789ab") is None
    until.touch()
    master.wait_build(request)
    stopped(master, "w")
    assert ask(name) is True
    sshd.stop()
    assert ask(name) is None


@pytest.mark.slow
def test_fifty_workers_on_one_host_build_and_are_gone(make_master: MakeMaster, sshd: Sshd) -> None:
    names = [f"w{number:02}" for number in range(50)]
    master = make_master([sshd.worker(name) for name in names])
    requests = [master.force_build(name) for name in names]
    for request in requests:
        assert master.wait_build(request, 250)["results"] == 0
        # at the first attempt: none was dropped by sshd or given up
        assert len(master.builds(request)) == 1
    for name in names:
        stopped(master, name, 100)
        assert_stops(master, name, "true")
    assert not sshd.instances()
    wait_until(lambda: not sshd.sessions())
    master.stop(15)


def home_made(sshd: Sshd, stop_command: str) -> str:
    ssh = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-p", str(sshd.port)]
    ssh += ["-i", f"{sshd.directory}/id", "-o", f"UserKnownHostsFile={sshd.directory}/known_hosts"]
    arguments = {
        "ssh": [*ssh, "127.0.0.1"],
        "python": sys.executable,
        "directory": str(sshd.directory / "home-made"),
        "stop_command": stop_command,
        "build_wait_timeout": 0,
    }
    module = "__import__('tests.ssh.broken', fromlist=['broken'])"
    return f"{module}.HomeMadeSSHLatentWorker('w', **{arguments!r})"


def test_a_stop_command_that_does_not_stop_is_seen_and_freed(
    make_master: MakeMaster, sshd: Sshd
) -> None:
    master = make_master([home_made(sshd, "echo stopped")], lifecycle=LIFECYCLE)
    assert master.build("w", 120)["results"] == 0
    assert_stops(master, "w", "true")
    stuck = get_stuck(master, "w", verdict__code="rejected_loop")
    assert "came back after it was stopped" in stuck["verdict"]["reason"]
    assert force(master, "w")["status"] == "done"
    assert master.worker("w")["paused"]
    master.stop(12)


def test_a_stop_command_that_hangs_is_seen_and_freed(make_master: MakeMaster, sshd: Sshd) -> None:
    hang = sshd.directory / "hang"
    hang.touch()
    command = f"while [ -e {hang} ]; do sleep 0.1; done"
    master = make_master([home_made(sshd, command)], lifecycle=LIFECYCLE)
    assert master.build("w", 120)["results"] == 0
    get_stuck(master, "w", verdict__code="stop_pending")
    # 202 when the worker, which comes back all the time, is not at rest at once
    assert ask_force(master, "w").status in (200, 202)
    stopped(master, "w")
    hang.unlink()
    unpause(master, "w")
    master.stop(12)


def test_with_ours_nothing_of_the_kind_happens(
    make_master: MakeMaster, make_sshd: MakeSshd
) -> None:
    """The same, in stock Buildbot: no verdict and no force disconnect is there to help."""
    sshd = make_sshd()
    master = make_master([sshd.worker("w", hidden=True)], plugin=False)
    for _ in range(2):
        assert master.build("w", 120)["results"] == 0
        master.wait_peek("w", state="not_substantiated", waited_for=0, connected=False)
    assert not sshd.instances()
    assert "not trying to substantiate" not in master.log()
    master.stop(10)
