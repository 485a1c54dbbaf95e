"""Where Buildbot is, who asks, and what is said where it does not work."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildbot_lifecycle.shell import terminal
from buildbot_lifecycle.shell.settings import address, cookies
from buildbot_lifecycle.shell.trouble import Trouble
from tests.harness.tls import Tls
from tests.harness.waiting import patient
from tests.shell.conftest import Fake, Shell
from tests.shell.examples import worker, workers


@pytest.fixture
def quiet(fake: Fake) -> Fake:
    """No workers; alice logs in as Buildbot has it: with a cookie, and a redirect."""
    fake.put("GET", "/workers", workers())
    cookie = {"Set_Cookie": "TWISTED_SESSION=hers; Path=/", "Location": "http://elsewhere/"}
    fake.put("GET", "/auth/login", b"", status=302, root="", **cookie)
    return fake


def headers_of(fake: Fake, number: int = -1) -> dict[str, str]:
    return fake.asked[number][4]


def secret_file(directory: Path, text: str) -> str:
    file = directory / "secret"
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


def test_an_option_comes_before_the_environment_and_that_before_the_file(
    quiet: Fake, shell: Shell
) -> None:
    config = shell.home / "buildbot-lifecycle" / "config"
    config.parent.mkdir()
    config.write_text(f"[buildbot-lifecycle]\nurl = {quiet.url}/#/lifecycle\n")
    shell.env["BUILDBOT_LIFECYCLE_URL"] = "http://127.0.0.1:1/"
    assert shell("workers").exit_code == 3
    assert shell("--url", quiet.url, "workers").exit_code == 0
    shell.env["BUILDBOT_LIFECYCLE_URL"] = None
    assert shell("workers").exit_code == 0
    config.write_text("[buildbot-lifecycle]\npassword = x\n")
    done = shell("workers")
    assert done.exit_code == 2
    assert "'password' is not known" in done.stderr
    config.unlink()
    done = shell("workers")
    assert done.exit_code == 2
    assert "BUILDBOT_LIFECYCLE_URL" in done.stderr


@pytest.mark.parametrize("given", [["--url", "http://x/"], ["--user=alice"], ["--timeout", "5"]])
def test_an_option_behind_the_command_is_told_where_it_stands(
    shell: Shell, given: list[str]
) -> None:
    name = given[0].partition("=")[0]
    for command in (["workers"], ["orphans"], ["orphans", "resolve", "1", "--note", "x"]):
        done = shell(*command, *given)
        assert done.exit_code == 2
        assert f"No such option '{name}'" in done.stderr
        assert f"{name} stands before the command: buildbot-lifecycle {name}" in done.stderr
    done = shell("workers", "--levle", "stuck")
    assert "--level" in done.stderr  # click's own guess
    assert "before the command" not in done.stderr


@pytest.mark.parametrize(
    "url", ["ci.example.org", "ftp://x/", "http://", "http://a:b@x/", "http://x:y/", "http://x/ y"]
)
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(Trouble, match="not an address"):
        address(url)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"url = x\n", "line 1: this stands above [buildbot-lifecycle]"),
        (b"[buildbot-lifecycle]\nurl = a\nURL = b\n", "line 3: this has a key for the second time"),
        (b"[buildbot-lifecycle]\nnonsense\n", "line 2: this is no key = value"),
        (b"[buildbot-lifecycle]\nurll = x\n", "'urll' is not known"),
        (b"[other]\nurl = x\n", "'other' is not known"),
        (b"\xff\xfe", "it is no text in UTF-8"),
        (b'[buildbot-lifecycle]\nurl = "http://x"\n', "url in "),
        (b"[buildbot-lifecycle]\nurl = http://x # mine\n", "with nothing behind it"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_file_and_line_with_what_to_do(
    shell: Shell, text: bytes, told: str
) -> None:
    file = shell.home / "config"
    file.write_bytes(text)
    shell.env["BUILDBOT_LIFECYCLE_URL"] = None
    done = shell("--config", str(file), "workers")
    assert done.exit_code == 2
    assert told in done.stderr
    assert str(file) in done.stderr
    assert done.stderr.splitlines()[-1].startswith("  ")  # what to do
    assert "Error" not in done.output


def test_a_wrong_address_is_told_with_where_it_stands(shell: Shell) -> None:
    assert "--url: 'nonsense' is not" in shell("--url", "nonsense", "workers").stderr
    shell.env["BUILDBOT_LIFECYCLE_URL"] = "nonsense"
    assert "BUILDBOT_LIFECYCLE_URL: 'nonsense' is not" in shell("workers").stderr
    done = shell("--config", "/nowhere/config", "workers")
    assert "No such file" in done.stderr
    assert "--config" in done.stderr.splitlines()[-1]


def test_a_user_logs_in_once_and_the_password_goes_nowhere_else(quiet: Fake, shell: Shell) -> None:
    shell.env |= {"BUILDBOT_LIFECYCLE_USER": "alice", "BUILDBOT_LIFECYCLE_PASSWORD": "wörd:x"}
    assert shell("workers").exit_code == 0
    assert [path for _, path, _, _, _ in quiet.asked] == [
        "/auth/login",
        "/plugins/lifecycle/api/v1/workers",
    ]
    basic = headers_of(quiet, 0)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic).decode() == "alice:wörd:x"
    assert headers_of(quiet)["Cookie"] == "TWISTED_SESSION=hers"
    assert "Authorization" not in headers_of(quiet)


def test_the_password_is_asked_for_or_read_from_a_file_that_is_ones_own(
    quiet: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = secret_file(shell.home, "of a file\nmore\n")
    assert shell("--user", "alice", "--password-file", file, "workers").exit_code == 0
    sent = headers_of(quiet, 0)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"alice:of a file"
    Path(file).chmod(0o640)
    done = shell("--user", "alice", "--password-file", file, "workers")
    assert done.exit_code == 2
    assert "chmod 600" in done.stderr
    assert shell("--user", "alice", "workers").exit_code == 2  # nobody is there to be asked
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    done = shell("--user", "alice", "workers", input="typed\n")
    assert done.exit_code == 0
    assert "typed" not in done.output


def test_a_password_file_without_a_user_is_an_error_and_nobody_is_asked_as_anonymous(
    quiet: Fake, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = secret_file(shell.home, "x\n")
    done = shell("--password-file", file, "workers")
    assert done.exit_code == 2
    assert "--password-file" in done.stderr
    assert "--user" in done.stderr
    shell.env["BUILDBOT_LIFECYCLE_PASSWORD_FILE"] = file
    assert shell("workers").exit_code == 2
    assert quiet.asked == []
    # a token or a cookie says who asks, and `login` asks for the user
    assert shell("--token-file", file, "workers").exit_code == 0
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    quiet.put("GET", "/workers", {**workers(), "meta": {**workers()["meta"], "user": "alice"}})
    assert shell("login", input="alice\n").exit_code == 0


def test_a_wrong_password_and_no_login_by_password(quiet: Fake, shell: Shell) -> None:
    shell.env |= {"BUILDBOT_LIFECYCLE_USER": "alice", "BUILDBOT_LIFECYCLE_PASSWORD": "x"}
    for status, said in ((401, "does not take 'alice'"), (501, "no login with a password")):
        quiet.put("GET", "/auth/login", b"", status=status, root="")
        done = shell("workers")
        assert done.exit_code == 4
        assert said in done.stderr


def test_a_cookie_and_a_token_come_from_files(quiet: Fake, shell: Shell) -> None:
    file = secret_file(shell.home, "TWISTED_SESSION=abc\n")
    shell("--cookie-file", file, "workers")
    assert headers_of(quiet)["Cookie"] == "TWISTED_SESSION=abc"
    shell("--token-file", file, "workers")
    assert headers_of(quiet)["Authorization"] == "Bearer TWISTED_SESSION=abc"
    lines = [
        "# Netscape HTTP Cookie File",
        "#HttpOnly_ci.example.org\tFALSE\t/\tFALSE\t0\tours\t1",
        "ci.example.org\tFALSE\t/\tTRUE\t0\tsafe\t2",
        "evil.org\tFALSE\t/\tFALSE\t0\ttheirs\t3",
    ]
    file = secret_file(shell.home, "\n".join(lines))
    assert cookies(file, "http://ci.example.org") == "ours=1"
    assert cookies(file, "https://ci.example.org") == "ours=1; safe=2"
    with pytest.raises(Trouble, match="no cookie"):
        cookies(file, "https://other.org")


def error(code: str, **more: Any) -> dict[str, Any]:
    return {"error": "a sentence", "code": code, **more}


@pytest.mark.parametrize(
    ("status", "value", "exit_code", "said"),
    [
        (404, b"<html>", 3, "'lifecycle': {}"),
        (400, b"<html>The plain HTTP request was sent to HTTPS port", 3, "say https://"),
        (429, b"<html>", 3, "Try again later"),
        (200, b'{"workers": [', 3, "is not whole"),
        (200, [], 3, "is not whole"),
        (500, b"<html>", 3, "Is the master up?"),
        (502, b"bad gateway", 3, "a proxy"),
        (503, b"<html>no server is available", 3, "a proxy"),
        (504, b"<html>", 3, "a proxy"),
        (401, b"who?", 4, "wants to know who asks"),
        (400, error("bad_query"), 2, "a sentence"),
        (401, error("not_logged_in"), 4, "--user"),
        (403, error("forbidden"), 4, "authz"),
        (404, error("not_found"), 3, "version"),
        (412, error("episode_changed"), 5, "Look again"),
        (500, error("internal"), 6, "log"),
        (503, error("busy", retry_after_s=7), 3, "7 s"),
        (503, error("not_ready"), 3, "LifecycleService"),
        (None, None, 3, "without an answer"),
    ],
)
def test_an_error_says_what_to_do(
    fake: Fake, shell: Shell, status: int, value: Any, exit_code: int, said: str
) -> None:
    fake.put("GET", "/workers", value, status=status)
    done = shell("workers")
    assert done.exit_code == exit_code, done.output
    assert said in done.stderr
    assert done.stdout == ""


def test_a_login_page_in_the_plugins_place_is_told_from_an_address_without_it(
    fake: Fake, shell: Shell
) -> None:
    fake.put("GET", "/workers", b"<html>Log in</html>", Content_Type="text/html; charset=utf-8")
    done = shell("workers")
    assert done.exit_code == 3
    assert "web page" in done.stderr
    assert "--cookie-file" in done.stderr


def test_an_act_that_a_proxy_did_not_answer_may_have_been_done(fake: Fake, shell: Shell) -> None:
    """Who sits behind a proxy that has given up is not told that nothing was done."""
    fake.put("GET", "/workers/a", workers(worker(name="a")))
    number = worker()["workerid"]
    for status, body in ((503, b"<html>"), (504, b"<html>"), (200, b"{")):
        fake.put("POST", f"/workers/{number}/pause", body, status=status)
        done = shell("pause", "a", "--reason", "x")
        assert done.exit_code == 7, (status, done.output)
        assert "actions" in done.stderr


@contextlib.contextmanager
def peer(*said: bytes, is_held: bool = False) -> Iterator[str]:
    """The address of something that listens, and answers each connection with this and an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as held:
        port = listener.getsockname()[1]

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = held.enter_context(listener.accept()[0])
                    if not is_held:
                        connection.recv(65536)
                        connection.sendall(b"".join(said))
                        connection.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(patient(5))


