"""The arguments of SSHLatentWorker: a wrong one is named, with what was expected."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from buildbot.plugins import util

from buildbot_lifecycle.workers.ssh import options
from buildbot_lifecycle.workers.ssh.client import command, explain
from buildbot_lifecycle.workers.ssh.session import Ended
from tests.conftest import MakeMaster
from tests.harness.master import ROOT

WRONG: dict[str, tuple[Any, str]] = {
    "host": ("-oProxyCommand=evil", "host name or address"),
    "port": (70000, "1 to 65535"),
    "user": ("two words", "user name"),
    "identity_file": ("", "a path"),
    "jump_host": ("-J", r"\[user@\]host"),
    "ssh_options": ("-v", "a list of texts"),
    "basedir": ("~/work", "does not expand ~"),
    "python": ([], "a program"),
    "worker_command": (3, "a program"),
    "environment": ({"A-B": "1"}, "no name of a variable"),
    "umask": ("022", "0o022"),
    "prepare_command": (" ", "shell commands"),
    "worker_options": ({"maxretries": 3}, "unknown: maxretries"),
    "master_port": ("9989", "a port"),
    "master_protocol": ("http", "one of pb"),
    "connect_timeout": (0, "at least 1"),
    "kill_timeout": (float("nan"), "seconds"),
    "term_timeout": (True, "seconds"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_named_with_what_was_expected(name: str) -> None:
    value, expected = WRONG[name]
    _, (problem,) = options.parse({"host": "h", "masterFQDN": "m", name: value})
    assert problem.startswith(f"{name} is ")
    assert re.search(expected, problem)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("connect_timeout", 10**30, r"at most 2678400 \(31 days\)"),
        ("start_timeout", 10**400, "at most"),
        ("master_gone_timeout", float("inf"), "at most"),
        ("basedir", "-", "does not begin with a dash"),
        ("basedir", "-rf", "does not begin with a dash"),
        ("basedir", "a\x1b[31m", "without control characters"),
        ("identity_file", "a\rb", "without control characters"),
        ("known_hosts", '/a" /b', "no way to quote"),
        *[("host", f"h{sign}x", "without any of") for sign in "'`\"$;&<>|(){}"],
        ("host", "-h", "not begin with a dash"),
        ("host", "$(touch x)", "without any of"),
        ("user", "u;x", "without any of"),
        ("jump_host", "u@h;x", "without any of"),
        ("masterFQDN", "m$x", "without any of"),
    ],
)
def test_what_a_shell_or_a_timer_would_stumble_over_is_refused(
    name: str, value: Any, expected: str
) -> None:
    _, (problem,) = options.parse({"host": "h", "masterFQDN": "m", name: value})
    assert problem.startswith(f"{name} is ")
    assert re.search(expected, problem)


@pytest.mark.parametrize(
    "host", ["build7.example.org", "10.0.0.7", "fe80::1%eth0", "build_7", "werk-ü", "a"]
)
def test_hosts_that_are_one_are_taken(host: str) -> None:
    given = {"host": host, "user": "DOMAIN\\u", "jump_host": "u@j:22,k", "masterFQDN": "m"}
    assert options.parse(given)[1] == []


@pytest.mark.parametrize(
    "key",
    [
        "BUILDBOT_LIFECYCLE_SSH",
        "BUILDBOT_LIFECYCLE_SSH_DIR",
        "lifecycle_password",
        "IFS",
        "PPID",
        "SHELLOPTS",
        "SSH_CONNECTION",
    ],
)
def test_a_variable_on_which_the_remote_side_leans_cannot_be_set(key: str) -> None:
    _, (problem,) = options.parse({"host": "h", "environment": {key: "x"}})
    assert problem.startswith(f"environment is of type dict: {key} cannot be set")


@pytest.mark.parametrize("name", ["python", "worker_command"])
@pytest.mark.parametrize(
    "word", [util.Secret("s"), util.Interpolate("%(secret:s)s"), util.Interpolate("a%(secret:s)s")]
)
def test_a_secret_cannot_be_part_of_a_command_line(name: str, word: Any) -> None:
    for value in (word, ["/bin/echo", word]):
        _, (problem,) = options.parse({"host": "h", name: value})
        assert "no secret may be part of it" in problem


def test_a_problem_does_not_show_what_may_be_a_secret() -> None:
    _, (problem,) = options.parse({"host": "h", "environment": {"A": b"hush-hush"}})
    assert "hush" not in problem


def test_host_is_needed_and_a_jump_host_needs_the_masters_address() -> None:
    assert "host is missing" in options.parse({})[1][0]
    assert "masterFQDN is missing" in options.parse({"host": "h", "jump_host": "j"})[1][0]


def test_renderables_are_taken_where_something_is_run_and_not_where_it_is() -> None:
    rendered = util.Interpolate("%(prop:x)s")
    run = {"python": rendered, "prepare_command": rendered, "environment": {"A": rendered}}
    assert options.parse({"host": "h", **run})[1] == []
    for name in ("host", "user", "basedir"):
        assert options.parse({"host": "h", name: rendered})[1]


def test_the_stop_is_bounded_by_the_sum_of_its_parts() -> None:
    chosen, _ = options.parse({"host": "h", "connect_timeout": 1, "ask_timeout": 2})
    assert chosen.stop_bound == 10 + 1 + (2 + 10 + 5) + 15


def test_what_the_user_says_to_ssh_comes_before_what_we_say() -> None:
    chosen, _ = options.parse({"host": "h", "ssh_options": ["-o", "BatchMode=no"], "port": 7})
    words = command(chosen, "exec /bin/sh")
    assert words.index("BatchMode=no") < words.index("BatchMode=yes")
    assert words[-3:] == ["--", "h", "exec /bin/sh"]


def test_ssh_is_quoted_without_its_noise() -> None:
    said = "@@@@@@\nWarning: Permanently added 'h' to the list\nPermission denied (publickey).\n"
    assert explain(Ended(255, None, said, None)) == "Permission denied (publickey)."
    assert explain(Ended(None, 9, "", None)) == "the ssh client ended with signal 9"
    assert explain(Ended(None, 9, said, "no end within 3 s")) == "no end within 3 s"


def test_every_argument_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "ssh-worker.md").read_text(encoding="utf-8")
    rows = {}
    for line in re.findall(r"^\|.*$", page, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`(\w+)`", cells[0]):
            rows[name] = cells[1] if len(cells) > 1 else ""
    for field in dataclasses.fields(options.Options):
        assert field.name in rows
        if isinstance(field.default, float):
            assert rows[field.name] == f"{field.default:g}", field.name
    for name in options.WORKER_OPTIONS:
        assert f"`{name}`" in page


@pytest.mark.master
def test_checkconfig_shows_all_that_is_wrong(make_master: MakeMaster) -> None:
    found = "__import__('buildbot.plugins', fromlist=['worker']).worker"
    wrong = f"{found}.SSHLatentWorker('w', host='a b', port='22', unheard_of=1)"
    master = make_master([wrong], start=False)
    master.create()
    master.configure()
    with pytest.raises(AssertionError) as raised:
        master.run("checkconfig", str(master.basedir / "master.cfg"))
    assert "SSHLatentWorker 'w': host is 'a b': expected a host name" in str(raised.value)
    assert "SSHLatentWorker 'w': port is '22': expected a port" in str(raised.value)
    unknown = r"SSHLatentWorker 'w': .* unexpected keyword argument 'unheard_of'"
    assert re.search(unknown, str(raised.value)), str(raised.value)


@pytest.mark.parametrize(("old", "new"), options.OLD_NAMES.items())
def test_an_old_name_counts_as_the_new_one_and_warns(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{old} is now {new}"):
        ours, buildbots = options.split({"host": "h", old: "pb"})
    assert (ours, buildbots) == ({"host": "h", new: "pb"}, {})


@pytest.mark.parametrize(("old", "new"), options.OLD_NAMES.items())
def test_an_old_name_beside_the_new_one_is_left_for_buildbot_to_refuse(old: str, new: str) -> None:
    assert options.split({old: "a", new: "b"}) == ({new: "b"}, {old: "a"})
