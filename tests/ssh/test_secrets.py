"""Secrets of a worker: they reach the host, and come out nowhere; everything is looked through."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from buildbot_lifecycle.core.hiding import hider, visible
from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster
from tests.harness.sshd import Sshd
from tests.harness.waiting import wait_until
from tests.master.support import events

#: {name: value}; the last has lines, as keys have, and one is quoted by every program in its own way.
SECRETS = {
    "password": "pass-phrase-one",
    "token": "token 'number' two/%",
    "prepare": "prepare-number-three",
    "part": "part-number-four",
    "lines": "first-line-of-five\nsecond-line-of-five",
}

#: What of them may be seen nowhere.
FORBIDDEN = (
    *(text for name, text in SECRETS.items() if name not in ("token", "lines")),
    "number' two",
    "number'\\'' two",
    "number%27%20two",
    *SECRETS["lines"].split("\n"),
)


@pytest.fixture
def provider(tmp_path: Path) -> str:
    """Lines of master.cfg by which the master has these secrets."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    for name, value in SECRETS.items():
        (secrets / name).write_text(value)
        (secrets / name).chmod(0o600)
    return (
        "c['secretsProviders'] = [__import__('buildbot.plugins', fromlist=['secrets'])"
        f".secrets.SecretInAFile({str(secrets)!r}, strip=False)]"
    )


def found_in(text: str) -> list[str]:
    return [secret for secret in FORBIDDEN if secret in text]


