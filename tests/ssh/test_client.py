"""Sessions with a real sshd: what is started is ended, and nothing that dies on the way holds us up."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.workers.ssh import remote
from buildbot_lifecycle.workers.ssh.client import Client
from buildbot_lifecycle.workers.ssh.errors import Broken, Refused, Unreachable
from buildbot_lifecycle.workers.ssh.program import READY
from tests.harness.spin import reactor
from tests.harness.sshd import Sshd
from tests.harness.waiting import patient, wait_until
from tests.ssh.conftest import MakeSshd
from tests.ssh.host import SLEEPER, STUBBORN, Host, spin
from tests.ssh.proxy import Proxy

pytestmark = pytest.mark.master


async def pause(seconds: float) -> None:
    """Let the reactor run, which notices ends of processes only then."""
    await task.deferLater(reactor, seconds)


def children() -> list[str]:
    """The commands of all processes that this one has started and not reaped."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(stat[1]) == os.getpid():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (OSError, IndexError):
            continue
    return found


@pytest.fixture(autouse=True)
def _no_client_is_left() -> Iterator[None]:
    before = children()
    yield
    wait_until(lambda: len(children()) <= len(before), 5, f"the end of {children()}")


def test_what_is_started_is_there_and_what_is_stopped_is_gone(sshd: Sshd) -> None:
    host = Host(sshd)
    instance = spin(host.start())
    assert sshd.instances()
    assert spin(host.check(instance))[0].startswith("alive")
    assert spin(host.stop(instance)) == ["rung ask", "rung TERM", "gone", "end"]
    assert not sshd.instances()


def test_a_stop_that_finds_nothing_says_gone_and_signals_nobody(sshd: Sshd) -> None:
    host = Host(sshd)
    said = spin(host.stop(remote.Instance(host.owner("w"), "never")))
    assert said == ["rung ask", "gone", "end"]


def test_what_ignores_term_is_killed_and_so_is_what_it_started(sshd: Sshd) -> None:
    host = Host(sshd)
    # a child in a session of its own, whose parent is gone: no process group leads to it
    command = ("/bin/sh", "-c", f"(setsid sleep 999 &); {STUBBORN[2]}")
    instance = spin(host.start(command=command))
    assert len(sshd.instances()) >= 3
    said = spin(host.stop(instance))
    assert said == ["rung ask", "rung TERM", "rung KILL", "gone", "end"]
    assert not sshd.instances()


def test_a_frozen_worker_is_ended(sshd: Sshd) -> None:
    host = Host(sshd)
    instance = spin(host.start())
    for pid in sshd.instances():
        os.kill(pid, signal.SIGSTOP)
    assert spin(host.stop(instance))[-3:] == ["rung KILL", "gone", "end"]
    assert not sshd.instances()


def test_a_stop_ends_its_own_instance_and_no_other(sshd: Sshd) -> None:
    host = Host(sshd)
    first = spin(host.start("a", directory=str(sshd.directory / "a")))
    second = spin(host.start("b", directory=str(sshd.directory / "b")))
    spin(host.stop(first))
    assert spin(host.stop(remote.Instance(host.owner("b"), "another")))[-2:] == ["gone", "end"]
    assert sshd.instances()
    spin(host.stop(second))
    assert not sshd.instances()


def test_a_start_ends_what_an_earlier_life_left_and_says_so(sshd: Sshd) -> None:
    host = Host(sshd)
    spin(host.start(command=STUBBORN))
    before = sshd.instances()
    words: list[str] = []
    instance = spin(host.start(tell=lambda word: words.append(word.word)))
    assert words[0] == "leftover"
    assert not set(before) & set(sshd.instances())
    assert sshd.instances()
    spin(host.stop(instance))


def test_a_start_refuses_the_directory_of_another_worker_that_lives(sshd: Sshd) -> None:
    host = Host(sshd)
    instance = spin(host.start("a"))
    with pytest.raises(Refused, match="in use by another worker"):
        spin(host.start("b"))
    spin(host.stop(instance))
    spin(host.stop(spin(host.start("b"))))


def test_a_worker_that_ends_at_once_fails_the_start_with_its_last_words(sshd: Sshd) -> None:
    command = ("/bin/sh", "-c", "echo no module of that name >&2; exit 7")
    with pytest.raises(Refused, match=r"status 7\n(.*\n)*no module of that name"):
        spin(Host(sshd).start(command=command))
    assert not sshd.instances()


