"""Each reporter of this Buildbot: which take our generators, and how we hear that it did not work."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from buildbot.plugins import reporters
from twisted.internet import defer

from buildbot_lifecycle.host import configurations
from buildbot_lifecycle.host.receivers import NotTaken, send
from buildbot_lifecycle.reporting.generator import BUILDS_ONLY
from tests.harness.spin import spin
from tests.reporting.test_generator import report, reporter_of
from tests.reporting.test_mail import checked
from tests.test_docs import PAGES, rows, section

#: Arguments with which each can be made, as Python.
ARGUMENTS = {
    "MailNotifier": "fromaddr='b@example.org'",
    "HttpStatusPush": "serverUrl='http://example.org'",
    "PushoverNotifier": "user_key='u', api_token='t'",
    "PushjetNotifier": "secret='s'",
    "GitHubStatusPush": "token='t'",
    "GitHubCommentPush": "token='t'",
    "GitLabStatusPush": "token='t'",
    "GerritStatusPush": "server='s', username='u'",
    "GerritVerifyStatusPush": "baseURL='http://example.org', auth=('u', 'p')",
    "BitbucketStatusPush": "oauth_key='k', oauth_secret='s'",
    "BitbucketServerStatusPush": "base_url='http://example.org', user='u', password='p'",
    "BitbucketServerCoreAPIStatusPush": "base_url='http://example.org', auth=('u', 'p')",
    "BitbucketServerPRCommentPush": "base_url='http://example.org', user='u', password='p'",
}

#: What makes a generator's messages JSON.
JSON = "message_formatter=reporters.LatentWorkerFormatter(template_type='json')"

#: Those of Buildbot that take no generators at all.
WITHOUT = ("IRC", "TelegramBot", "ZulipStatusPush")


def classes() -> Iterator[tuple[str, Any]]:
    """The reporters of this Buildbot, ours left out."""
    for name in reporters.names:
        found = reporters.get(name)
        is_theirs = inspect.isclass(found) and found.__module__.startswith("buildbot.")
        if is_theirs and hasattr(found, "checkConfig"):
            yield name, found


def test_each_reporter_of_buildbot_is_known_and_takes_generators_or_does_not() -> None:
    takes = {
        name: "generators" in inspect.signature(found.checkConfig).parameters
        for name, found in classes()
    }
    assert {name for name, has in takes.items() if has} == set(ARGUMENTS)
    assert {name for name, has in takes.items() if not has} == set(WITHOUT)
    assert set(BUILDS_ONLY) < set(ARGUMENTS)


def test_docs_say_of_each_how_it_tells() -> None:
    table = rows(section(PAGES["notifications"], "Reporters"))
    named = {name.strip("` ") for cells in table for name in cells[0].split(",")}
    assert named == {*ARGUMENTS, *WITHOUT}


def said_of(name: str, generator: str, directory: Path, before: str = "") -> list[str]:
    """What is said of our generator in this reporter when the configuration is read."""
    text = f"""
from buildbot.plugins import reporters
{before}
c["services"].append(reporters.{name}({ARGUMENTS[name]}, generators=[{generator}]))
"""
    return [each for each in checked(text, directory) if "LatentWorker" in each]


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_checkconfig_takes_those_that_can_tell_and_names_those_that_cannot(
    name: str, tmp_path: Path
) -> None:
    given = JSON if name == "HttpStatusPush" else ""
    found = said_of(name, f"reporters.LatentWorkerGenerator({given})", tmp_path)
    if name not in BUILDS_ONLY:
        assert found == []
        return
    (said,) = found
    assert said.startswith(f"LatentWorkerGenerator: {name} tells of builds only")


@pytest.mark.parametrize(
    "given", ["", "message_formatter=reporters.LatentWorkerFormatter(template_type='html')"]
)
def test_a_text_that_would_be_posted_as_nothing_is_named(given: str, tmp_path: Path) -> None:
    """Red before: Buildbot sends JSON only, so an empty body was posted, and counted as delivered."""
    (said,) = said_of("HttpStatusPush", f"reporters.LatentWorkerGenerator({given})", tmp_path)
    assert said == (
        "LatentWorkerGenerator: HttpStatusPush sends JSON: give the generator"
        " message_formatter=reporters.LatentWorkerFormatter(template_type='json')"
    )


def test_a_reporter_that_sends_in_a_way_of_its_own_may_send_a_text(tmp_path: Path) -> None:
    own = """
