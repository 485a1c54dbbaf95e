"""The command line on a real master: the sessions of docs/command-line, in its order, and beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support import PASSWORD
from tests.harness.master import ROOT, RealMaster, worker
from tests.harness.ports import free_port
from tests.harness.reverse_proxy import LOGIN, UPGRADE, Proxies
from tests.harness.waiting import patient, wait_until
from tests.master.sessions import PAGE, Reader, alike, of_block, written
from tests.master.support import LIFECYCLE, get_stuck
from tests.shell.conftest import Shell
from tests.test_docs import blocks

# One group: they share a master.
pytestmark = [pytest.mark.master, pytest.mark.xdist_group("shell")]

_AUTH = f"c['www']['auth'] = util.UserPasswordAuth({{'alice': {PASSWORD!r}}})\n"


@pytest.fixture(scope="module")
def master() -> Iterator[RealMaster]:
    workers = [
        worker("StuckStopDeferred", "stuck-stop"),
        worker("Healthy", "well"),
        worker("Healthy", "watched"),
    ]
    settings = {**LIFECYCLE, "anonymous_may_force": False}
    # None: a directory with a short name, so that lines end as in the docs
    with RealMaster(None, workers, lifecycle=settings, extra=_AUTH) as made:
        yield made


@pytest.fixture
def shell(master: RealMaster, tmp_path: Path) -> Shell:
    """Runs the command in this process; its environment names the master, and nobody."""
    return Shell(tmp_path, master.url)


def test_the_sessions_of_the_page_are_what_a_reader_sees(
    master: RealMaster, tmp_path: Path
) -> None:
    """In the page's order, each in a terminal of its own: what one does is what the next one shows."""
    master.force_build("stuck-stop")
    get_stuck(master, "stuck-stop", verdict__code="stop_pending")
    wait_until(lambda: master.api("instances")["meta"]["taken"], 30, "the first census")
    reader = Reader(master, tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    sessions = [each for text in blocks(page, "console") for each in of_block(text)]
    assert len(sessions) > 15
    told = {each.typed: reader.type(each.typed) for each in sessions}
    if os.environ.get("LIFECYCLE_WRITE_SESSIONS"):
        PAGE.write_text(written(page, told), encoding="utf-8")
    else:
        for each in sessions:
            assert alike(told[each.typed]) == alike(each.told), f"{each.typed}\n{told[each.typed]}"

    assert master.worker("stuck-stop")["paused"]
    assert master.api("orphans?open=true")["orphans"] == []
    (action,) = master.api("actions?what=force-disconnect")["actions"]
    assert (action["actor"], action["status"]) == ("alice", "done")


def test_the_exit_status_says_who_may_and_what_is_there(master: RealMaster, shell: Shell) -> None:
    act = ("pause", "well", "--reason", "x")
    assert shell(*act).exit_code == 4
    shell.env |= {"BUILDBOT_LIFECYCLE_USER": "alice", "BUILDBOT_LIFECYCLE_PASSWORD": "wrong"}
    assert shell(*act).exit_code == 4
    assert not master.worker("well")["paused"]
    shell.env["BUILDBOT_LIFECYCLE_PASSWORD"] = PASSWORD
    assert shell("--url", f"{master.url}nowhere/", "stop-check").exit_code == 3
    assert shell("worker", "well", "--check").exit_code == 0
    assert shell("worker", "nobody").exit_code == 5
    assert shell("workers", "--level", "nonsense").exit_code == 2


def test_a_session_that_login_keeps_is_that_of_the_user_until_logout(
    master: RealMaster, shell: Shell
) -> None:
    def user() -> Any:
        return json.loads(shell("workers", "--json").stdout)["meta"]["user"]

    kept = shell.home / "state" / "buildbot-lifecycle"
    shell.env["BUILDBOT_LIFECYCLE_PASSWORD"] = "wrong"
    assert shell("--user", "alice", "login").exit_code == 4
    assert not list(kept.glob("*"))
    shell.env["BUILDBOT_LIFECYCLE_PASSWORD"] = PASSWORD
    done = shell("--user", "alice", "login")
    assert done.exit_code == 0, done.output
    shell.env["BUILDBOT_LIFECYCLE_PASSWORD"] = None
    (file,) = kept.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    assert user() == "alice"
    assert shell("pause", "well", "--reason", "by its session").exit_code == 0
    assert shell("unpause", "well", "--reason", "by its session").exit_code == 0
    assert shell("logout").exit_code == 0
    assert user() is None
    assert shell("pause", "well", "--reason", "x").exit_code == 4


def test_doctor_sees_through_a_proxy_whether_the_websocket_gets_there(
    master: RealMaster, shell: Shell, tmp_path: Path
) -> None:
    servers = {
        "whole": (master.url, UPGRADE),
        "forgetful": (master.url, ""),
        "login": (master.url, LOGIN),
        "alone": (f"http://127.0.0.1:{free_port()}/", ""),
    }

    def found(url: str) -> tuple[int, dict[str, Any]]:
        done = shell("--url", url, "doctor", "--json")
        return done.exit_code, {each["what"]: each for each in json.loads(done.stdout)["findings"]}

    with Proxies(tmp_path / "nginx", servers) as nginx:
        for url in (master.url, nginx.urls["whole"]):
            status, seen = found(url)
            assert status == 0, seen
            assert "101" in seen["websocket"]["text"]
        status, seen = found(nginx.urls["forgetful"])
        assert status == 1
        assert [what for what, each in seen.items() if each["level"] != "ok"] == ["websocket"]
        assert seen["websocket"]["level"] == "warning"
        assert "Upgrade" in seen["websocket"]["help"]
        status, seen = found(nginx.urls["login"])
        assert (status, list(seen)) == (3, ["plugin"])
        assert "web page" in seen["plugin"]["text"]
        assert "--cookie-file" in seen["plugin"]["help"]
        status, seen = found(nginx.urls["alone"])
        assert (status, list(seen)) == (3, ["plugin"])
        assert "a proxy" in seen["plugin"]["text"]


@pytest.fixture
def follow(master: RealMaster, tmp_path: Path) -> Iterator[Callable[..., Iterator[Any]]]:
    """Starts a command that goes on, and gives what it tells: one JSON object a line."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> Iterator[Any]:
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path),
            "BUILDBOT_LIFECYCLE_URL": master.url,
        }
        command = [sys.executable, "-m", "buildbot_lifecycle.shell", *arguments]
        running.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True))
        assert running[-1].stdout is not None
        return map(json.loads, running[-1].stdout)

    yield start
    for each in running:
        each.terminate()
        each.wait(patient(10))
        assert each.stdout is not None
        each.stdout.close()


def test_watch_and_events_tell_a_build_while_it_goes_on(
    master: RealMaster, follow: Callable[..., Iterator[Any]], tmp_path: Path
) -> None:
    """Each event once and in its order; of the worker each change that was seen, the last one too."""
    changes = follow("watch", "--name", "watched", "--json", "--every", "0.5")
    first = next(changes)
    assert (first["change"], first["worker"]["name"]) == ("shown", "watched")
    go = tmp_path / "go"
    request = master.force_build("watched", until=go)
    events = follow("events", "watched", "--follow", "--json", "--every", "0.5")
    for each in changes:  # seen while the build waits for the file
        assert each["change"] == "changed"
        if each["worker"]["state"] == "substantiated" and each["worker"]["connected"]:
            break
    go.touch()
    master.wait_build(request)
    for each in changes:
        if each["worker"]["state"] == "not_substantiated" and not each["worker"]["connected"]:
            break
    numbers = []
    for event in events:
        numbers.append(event["id"])
        if event["kind"] == "transition" and event["data"]["to"] == "not_substantiated":
            break
    assert numbers == sorted(set(numbers))
    recorded = wait_until(lambda: master.api("workers/watched/events?limit=1000")["events"])
    between = {each["id"] for each in recorded if numbers[0] <= each["id"] <= numbers[-1]}
    assert set(numbers) == between
