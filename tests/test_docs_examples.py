"""Each example of the docs is carried out as it is printed, or is named here with the reason why not.

A block that is in neither table fails: whoever writes one has to say who runs it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support import PASSWORD
from tests.conftest import MakeMaster
from tests.harness.master import API, ROOT, RealMaster, worker
from tests.harness.waiting import patient
from tests.master.support import LIFECYCLE, get_stuck
from tests.test_docs import TEXTS, blocks

#: Blocks that are not carried out as they are: how they begin, and why, or what does it in their place.
NOT_AS_THEY_ARE = {
    "git clone <address": "there is no address yet; the checkout that it makes is the one under test",
    "SOURCE_DATE_EPOCH": "tests/test_packaging.py builds twice, and checks both files",
    "pip install .": "tests/test_packaging.py installs what is built from here, and starts a master",
    'eval "$(_BUILDBOT_LIFECYCLE_COMPLETE': "tests/shell/test_commands.py: click makes the script",
    "$ env -u BUILDBOT_LIFECYCLE_URL buildbot-lifecycle": "the same",
    "$ buildbot-lifecycle": "tests/master/test_shell.py types each session, and compares what is said",
    "sudo -u buildbot buildbot-lifecycle doctor": "tests/test_packaging.py, on a master's directory",
    "man -l": "tests/test_packaging.py looks at the manual page where it is installed",
    "make demo": "tests/demo/test_demo.py runs what stands behind it, to the end",
}

#: What the test of a master in its directory runs.
IN_THE_MASTERS_DIRECTORY = {"buildbot checkconfig", "buildbot stop", 'grep "lifecycle:"'}

#: Every block of a language of the shell: (file, text).
COMMANDS = [
    (name, text)
    for name, page in TEXTS.items()
    for language in ("console", "sh", "bash", "shell")
    for text in blocks(page, language)
]


def asks(text: str) -> bool:
    return text.lstrip().startswith("curl ")


def test_each_command_is_carried_out_or_named_with_its_reason() -> None:
    known = {*NOT_AS_THEY_ARE, *IN_THE_MASTERS_DIRECTORY}
    begins = {text.lstrip().split("\n")[0] for _, text in COMMANDS if not asks(text)}
    unknown = [line for line in begins if not any(line.startswith(start) for start in known)]
    assert unknown == []
    stale = [start for start in known if not any(line.startswith(start) for line in begins)]
    assert stale == []


# By curl.


_AUTH = f"""
c['www']['auth'] = util.UserPasswordAuth({{'alice': {PASSWORD!r}}})
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A master as the pages speak of it: one has to log in, and "stuck-stop" is stuck."""
    workers = [worker("StuckStopDeferred", "stuck-stop")]
    settings = {**LIFECYCLE, "anonymous_may_force": False}
    directory = tmp_path_factory.mktemp("asked")
    with RealMaster(directory / "master", workers, lifecycle=settings, extra=_AUTH) as master:
        master.force_build("stuck-stop")
        get_stuck(master, "stuck-stop", verdict__code="stop_pending")
        yield master, directory


_STRICT = """
set -e
curl() { command curl --fail "$@"; }
"""


@pytest.mark.master
def test_what_is_asked_by_curl_is_answered(asked: Any) -> None:
    """In the order of the pages, as each builds on those before: log in, look, force, close, unpause."""
    texts = [text for _, text in COMMANDS if asks(text)]
    assert len(texts) > 5
    for text in texts:
        ask(*asked, text)


def ask(master: RealMaster, directory: Path, text: str) -> None:
    """Run a command of the docs as a reader would, with the numbers that hold on this master."""
    seen = master.worker("stuck-stop")
    if "auth/login" in text:
        text = text.replace("-u alice", f"-u alice:{PASSWORD}")  # curl would ask for it
    elif "POST" in text:
        text = text.replace("curl ", "curl -b cookies.txt ")
    text = re.sub(r'"episode": \d+', f'"episode": {json.dumps(seen["episode"])}', text)
    text = re.sub(r"/api/v2/workers/\d+", f"/api/v2/workers/{seen['workerid']}", text)
    if "/orphans/1" in text:
        (orphan,) = master.api("orphans?open=true")["orphans"]
        text = text.replace("/orphans/1", f"/orphans/{orphan['id']}")
    done = subprocess.run(
        ["bash", "-c", _STRICT + text],
        cwd=directory,
        env={**os.environ, "BUILDBOT": master.url.rstrip("/")},
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    if '"confirm"' in text:
        assert json.loads(done.stdout)["action"]["status"] == "done"
    if "unpause" in text:
        master.wait_worker("stuck-stop", paused=False)


@pytest.mark.master
def test_a_wrong_password_ends_the_login_of_the_example_with_an_error(asked: Any) -> None:
    master, directory = asked
    (login,) = [text for name, text in COMMANDS if name == "docs/releasing.md" and "auth/" in text]
    done = subprocess.run(
        ["bash", "-c", login.replace("-u alice", "-u alice:wrong").replace("cookies", "none")],
        cwd=directory,
        env={**os.environ, "BUILDBOT": master.url.rstrip("/")},
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    assert done.returncode == 22
    assert "401" in done.stderr


# In the master's directory.


def in_directory(master: RealMaster, text: str) -> str:
    path = os.pathsep.join([str(master.python.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-c", text],
        cwd=master.basedir,
        env={**master.env, "PATH": path},
        capture_output=True,
        text=True,
        timeout=patient(120),
        check=False,
    )
    assert done.returncode == 0, (text, done.stdout, done.stderr, master.log())
    return done.stdout


def command(start: str) -> str:
    (found,) = [text for _, text in COMMANDS if text.startswith(start)]
    return found


@pytest.mark.master
def test_a_running_master_gets_the_plugin_by_a_reconfig_and_is_stopped_and_started(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("Healthy", "a")], plugin=False, hide=False, start=False)
    master.create()
    master.configure()
    in_directory(master, "buildbot start")
    master.wait_until(lambda: master.get("api/v2/masters").ok(), what="an answer")
    grep = command('grep "lifecycle:"')
    assert master.get(f"{API}/workers").status == 404
    master.configure(plugin=True)
    in_directory(master, command("buildbot checkconfig"))
    # page and REST are there without a restart
    master.wait_until(lambda: master.api("workers")["workers"], what="the REST interface")
    assert "lifecycle" in master.get("config").ok().json["plugins"]
    assert "lifecycle: " not in master.log()
    (master.basedir / "twistd.log").write_text(master.log() + "lifecycle: the trouble\n")
    assert in_directory(master, grep) == "lifecycle: the trouble\n"
    before = (master.basedir / "twistd.pid").read_text()
    in_directory(master, command("buildbot stop"))
    assert (master.basedir / "twistd.pid").read_text() != before
    master.wait_until(lambda: master.api("workers")["workers"], what="an answer after the start")
    # and the page goes with the reconfig that takes it out
    master.configure(plugin=False)
    in_directory(master, "buildbot reconfig")
    master.wait_until(lambda: master.get(f"{API}/workers").status == 404, what="no REST any more")


# In master.cfg.


#: All that a master.cfg needs, and nothing that the examples bring; `services` and `www` are not there.
_BEFORE = """
from buildbot.plugins import reporters, schedulers, steps, util, worker
from buildbot.worker.latent import AbstractLatentWorker