@pytest.mark.parametrize(
    ("said", "told", "advice"),
    [
        (b"", "hung up without an answer", "https://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP", "port"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "broken off", "Try again"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            "no answer",
            "address",
        ),
    ],
)
def test_what_is_no_answer_of_a_web_server_is_said(
    shell: Shell, said: bytes, told: str, advice: str
) -> None:
    with peer(said) as url:
        done = shell("--url", url, "workers")
    assert done.exit_code == 3
    assert told in done.stderr
    assert advice in done.stderr.splitlines()[-1]


def test_nobody_who_answers_in_time(shell: Shell) -> None:
    with peer(is_held=True) as url:
        done = shell("--url", url, "--timeout", "0.2", "workers")
    assert done.exit_code == 3
    assert "not answered within 0.2 s" in done.stderr
    assert "--timeout" in done.stderr


def test_nobody_at_all_a_wrong_name_and_a_proxy_of_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = shell("--url", gone, "workers")
    assert (done.exit_code, "nobody listens" in done.stderr) == (3, True)
    assert "port" in done.stderr.splitlines()[-1]
    assert "proxy" not in done.stderr

    done = shell("--url", "http://nobody.invalid", "workers")
    assert (done.exit_code, "nobody.invalid is no name" in done.stderr) == (3, True)

    shell.env |= {"http_proxy": gone.replace("//", "//bob:pa55word@"), "no_proxy": None}
    done = shell("--url", "http://ci.example.org", "workers")
    assert done.exit_code == 3
    assert f"a proxy for it, {gone.removeprefix('http://')}" in done.stderr
    assert "no_proxy" in done.stderr
    assert "pa55word" not in done.output