class Own(reporters.HttpStatusPush):
    def sendMessage(self, reports):
        return self._http.post("", data=reports[0]["body"])
c["services"].append(Own("http://example.org", generators=[reporters.LatentWorkerGenerator()]))
"""
    assert said_of("MailNotifier", "reporters.LatentWorkerGenerator()", tmp_path, own) == []


@pytest.mark.parametrize(
    ("given", "whose"),
    [
        ("reporters.MailNotifier('b@example.org', generators=[G(), G('a*')])", "Generator"),
        ("reporters.LatentWorkerBotPush(bot='IRC', to=['#ops'])", "BotPush"),
        ("reporters.LatentWorkerBotPush(bot='IRC', to=['#ops'], generators=[G()])", "Generator"),
    ],
)
@pytest.mark.parametrize("others", [False, True])
def test_a_generator_without_the_service_is_named(
    given: str, whose: str, others: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red before: only the log of the running master said so."""
    lines: list[str] = []
    monkeypatch.setattr(configurations, "log_lines", lines.extend)
    text = f"""
from buildbot.plugins import reporters
G = reporters.LatentWorkerGenerator
c["multiMaster"] = {others}
c["services"] = [{given}]
"""
    errors = checked(text, tmp_path)
    found = [each for each in (lines if others else errors) if "LifecycleService" in each]
    assert found == [
        f"LatentWorker{whose}: c['services'] has no util.LifecycleService(): nothing can be told"
    ]
    assert others == (not any("LifecycleService" in each for each in errors))


class Http:
    """Where a reporter sends to; answers with ``code``."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.given: list[Any] = []
        self.waits: defer.Deferred[Any] | None = None

    def post(self, path: str, **what: Any) -> Any:
        self.given.append(what)
        answer = SimpleNamespace(code=self.code, content=lambda: defer.succeed(b"why"))
        if self.waits is None:
            return defer.succeed(answer)
        return self.waits.addCallback(lambda _: answer)


def made(name: str, http: Http) -> Any:
    attributes: dict[str, Any] = {
        "HttpStatusPush": {},
        "PushoverNotifier": {
            "priorities": {},
            "user_key": "u",
            "api_token": "t",
            "otherParams": {},
        },
        "PushjetNotifier": {"levels": {}, "secret": "s"},
    }[name]
    return reporter_of(reporters.get(name), _http=http, **attributes)


@pytest.mark.parametrize("name", ["HttpStatusPush", "PushoverNotifier", "PushjetNotifier"])
def test_an_answer_that_is_no_success_is_a_message_that_was_not_delivered(name: str) -> None:
    """Red before: HttpStatusPush logs it, the others do nothing, and it counted as told."""
    http = Http(503)
    reporter = made(name, http)
    for _ in range(2):
        with pytest.raises(NotTaken, match="answered 503"):
            spin(send(reporter, report()))
    http.code = 204
    spin(send(reporter, report()))
    assert len(http.given) == 3


def test_what_a_builds_message_was_answered_is_not_ours() -> None:
    """One reporter sends both, at the same time."""
    http = Http(204)
    http.waits = waits = defer.Deferred()
    reporter = made("HttpStatusPush", http)
    ours = defer.ensureDeferred(send(reporter, report()))
    http.code, http.waits = 500, None
    of_build = reporter.sendMessage([report()])
    assert of_build.called
    found: list[Any] = []
    defer.ensureDeferred(send(reporter, report())).addErrback(found.append)
    assert found[0].check(NotTaken)
    ours.addBoth(found.append)
    waits.callback(None)
    assert found[1:] == [None], "its own answer was a success"


def test_a_telephone_is_told_at_the_priority_of_a_missing_worker() -> None:
    """Red before: PushjetNotifier raised KeyError, as there are results of builds only."""
    http = Http(200)
    phone = made("PushoverNotifier", http)
    phone.priorities = {"worker_missing": "emergency"}
    spin(send(phone, report()))
    assert http.given[0]["params"]["priority"] == "emergency"
    pushjet = made("PushjetNotifier", http)
    pushjet.levels = {"worker_missing": "5"}
    spin(send(pushjet, report()))
    assert http.given[1]["data"]["level"] == "5"