c = BuildmasterConfig = {
    "buildbotNetUsageData": None,
    "workers": [worker.Worker("w", "secret")] + [
        # those that patterns of the examples are meant for
        AbstractLatentWorker(name, "secret") for name in ("docker-1", "ec2-1", "gpu-1", "mac-mini")
    ],
    "protocols": {"pb": {"port": 9989}},
    "secretsProviders": [],
}
"""

_WITH_WWW = """c["www"] = {"plugins": {}}
c["services"] = []
"""

_AFTER = """
c["builders"] = [
    util.BuilderConfig("b", workernames=[c["workers"][0].name], factory=util.BuildFactory())
]
c["schedulers"] = [schedulers.ForceScheduler("force", ["b"])]
"""

_CHECK = """
import sys, traceback
from pathlib import Path
from buildbot.config.master import FileLoader

for path in sorted(Path(sys.argv[1]).glob("*.cfg")):
    try:
        FileLoader(sys.argv[1], path.name).loadConfig()
    except BaseException as error:
        print(path.name, getattr(error, "errors", None) or traceback.format_exc())
"""


#: What these show is put into a master.cfg that has neither services nor plugins.
FIRST = {"README.md", "docs/install.md"}


def as_configuration(name: str, text: str) -> str:
    """A block of Python as part of a master.cfg: what stands for itself is put to its place."""
    if text.startswith("util.LifecycleService("):
        text = f"c['services'].append(\n{text})\n"
    elif "LatentWorkerGenerator" in text and "LifecycleService" not in text:
        text = f"c['services'].append(util.LifecycleService())\n{text}"  # who tells has to know
    return f"{_BEFORE}{'' if name in FIRST else _WITH_WWW}\n{text}{_AFTER}"


@pytest.mark.process
def test_each_example_in_python_is_accepted_in_a_master_cfg(tmp_path: Path) -> None:
    # tests/master/test_stock.py runs those of upstream.md, put together, on masters without the plugin
    pages = {name: page for name, page in TEXTS.items() if Path(name).name != "upstream.md"}
    found = [(name, text) for name, page in pages.items() for text in blocks(page, "python")]
    assert len(found) > 15
    for number, (name, text) in enumerate(found):
        where = f"{Path(name).stem}-{number:02}.cfg"
        (tmp_path / where).write_text(as_configuration(name, text), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _CHECK, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_the_targets_of_make_that_are_printed_are_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for name, page in TEXTS.items():
        for used in re.findall(r"`make ([\w-]+)[^`]*`|^make ([\w-]+)", page, re.M):
            assert "".join(used) in targets, (name, used)
