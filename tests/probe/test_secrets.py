"""The master's secrets, as Buildbot's own secret manager gives them out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from buildbot.secrets.manager import SecretManager
from buildbot.secrets.providers.base import SecretProviderBase
from twisted.internet import defer

from buildbot_lifecycle.master import secrets
from buildbot_lifecycle.master.secrets import Secrets


class Vault(SecretProviderBase):
    """Answers when it is asked, and holds nothing."""

    def get(self, entry: str) -> Any:
        return defer.succeed(None if entry == "none" else f"value of {entry}")


class Held(SecretProviderBase):
    """Holds what it has in memory, as SecretInAFile does."""

    def __init__(self) -> None:
        super().__init__(name="held")
        self.secrets = {"file": "v4lueInAFile", "pin": "123", "number": 5}

    def get(self, entry: str) -> Any:
        return self.secrets.get(entry)


def master(*providers: Any) -> Any:
    manager = SecretManager()
    manager.services = list(providers)
    return SimpleNamespace(secrets_manager=manager)


def test_what_is_given_out_is_remembered_and_given_out_as_before() -> None:
    it = master(Vault(name="vault"))
    known = Secrets(it)
    known.install()
    got: list[Any] = []
    for name in ("cloud", "none"):
        it.secrets_manager.get(name).addCallback(got.append)
    assert (got[0].value, got[0].key, got[0].source) == ("value of cloud", "cloud", "Vault")
    assert got[1] is None
    assert known.redactor.text("401 for value of cloud") == "401 for <cloud>"


def test_what_is_held_in_memory_is_known_without_being_asked_for() -> None:
    held = Held()
    known = Secrets(master(held))
    assert known.redactor.text("v4lueInAFile 123") == "<file> 123"
    held.secrets["file"] = "anotherOne"
    assert known.redactor.text("v4lueInAFile anotherOne") == "v4lueInAFile <file>"


def test_at_the_end_buildbots_manager_is_as_it_was() -> None:
    it = master(Vault(name="vault"))
    before = it.secrets_manager.get
    first, second = Secrets(it), Secrets(it)
    first.install()
    second.install()
    second.uninstall()
    first.uninstall()
    assert it.secrets_manager.get == before
    assert "get" not in vars(it.secrets_manager)


def test_no_more_are_remembered_than_a_bound(monkeypatch: Any) -> None:
    monkeypatch.setattr(secrets, "KEPT", 3)
    it = master(Vault(name="vault"))
    known = Secrets(it)
    known.install()
    for number in range(5):
        it.secrets_manager.get(f"s{number}")
    assert known.redactor.text("value of s0") == "value of s0"
    assert known.redactor.text("value of s4") == "<s4>"


def test_a_master_without_secrets_is_no_error() -> None:
    known = Secrets(SimpleNamespace())
    known.install()
    assert known.redactor.text("text") == "text"
    known.uninstall()