def test_a_worker_that_died_is_found_dead_with_its_last_words(sshd: Sshd) -> None:
    host = Host(sshd)
    command = ("/bin/sh", "-c", f"echo {READY} $$; sleep 0.3; echo out of luck; exit 3")
    instance = spin(host.start(command=command))
    wait_until(lambda: not sshd.instances(), 10)
    said = spin(host.check(instance))
    assert said[0] == "dead the worker ended with status 3"
    assert "tail out of luck" in said


def test_a_prepare_command_that_fails_fails_the_start_with_what_it_said(sshd: Sshd) -> None:
    with pytest.raises(Refused, match=r"prepare_command ended with status 4\n(.*\n)*no toolchain"):
        spin(Host(sshd).start(prepare="echo no toolchain; exit 4"))


def test_a_prepare_command_that_hangs_is_cut_and_its_processes_are_found_by_the_stop(
    sshd: Sshd,
) -> None:
    host = Host(sshd)
    with pytest.raises(Broken, match="no end within 2 s"):
        spin(host.start(prepare="sleep 1000", seconds=2))
    assert sshd.instances()
    assert spin(host.stop(None))[-2:] == ["gone", "end"]
    assert not sshd.instances()


def test_environment_umask_and_directory_are_as_asked_for(sshd: Sshd, tmp_path: Path) -> None:
    host = Host(sshd)
    command = ("/bin/sh", "-c", f'echo "$A" >made; echo {READY} $$; exec sleep 1000')
    directory = tmp_path / "it's a directory"
    value = 'two words, it\'s $HOME `x` \\ "q"'
    instance = spin(
        host.start(directory=str(directory), command=command, environment={"A": value}, umask=0o027)
    )
    assert (directory / "made").read_text() == value + "\n"
    assert (directory / "made").stat().st_mode & 0o777 == 0o640
    spin(host.stop(instance))


def test_the_environment_may_have_any_name_that_the_script_has_for_itself(sshd: Sshd) -> None:
    # `prepare` was run in place of the prepare command, and `password` was what the worker got
    names = sorted(set(re.findall(r"lifecycle_([a-z]+)", remote._START + remote._FUNCTIONS)))
    assert {"prepare", "password", "dirmark", "before"} <= set(names)
    host = Host(sshd)
    command = ("/bin/sh", "-c", f'read -r it; echo "$it" >got; echo {READY} $$; exec sleep 1000')
    directory = Path(host.launch().directory)
    told = "\n".join(f'echo "${name}"' for name in names)
    instance = spin(
        host.start(
            command=command,
            environment=dict.fromkeys(names, "touch mine"),
            prepare=f"{{ {told}\n}} >prepared",
        )
    )
    assert (directory / "prepared").read_text() == "touch mine\n" * len(names)
    assert (directory / "got").read_text() == '"pw"\n'
    assert not (directory / "mine").exists()
    assert spin(host.stop(instance))[-2:] == ["gone", "end"]
    assert not sshd.instances()


def test_what_the_host_says_is_shown_without_escapes_and_secrets(sshd: Sshd) -> None:
    host = Host(sshd)
    host.client = Client(reactor, host.client.options, ["a-secret-word"])
    script = "printf '\\033[31mred a-secret-word\\r\\n'; exit 3"
    with pytest.raises(Refused) as raised:
        spin(host.start(prepare=script))
    assert str(raised.value).endswith("status 3\n\\x1b[31mred *****\\x0d")


def test_a_relative_directory_is_below_home_whatever_the_users_cdpath_says() -> None:
    # with a path before it, a shell asks no CDPATH
    script = remote.check(remote.Instance("o", "1"), "w")
    assert "lifecycle_directory=./w\n" in script
    assert "lifecycle_directory=/w\n" in remote.check(remote.Instance("o", "1"), "/w")


def test_the_password_is_on_no_command_line_in_no_environment_and_in_no_file(sshd: Sshd) -> None:
    secret = "correct-horse-battery"
    seen: list[str] = []

    def look(_: object = None) -> None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                for name in ("cmdline", "environ"):
                    try:
                        if secret.encode() in (entry / name).read_bytes():
                            seen.append(f"{entry / name}")
                    except OSError:
                        continue

    host = Host(sshd)
    command = ("/bin/sh", "-c", f"read -r it; echo ${{#it}}; echo {READY} $$; exec sleep 1000")
    looking = task.LoopingCall(look)
    looking.start(0.02)
    instance = spin(host.start(command=command, password=secret, prepare="sleep 0.3", tell=look))
    looking.stop()
    directory = Path(host.launch().directory)
    # it did arrive: as JSON, with its quotes
    assert f"{len(secret) + 2}\n" in (directory / "start.log").read_text()
    assert not seen
    assert not [p for p in directory.rglob("*") if p.is_file() and secret in p.read_text()]
    spin(host.stop(instance))