def test_nothing_is_followed_elsewhere(fake: Fake, shell: Shell) -> None:
    fake.put("GET", "/workers", b"", status=302, Location="https://login.example.org/")
    done = shell("workers")
    assert done.exit_code == 3
    assert "https://login.example.org/" in done.stderr
    assert len(fake.asked) == 1


def test_a_certificate_of_ones_own_authority(fake: Fake, shell: Shell, tmp_path: Path) -> None:
    fake.put("GET", "/workers", workers())
    Tls(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls" / "trusted.pem", tmp_path / "tls" / "key")
    fake.speak(context)
    done = shell("--url", fake.url, "workers")
    assert done.exit_code == 3
    assert "--ca-file" in done.stderr
    assert fake.asked == []
    trusted = str(tmp_path / "tls" / "trusted.pem")
    assert shell("--url", fake.url, "--ca-file", trusted, "workers").exit_code == 0
    done = shell("--url", fake.url, "--ca-file", str(tmp_path / "tls" / "key"), "workers")
    assert done.exit_code == 2
    assert "PEM" in done.stderr


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"hours": -1}, "has to be renewed"),
        ({"address": "127.0.0.2"}, "stands in the certificate"),
    ],
)
def test_a_certificate_that_no_authority_would_mend(
    fake: Fake, shell: Shell, tmp_path: Path, made: dict[str, Any], said: str
) -> None:
    Tls(tmp_path / "tls", **made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls" / "trusted.pem", tmp_path / "tls" / "key")
    fake.speak(context)
    trusted = str(tmp_path / "tls" / "trusted.pem")
    done = shell("--url", fake.url, "--ca-file", trusted, "workers")
    assert done.exit_code == 3
    assert said in done.stderr
    assert "--ca-file" not in done.stderr


def test_https_where_http_is_spoken_is_said(fake: Fake, shell: Shell) -> None:
    done = shell("--url", fake.url.replace("http:", "https:"), "workers")
    assert done.exit_code == 3
    assert "http://" in done.stderr


def test_where_a_proxy_asks_for_the_password_it_goes_with_each_request(
    quiet: Fake, shell: Shell
) -> None:
    """Buildbot's RemoteUserAuth: its own login is shut, and the page learns from the proxy who it is."""
    quiet.put("GET", "/auth/login", b"<html>not supported</html>", status=403, root="")
    quiet.put("GET", "/", b"<html>", root="", Set_Cookie="TWISTED_SESSION=hers; Path=/")
    shell.env |= {"BUILDBOT_LIFECYCLE_USER": "alice", "BUILDBOT_LIFECYCLE_PASSWORD": "x"}
    assert shell("workers").exit_code == 0
    assert [path for _, path, _, _, _ in quiet.asked][:2] == ["/auth/login", "/"]
    sent = headers_of(quiet)
    assert sent["Cookie"] == "TWISTED_SESSION=hers"
    assert sent["Authorization"] == headers_of(quiet, 0)["Authorization"]
    done = shell("login")
    assert done.exit_code == 5
    assert "wants the password with each request" in done.stderr
    # whose password the proxy does not take
    quiet.put("GET", "/auth/login", b"<html>who?</html>", status=401, root="")
    assert shell("workers").exit_code == 4