def processes(of: Callable[[Path], bool] = lambda _: True) -> Iterator[tuple[str, str]]:
    """All command lines of this machine, and the environments of those processes that are asked for."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield f"{entry}/cmdline", (entry / "cmdline").read_text(errors="replace")
                if of(entry):
                    yield f"{entry}/environ", (entry / "environ").read_text(errors="replace")
            except OSError:
                continue


def everything(master: RealMaster) -> Iterator[tuple[str, str]]:
    """All that can be read of a master: its files, its messages, and every answer about its builds."""
    for path in sorted(master.basedir.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes().decode(errors="replace")
    yield "output", master.output()
    for what in ("workers", "events", "episodes", "transitions", "orphans", "actions", "shutdown"):
        for part in (what, f"workers/w/{what}"):
            answer = master.get(f"{API}/{part}")
            if answer.status == 200:
                yield part, answer.text
    for part in (
        "workers/w",
        "timeline",
        "stats",
        "health",
        "actions.csv",
        "orphans.csv",
        "recent",
        "instances",
        "masters",
        "metrics",
    ):
        yield part, master.get(f"{API}/{part}").text
    for part in ("workers", "builds?property=*", "buildrequests", "changes", "masters", "builders"):
        yield part, master.get(f"api/v2/{part}").text
    for build in master.get("api/v2/builds").json["builds"]:
        yield from _of_build(master, build["buildid"])


def _of_build(master: RealMaster, buildid: int) -> Iterator[tuple[str, str]]:
    yield f"properties {buildid}", master.get(f"api/v2/builds/{buildid}/properties").text
    steps = master.get(f"api/v2/builds/{buildid}/steps")
    yield f"steps {buildid}", steps.text
    for step in steps.json["steps"]:
        logs = master.get(f"api/v2/steps/{step['stepid']}/logs").json["logs"]
        for log in logs:
            yield (
                f"build {buildid}, {step['name']}, {log['name']}",
                master.get(f"api/v2/logs/{log['logid']}/raw_inline").text,
            )


def shown(places: Iterator[tuple[str, str]]) -> Mapping[str, list[str]]:
    return {place: secrets for place, text in places if (secrets := found_in(text))}


@pytest.mark.master
def test_no_secret_comes_out_anywhere(
    make_master: MakeMaster, sshd: Sshd, provider: str, tmp_path: Path
) -> None:
    go, running = tmp_path / "go", tmp_path / "running"
    # what it is told twice, by the texts of the shell, with escapes, and on several lines
    script = (
        f": >{running}; while [ ! -e {go} ]; do sleep 0.1; done; export -p; "
        "printf 'told \\033[31m%s\\n' '%(secret:prepare)s'; printf 'and %s\\n' \"$TOKEN\" \"$LINES_\"; "
        "cat '/nonexistent/%(secret:prepare)s'; exit $(cat status)"
    ).replace("%s", "%%s")
    extra = f"{provider}\nfrom tests.ssh.listener import Listener\nc['services'].append(Listener())"
    expression = sshd.worker(
        "w",
        build_wait_timeout=600,
        environment={"TOKEN": "token", "LINES_": "lines", "PART": "part"},
        prepare_command=script,
    )
    expression = expression.replace("'TOKEN': 'token'", "'TOKEN': util.Secret('token')")
    expression = expression.replace("'LINES_': 'lines'", "'LINES_': util.Secret('lines')")
    part = "util.Interpolate('user:%(secret:part)s@host')"
    expression = expression.replace("'PART': 'part'", f"'PART': {part}")
    expression = expression.replace(repr(script), f"util.Interpolate({script!r})")
    expression = expression.replace("('w',", "('w', util.Secret('password'),")
    assert expression.count("util.") == 5
    directory = sshd.directory / "workers" / "w"
    directory.mkdir(parents=True)
    (directory / "status").write_text("4")
    master = make_master([expression], extra=extra)
    request = master.force_build("w")

    wait_until(running.exists, 60, "the prepare command")
    # the worker's own environment is where they are meant to be; no other process has them
    instances = set(sshd.instances())
    others = processes(lambda entry: int(entry.name) not in instances)
    assert not shown(others)
    go.touch()

    # the start fails, with all that the host said of it
    master.wait_log("prepare_command ended with status 4")
    master.wait_log(r"told \\x1b\[31m\*{5}")
    master.wait_log(r"and \*{5}")
    (directory / "status").write_text("0")
    assert master.wait_build(request, 120)["results"] == 0
    # the second build on the instance did not render them, and its step shows the environment too
    assert master.build("w", 60)["results"] == 0
    builds = master.get("api/v2/builds").json["builds"]
    environments = [
        text for place, text in _of_build(master, builds[-1]["buildid"]) if ", run, stdio" in place
    ]
    assert "TOKEN=" in environments[0], "it is this log that was looked for"
    assert any(e["kind"] == "episode" or e["data"] for e in events(master, "w"))
    assert not shown(processes(lambda entry: int(entry.name) not in set(sshd.instances())))
    assert not shown(everything(master))
    master.stop()
    assert not shown(everything_on_disk(master))


def everything_on_disk(master: RealMaster) -> Iterator[tuple[str, str]]:
    """After the end: what the database has written last."""
    for path in sorted(master.basedir.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes().decode(errors="replace")


@pytest.mark.master
def test_a_secret_in_the_program_is_refused_before_it_is_on_a_command_line(
    make_master: MakeMaster, sshd: Sshd, provider: str
) -> None:
    # checkconfig sees plain ones; this one is only known when it is rendered
    expression = sshd.worker("w", python="PYTHON")
    rendered = "util.Interpolate('%(kw:x)s', x=util.Secret('part'))"
    expression = expression.replace("'PYTHON'", f"['/bin/echo', {rendered}]")
    master = make_master([expression], extra=provider)
    master.force_build("w")
    master.wait_log(
        r"python or worker_command holds a secret \(part\): it would stand in the host's"
    )
    assert not shown(everything(master))
    assert not sshd.instances()


# texts


@pytest.mark.parametrize("secret", [s for s in SECRETS.values() if "\n" not in s])
def test_a_secret_is_found_as_it_stands_and_as_programs_write_it(secret: str) -> None:
    hide = hider([secret])
    for text in (secret, shlex.quote(secret), json.dumps(secret), repr(secret), quote(secret, "")):
        hidden = hide(f"before {text} after")
        assert re.fullmatch(r"before ['\"]?\*{5}['\"]? after", hidden), hidden


def test_lines_of_a_secret_are_hidden_one_by_one_and_common_words_are_not() -> None:
    hide = hider(["first-line\n{\nsecond-line\n", "abc"])
    assert hide("tail first-line") == "tail *****"
    assert hide("and second-line.") == "and *****."
    assert hide("abc { }") == "abc { }"


def test_the_longer_secret_goes_first() -> None:
    assert hider(["abcd", "abcdef"])("abcdef abcd") == "***** *****"


def test_control_characters_are_written_out() -> None:
    assert visible("\x1b[31mred\x1b[0m\tand\x07 \x9b \u202e") == (
        "\\x1b[31mred\\x1b[0m\tand\\x07 \\x9b \\u202e"
    )
    assert visible("two\nlines, ü ☃") == "two\nlines, ü ☃"