def test_a_host_key_that_changed_is_told_as_such_and_nothing_was_done(sshd: Sshd) -> None:
    sshd.stop()
    sshd.make_key("host_key")
    sshd.start()
    with pytest.raises(Unreachable, match="IDENTIFICATION HAS CHANGED"):
        spin(Host(sshd).start())
    assert not Path(Host(sshd).launch().directory).exists()


def test_an_sshd_that_accepts_and_says_nothing_is_given_up_in_time(sshd: Sshd) -> None:
    sshd.freeze()
    with pytest.raises(Unreachable, match=r"no shell within 2 s|timed out"):
        spin(Host(sshd, connect_timeout=2).start())
    sshd.thaw()


def test_an_sshd_that_freezes_after_the_login_is_given_up_in_time(sshd: Sshd) -> None:
    host = Host(sshd)
    with pytest.raises(Broken, match=r"no end within 3 s|Timeout, server"):
        spin(host.start(prepare="sleep 1000", seconds=3, tell=lambda _: sshd.freeze()))
    sshd.thaw()


def test_a_network_that_dies_in_the_middle_is_given_up_in_time(
    sshd: Sshd, make_proxy: Callable[[int], Proxy]
) -> None:
    proxy = make_proxy(sshd.port)
    sshd.trust(proxy.port)
    host = Host(sshd, port=proxy.port, connect_timeout=3)
    with pytest.raises(Broken, match="no end within 3 s"):
        spin(host.start(prepare="sleep 1000", seconds=3, tell=lambda _: proxy.swallow()))
    with pytest.raises(Unreachable, match=r"no shell within 3 s|timed out"):
        spin(host.stop(None))
    proxy.heal()
    assert spin(host.stop(None))[-2:] == ["gone", "end"]


def test_a_session_that_nobody_waits_for_any_more_is_cut(sshd: Sshd) -> None:
    sshd.freeze()

    async def given_up() -> None:
        waiting = defer.ensureDeferred(Host(sshd, connect_timeout=30).stop(None))
        reactor.callLater(1, waiting.cancel)
        await waiting

    with pytest.raises(defer.CancelledError):
        spin(given_up())
    # `_no_client_is_left` waits for 5 s, and the limits of the session are beyond that
    spin(pause(0.5))
    sshd.thaw()


def test_a_port_where_nobody_listens_is_told_at_once(sshd: Sshd) -> None:
    sshd.stop()
    with pytest.raises(Unreachable, match="refused"):
        spin(Host(sshd).start())


def test_a_client_that_cannot_be_run_is_told(sshd: Sshd) -> None:
    with pytest.raises(Unreachable, match="no-such-ssh"):
        spin(Host(sshd, ssh_command="/no-such-ssh").start())


def test_a_banner_and_a_chatty_login_shell_are_no_answers(make_sshd: MakeSshd) -> None:
    sshd = make_sshd(extra="ForceCommand echo welcome; echo lifecycle; exec /bin/sh")
    host = Host(sshd)
    instance = spin(host.start())
    assert spin(host.stop(None))[-1] == "end"
    assert instance.owner == host.owner("w")


def test_connections_that_sshd_drops_are_tried_again(make_sshd: MakeSshd) -> None:
    """MaxStartups: with 2 at most, some of six that come at once are dropped before they log in."""
    sshd = make_sshd(extra="MaxStartups 2:100:2")
    host = Host(sshd)

    async def many() -> list[list[str]]:
        stops = [defer.ensureDeferred(host.stop(None)) for _ in range(6)]
        return [await stop for stop in stops]

    assert all(said[-1] == "end" for said in spin(many()))
    assert "MaxStartups" in sshd.log()


def test_the_users_own_configuration_and_a_jump_host_work(
    make_sshd: MakeSshd, tmp_path: Path
) -> None:
    jump, target = make_sshd("jump"), make_sshd("target")
    config = tmp_path / "ssh_config"
    config.write_text(
        "".join(
            f"Host {name}\n HostName 127.0.0.1\n Port {sshd.port}\n"
            f" IdentityFile {sshd.directory}/id\n UserKnownHostsFile {sshd.directory}/known_hosts\n"
            for name, sshd in (("jump", jump), ("target", target))
        )
    )
    nothing = {"port": None, "user": None, "identity_file": None, "known_hosts": None}
    host = Host(
        target,
        **nothing,
        host="target",
        jump_host="jump",
        ssh_config=str(config),
        masterFQDN="127.0.0.1",
    )
    instance = spin(host.start())
    assert target.instances()
    assert "Accepted publickey" in jump.log()
    assert spin(host.stop(instance))[-2:] == ["gone", "end"]


