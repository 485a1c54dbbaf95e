"""Origin, body and rights, as far as they are functions of values."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from buildbot.www.authz import Forbidden
from twisted.internet import defer

from buildbot_lifecycle.core import requests
from buildbot_lifecycle.core.requests import Actor, Refusal
from buildbot_lifecycle.www import guard

URL = "https://ci.example.org:8443/buildbot/"


def test_without_configuration_only_buildbots_own_origin_is_allowed() -> None:
    assert guard.allowed_origins({}, URL) == ("https://ci.example.org:8443",)


def test_configured_origins_replace_the_default_and_may_be_bytes() -> None:
    www = {"allowed_origins": ["*.example.org", b"https://else"]}
    assert guard.allowed_origins(www, URL) == ("*.example.org", "https://else")
    assert guard.allowed_origins({"allowed_origins": []}, URL) == ()


@pytest.mark.parametrize("origin", [b"https://ci.example.org:8443", b"HTTPS://CI.EXAMPLE.ORG:8443"])
def test_the_own_origin_passes_in_any_case_of_letters(origin: bytes) -> None:
    assert guard.check_origin([origin], guard.allowed_origins({}, URL)) == origin


@pytest.mark.parametrize(
    "origin",
    [
        b"https://ci.example.org",
        b"http://ci.example.org:8443",
        b"https://ci.example.org:8443.evil",
        b"https://evil/https://ci.example.org:8443",
        b"https://ci.example.org:8443\n",
        b"null",
        b"",
        b"\xff\xfe",
    ],
)
def test_any_other_origin_is_refused(origin: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        guard.check_origin([origin], guard.allowed_origins({}, URL))
    assert caught.value.code == "bad_origin"


def test_of_two_origins_both_must_be_allowed() -> None:
    with pytest.raises(Refusal):
        guard.check_origin([b"https://evil", b"https://good"], ["https://good"])
    with pytest.raises(Refusal):
        guard.check_origin([b"https://good", b"https://evil"], ["https://good"])


def test_a_client_without_an_origin_is_no_page_of_another_site() -> None:
    assert guard.check_origin([], ["https://good"]) is None


def request(body: bytes = b"{}", **headers: str) -> Any:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return SimpleNamespace(getHeader=given.get, content=io.BytesIO(body))


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8"],
)
def test_json_is_json_with_and_without_a_charset(content_type: str) -> None:
    assert guard.json_body(request(b"[]", content_type=content_type)) == b"[]"


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/jsonx", "x;application/json"]
)
def test_what_a_form_can_send_is_refused(content_type: str) -> None:
    with pytest.raises(Refusal) as caught:
        guard.json_body(request(content_type=content_type))
    assert caught.value.code == "wrong_content_type"


def test_a_body_that_is_declared_too_large_is_not_read() -> None:
    asked = request(b"x", content_type="application/json", content_length="65537")
    with pytest.raises(Refusal) as caught:
        guard.json_body(asked)
    assert caught.value.code == "too_large"
    assert asked.content.tell() == 0


def test_a_body_of_64_kib_is_read_and_one_more_byte_is_not() -> None:
    just = b"x" * 65536
    assert guard.json_body(request(just, content_type="application/json")) == just
    with pytest.raises(Refusal, match="65536"):
        guard.json_body(request(just + b"x", content_type="application/json"))


class Asked:
    """A master that remembers what its authz was asked, and denies some of it."""

    def __init__(self, user: dict[str, Any], deny: tuple[Any, ...] = ()) -> None:
        self.www = self
        self.user = user
        self.deny = deny
        self.asked: list[Any] = []

    def getUserInfos(self, request: Any) -> dict[str, Any]:  # noqa: N802
        return self.user

    def assertUserAllowed(self, request: Any, ep: Any, action: str, options: Any) -> Any:  # noqa: N802
        self.asked.append((ep, action, options))
        if (ep, action) in self.deny:
            raise Forbidden(b"you need to have role 'x'")
        return defer.succeed(None)


def rights(
    master: Asked, *, anonymous_may_force: bool = False, details_for: str = "operators"
) -> guard.Rights:
    asked: Any = None
    return guard.Rights(
        master, asked, anonymous_may_force=anonymous_may_force, details_for=details_for
    )


def run(question: Any) -> Any:
    """The answer of a coroutine that waits for nothing."""
    done: list[Any] = []
    defer.ensureDeferred(question).addBoth(done.append)
    (result,) = done
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result


ANONYMOUS = {"anonymous": True}


def test_buildbots_authz_is_asked_for_the_worker_and_the_action() -> None:
    master = Asked({"email": "a@b"})
    run(rights(master).may_read())
    run(rights(master).may_read(5))
    run(rights(master).may_force(5))
    assert master.asked == [
        (("workers",), "GET", {}),
        (("workers", "5"), "GET", {}),
        (("workers", "5"), "force_disconnect", {}),
    ]


def test_the_anonymous_may_never_force_whatever_the_rules_allow() -> None:
    master = Asked(ANONYMOUS)
    with pytest.raises(Refusal) as caught:
        run(rights(master).may_force(5))
    assert caught.value.code == "not_logged_in"
    assert master.asked == []


def test_the_anonymous_may_force_if_it_was_said_and_the_rules_allow() -> None:
    run(rights(Asked(ANONYMOUS), anonymous_may_force=True).may_force(5))
    deny = ((("workers", "5"), "force_disconnect"),)
    with pytest.raises(Refusal) as caught:
        run(rights(Asked(ANONYMOUS, deny), anonymous_may_force=True).may_force(5))
    assert caught.value.code == "not_logged_in"


def test_who_is_logged_in_and_denied_is_forbidden() -> None:
    deny = ((("workers", "5"), "force_disconnect"),)
    with pytest.raises(Refusal) as caught:
        run(rights(Asked({"username": "bob"}, deny)).may_force(5))
    assert caught.value.code == "forbidden"
    assert caught.value.text == "bob may not do this: you need to have role 'x'"


def test_a_session_without_a_name_is_anonymous() -> None:
    for info in ({}, {"groups": ["a"]}, {"email": ""}, {"email": "\t", "username": " "}):
        asked = rights(Asked(info))
        assert asked.user is None
        assert asked.actor == requests.ANONYMOUS
        with pytest.raises(Refusal):
            run(asked.may_force(1))


@pytest.mark.parametrize(
    ("info", "actor"),
    [
        ({"email": "a@b", "username": "a", "full_name": "A B"}, "a@b"),
        ({"email": None, "username": "a", "full_name": "A B"}, "a"),
        ({"full_name": "A B"}, "A B"),
        # whatever a user is called, that is his name and not what he is
        ({"username": "anonymous"}, "anonymous"),
        ({"full_name": "policy:auto_release"}, "policy:auto_release"),
        ({"email": "shutdown"}, "shutdown"),
        # what cannot be seen names nobody, and what is no text of one line is not taken as it is
        ({"email": " ", "username": "a"}, "a"),
        ({"email": "a@b\nby the policy"}, "a@b\\nby the policy"),
        ({"email": "\u202ea"}, "\\u202ea"),
    ],
)
def test_the_actor_is_the_first_name_that_the_user_has(info: dict[str, Any], actor: str) -> None:
    assert rights(Asked(info)).actor == Actor("user", actor)


def test_can_force_is_true_if_one_of_the_workers_may_be_forced() -> None:
    deny = ((("workers", "1"), "force_disconnect"), (("workers",), "force_disconnect"))
    master = Asked({"username": "bob"}, deny)
    assert run(rights(master).can_force([1, 2])) is True
    assert run(rights(master).can_force([1])) is False
    assert run(rights(master).can_force([])) is False
    assert run(rights(Asked(ANONYMOUS)).can_force([1, 2])) is False


def test_an_error_in_the_rules_is_no_right() -> None:
    class Broken(Asked):
        def assertUserAllowed(self, *_: Any) -> Any:  # noqa: N802
            raise KeyError("a rule of the administrator's own")

    asking = rights(Broken({"username": "alice"}))
    for ask in (asking.may_force, asking.may_read):
        with pytest.raises(Refusal) as caught:
            run(ask(1))
        assert caught.value.code == "forbidden"
    assert run(asking.can_force([1])) is False


@pytest.mark.parametrize(
    ("details_for", "user", "sees"),
    [
        ("operators", {"anonymous": True}, False),
        ("operators", {"username": "bob"}, False),
        ("operators", {"username": "alice"}, True),
        ("users", {"anonymous": True}, False),
        ("users", {"username": "bob"}, True),
        ("readers", {"anonymous": True}, True),
    ],
)
def test_details_are_for_whom_the_configuration_says(
    details_for: str, user: dict[str, Any], sees: bool
) -> None:
    deny = () if user.get("username") == "alice" else ((("workers", "5"), "force_disconnect"),)
    asked = rights(Asked(user, deny), details_for=details_for)
    assert run(asked.may_see(5)) is sees


def test_who_may_force_sees_details_also_the_anonymous() -> None:
    asked = rights(Asked({"anonymous": True}), anonymous_may_force=True)
    assert run(asked.may_see(5)) is True


def test_the_right_on_a_worker_is_asked_once_in_a_request() -> None:
    master = Asked({"username": "bob"}, ((("workers", "5"), "force_disconnect"),))
    asked = rights(master)
    for _ in range(3):
        assert run(asked.may_see(5)) is False
        assert run(asked.may_see(6)) is True
    assert len(master.asked) == 2
