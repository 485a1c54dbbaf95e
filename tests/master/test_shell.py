"""The command line on a real master: what docs/command-line shows, in its order, as a reader runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.support import PASSWORD
from tests.conftest import MakeMaster
from tests.harness.master import ROOT, RealMaster, worker
from tests.harness.waiting import patient
from tests.master.support import LIFECYCLE, get_stuck
from tests.test_docs import PAGES, blocks

pytestmark = pytest.mark.master

_AUTH = f"c['www']['auth'] = util.UserPasswordAuth({{'alice': {PASSWORD!r}}})\n"

#: The script, also where only the checkout is there.
_STRICT = f'set -e\nbuildbot-lifecycle() {{ {sys.executable} -m buildbot_lifecycle.shell "$@"; }}\n'

_COMMANDS = [
    text
    for text in blocks(PAGES["command-line"], "console")
    if text.startswith("buildbot-lifecycle ")
]


class Bash:
    """A shell whose environment names the master and alice."""

    def __init__(self, master: RealMaster, home: Path) -> None:
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "BUILDBOT_LIFECYCLE_URL": master.url,
            "BUILDBOT_LIFECYCLE_USER": "alice",
            "BUILDBOT_LIFECYCLE_PASSWORD": PASSWORD,
        }

    def __call__(self, text: str, status: int = 0, **env: str) -> str:
        done = subprocess.run(
            ["bash", "-c", _STRICT + text],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patient(60),
            check=False,
        )
        assert done.returncode == status, (text, done.stdout, done.stderr)
        return done.stdout

    def follow(self, name: str) -> subprocess.Popen[str]:
        module = [
            sys.executable,
            "-m",
            "buildbot_lifecycle.shell",
        ]  # no bash: its end is no end of this
        return subprocess.Popen(
            [*module, "events", name, "--follow", "--json", "--every", "0.5"],
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
        )


def test_each_command_of_the_page_on_a_master_with_a_stuck_worker(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    workers = [worker("StuckStopDeferred", "stuck-stop"), worker("Healthy", "well")]
    settings = {**LIFECYCLE, "anonymous_may_force": False}
    master = make_master(workers, lifecycle=settings, extra=_AUTH)
    bash = Bash(master, tmp_path)
    master.force_build("stuck-stop")
    get_stuck(master, "stuck-stop", verdict__code="stop_pending")

    # rights, and a wrong door: the statuses that a script goes by
    act = "buildbot-lifecycle pause well --reason x"
    bash(act, 4, BUILDBOT_LIFECYCLE_USER="")
    bash(act, 4, BUILDBOT_LIFECYCLE_PASSWORD="wrong")
    bash("buildbot-lifecycle stop-check", 3, BUILDBOT_LIFECYCLE_URL=f"{master.url}nowhere/")
    bash("buildbot-lifecycle stop-check", 1)
    bash("buildbot-lifecycle worker well --check")
    bash("buildbot-lifecycle worker stuck-stop --check", 1)

    told = {text: run(bash, master, text) for text in _COMMANDS}
    assert len(told) > 10
    workers_told = told["buildbot-lifecycle workers\n"].splitlines()
    assert workers_told[1].startswith("stuck-stop  stuck")
    assert master.worker("stuck-stop")["paused"]
    assert master.api("orphans?open=true")["orphans"] == []
    (action,) = master.api("actions?what=force-disconnect")["actions"]
    assert (action["actor"], action["status"]) == ("alice", "done")

    follows_what_comes_in(bash, master)
    bash("buildbot-lifecycle stop-check")


def run(bash: Bash, master: RealMaster, text: str) -> str:
    """A command of the page, with the number that holds on this master."""
    if "orphans resolve" in text:
        (orphan,) = master.api("orphans?open=true")["orphans"]
        text = text.replace("resolve 1 ", f"resolve {orphan['id']} ")
    return bash(text)


def follows_what_comes_in(bash: Bash, master: RealMaster) -> None:
    """Each event of a build is told once, in its order, while it goes on."""
    following = bash.follow("well")
    try:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())[
            "kind"
        ]  # it is there, before the build is asked for
        master.build("well")
        master.wait_worker("well", state="not_substantiated", connected=False)
        numbers = []
        for line in following.stdout:
            event = json.loads(line)
            numbers.append(event["id"])
            if event["kind"] == "transition" and event["data"]["to"] == "not_substantiated":
                break
    finally:
        following.terminate()
        following.wait(patient(10))
    assert numbers == sorted(set(numbers))
    recorded = master.api("workers/well/events?limit=1000")["events"]
    between = {each["id"] for each in recorded if numbers[0] <= each["id"] <= numbers[-1]}
    assert set(numbers) == between