def test_a_jump_host_that_freezes_leaves_no_client_behind(
    make_sshd: MakeSshd, tmp_path: Path
) -> None:
    jump = make_sshd("jump")
    config = tmp_path / "ssh_config"
    config.write_text(f"Host jump\n HostName 127.0.0.1\n Port {jump.port}\n")
    jump.freeze()
    host = Host(
        jump,
        host="target",
        jump_host="jump",
        ssh_config=str(config),
        masterFQDN="127.0.0.1",
        connect_timeout=2,
    )
    with pytest.raises(Unreachable):
        spin(host.start())
    left = subprocess.run(["pgrep", "-f", str(config)], capture_output=True, text=True, check=False)
    assert not left.stdout
    jump.thaw()


def names(directory: str) -> list[str]:
    return sorted(path.name for path in Path(directory).iterdir())


@pytest.mark.slow
def test_a_hundred_starts_and_stops_leave_nothing_on_either_side(sshd: Sshd) -> None:
    host = Host(sshd)

    def left() -> tuple[int, list[Path], int]:
        files = sorted(p for p in sshd.directory.rglob("*") if p.name != "sshd.log")
        return len(names("/proc/self/fd")), files, len(sshd.processes())

    async def cycle(owner: str) -> None:
        directory = str(sshd.directory / owner)
        instance = await host.start(owner, directory=directory)
        await host.stop(instance, limits=remote.Limits(0, 5, 5))

    owners = ("a", "b", "c", "d")
    for owner in owners:
        spin(cycle(owner))
    wait_until(lambda: not sshd.sessions())
    before, temporary = left(), names("/tmp")

    async def many(owner: str, times: int) -> None:
        for _ in range(times):
            await cycle(owner)

    async def hundred() -> None:
        for each in [defer.ensureDeferred(many(owner, 25)) for owner in owners]:
            await each

    spin(hundred(), timeout=300)
    wait_until(lambda: not sshd.sessions())
    assert left() == before
    assert not sshd.instances()
    # those of other tests, which run beside this one, come and go
    wait_until(lambda: not [n for n in names("/tmp") if "ssh" in n and n not in temporary])
    assert not reactor.getDelayedCalls()


def test_a_full_disk_fails_the_start_with_its_reason_and_does_not_hold_the_stop(
    sshd: Sshd, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        host = Host(sshd)
        instance = spin(host.start(directory=str(disk)))
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(b"x" * 100_000)
        assert spin(host.stop(instance))[-2:] == ["gone", "end"]
        with pytest.raises(Refused, match="No space left on device"):
            spin(host.start(directory=str(disk), program="# " + "x" * 5000))
        assert spin(host.stop(None))[-2:] == ["gone", "end"]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("proc", ["/proc/self/environ", "/no/proc"])
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_script_is_any_posix_shells_with_and_without_proc(
    shell: str, proc: str, tmp_path: Path
) -> None:
    program = shutil.which(shell)
    assert program
    command = [program]
    instance = remote.Instance(f"posix{os.getpid()}", "1")
    launch = remote.Launch(str(tmp_path / "w"), "#", SLEEPER, {"A": "b"}, 0o022, "true", 10)
    limits = remote.Limits(0, 2, 2)
    mark = dict([instance.mark.split("=")])
    start, stop = (
        script.replace("/proc/self/environ", proc)
        for script in (
            remote.start(instance, launch, limits),
            remote.stop(instance.owner, instance, limits),
        )
    )
    assert "lifecycle: started" in talk(command, start, mark)
    said = talk(command, stop, {})
    assert "rung TERM" in said
    assert said.endswith("lifecycle: gone\nlifecycle: end\n")


def talk(shell: list[str], script: str, env: dict[str, str]) -> str:
    """Run a script as a session does: the rest of its input is sent once it has begun."""
    with subprocess.Popen(
        shell,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(script)
        process.stdin.flush()
        assert process.stdout.readline() == "lifecycle: begin\n"
        said, errors = process.communicate(
            remote.GO + remote.password_line("x"), timeout=patient(60)
        )
    assert (process.returncode, errors) == (0, "")
    return said
