"""A session that is kept, names that are completed, and what would be read on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from buildbot_lifecycle.shell import sessions
from buildbot_lifecycle.shell.settings import is_exposed
from tests.shell.conftest import Fake, Shell
from tests.shell.examples import worker, workers


@pytest.fixture
def door(fake: Fake, shell: Shell) -> Fake:
    """A Buildbot that alice can log in to, and a shell in which her password is."""
    cookie = {"Set_Cookie": "TWISTED_SESSION=hers; Path=/", "Location": "http://elsewhere/"}
    fake.put("GET", "/auth/login", b"", status=302, root="", **cookie)
    fake.put("GET", "/workers", known_as("alice"))
    shell.env |= {"BUILDBOT_LIFECYCLE_USER": "alice", "BUILDBOT_LIFECYCLE_PASSWORD": "x"}
    return fake


def known_as(user: str | None) -> dict[str, Any]:
    answer = workers()
    answer["meta"]["user"] = user
    return answer


def kept(shell: Shell, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(shell.home / "state"))
    return sessions.path_of(url)


def test_a_session_is_kept_where_only_its_owner_reads_it_and_asks_for_no_password_again(
    door: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = shell("login")
    assert done.exit_code == 0, done.output
    file = kept(shell, door.url, monkeypatch)
    assert "as alice" in done.stdout
    assert str(file) in done.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "x" not in [line.split("\t")[-1] for line in file.read_text().splitlines()]
    shell.env["BUILDBOT_LIFECYCLE_PASSWORD"] = None
    door.asked.clear()
    assert shell("workers").exit_code == 0
    shell.env["BUILDBOT_LIFECYCLE_USER"] = None  # nobody else is named
    assert shell("workers").exit_code == 0
    assert [path for _, path, _, _, _ in door.asked] == ["/plugins/lifecycle/api/v1/workers"] * 2
    assert {sent["Cookie"] for _, _, _, _, sent in door.asked} == {"TWISTED_SESSION=hers"}


def test_a_session_is_for_its_user_and_its_address_only(
    door: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("login")
    shell.env |= {"BUILDBOT_LIFECYCLE_USER": None, "BUILDBOT_LIFECYCLE_PASSWORD": None}
    done = shell("--user", "bob", "workers")
    assert done.exit_code == 2  # his password is wanted
    door.put("GET", "/plugins/lifecycle/api/v1/workers", known_as(None), root="/below")
    door.asked.clear()
    shell("--url", f"{door.url}/below", "workers")
    assert "Cookie" not in door.asked[0][4]
    file = kept(shell, door.url, monkeypatch)
    file.chmod(0o644)
    done = shell("workers")
    assert done.exit_code == 2
    assert "chmod 600" in done.stderr


def test_a_session_that_buildbot_does_not_know_is_not_told_as_a_login(
    door: Fake, shell: Shell
) -> None:
    door.put("GET", "/workers", known_as(None))
    done = shell("login")
    assert done.exit_code == 6
    assert "does not know it" in done.stderr
    door.put("GET", "/auth/login", b"", status=401, root="")
    assert shell("login").exit_code == 4


def test_a_password_or_a_cookie_that_was_given_comes_before_what_is_kept(
    door: Fake, shell: Shell
) -> None:
    shell("login")
    door.asked.clear()
    shell("workers")
    assert door.asked[0][1] == "/auth/login"
    mine = shell.home / "mine"
    done = shell("login", "--file", str(mine))
    assert done.exit_code == 0, done.output
    shell.env |= {"BUILDBOT_LIFECYCLE_PASSWORD": None, "BUILDBOT_LIFECYCLE_COOKIE_FILE": str(mine)}
    assert shell("workers").exit_code == 0
    done = shell("login")
    assert done.exit_code == 2
    assert "cookie_file is set" in done.stderr


def test_logout_deletes_what_was_kept(
    door: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("login")
    file = kept(shell, door.url, monkeypatch)
    assert file.exists()
    assert "is deleted" in shell("logout").stdout
    assert not file.exists()
    assert "No session" in shell("logout").stdout


@pytest.mark.parametrize(
    ("url", "is_said"),
    [
        ("http://ci.example.org", True),
        ("http://10.0.0.1:8010", True),
        ("http://[2001:db8::1]", True),
        ("http://localhost.example.org", True),
        ("https://ci.example.org", False),
        ("http://localhost:8010", False),
        ("http://127.0.0.2", False),
        ("http://[::1]:8010", False),
    ],
)
def test_what_leaves_this_machine_unencrypted(url: str, is_said: bool) -> None:
    assert is_exposed(url) is is_said


def test_a_password_over_plain_http_is_warned_of_once_and_nothing_without_one(
    door: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("buildbot_lifecycle.shell.client.is_exposed", lambda _: True)
    done = shell("workers")
    assert done.exit_code == 0
    assert done.stderr.count("the password goes to") == 1
    assert "unencrypted" in done.stderr
    shell("login")
    shell.env["BUILDBOT_LIFECYCLE_PASSWORD"] = None
    assert "the cookie goes to" in shell("workers").stderr
    shell("logout")
    shell.env["BUILDBOT_LIFECYCLE_USER"] = None
    assert "unencrypted" not in shell("workers").stderr


def completed(shell: Shell, words: str) -> list[str]:
    shell.env |= {
        "_BUILDBOT_LIFECYCLE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = shell(prog_name="buildbot-lifecycle")
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("words", ["worker st", "events st", "force st", "episodes --worker st"])
def test_names_of_workers_are_completed(fake: Fake, shell: Shell, words: str) -> None:
    names = ["stuck-stop", "still", "steer\x1b[2J", "east"]
    fake.put("GET", "/workers", {"workers": [{"name": name} for name in names], "meta": {}})
    shell.env["BUILDBOT_LIFECYCLE_URL"] = None
    given = f"buildbot-lifecycle --url {fake.url} {words}"
    assert completed(shell, given) == ["still", "stuck-stop"]
    assert fake.asked[0][2] == [("field", "name"), ("name__contains", "st")]


def test_a_completion_asks_nobody_and_tells_no_error(
    fake: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("buildbot_lifecycle.shell.client.is_exposed", lambda _: True)
    fake.put("GET", "/workers", workers(worker()))
    words = "buildbot-lifecycle --user alice worker st"
    assert completed(shell, words) == []  # her password would be wanted
    assert fake.asked == []
    fake.put("GET", "/workers", b"<html>")
    assert completed(shell, "buildbot-lifecycle worker st") == []
    assert completed(shell, "buildbot-lifecycle --url nonsense worker st") == []
