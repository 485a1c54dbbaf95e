"""The arguments and the texts: what is wrong is named, what is right says what there is to know."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from buildbot.config.errors import ConfigErrors, capture_config_errors
from buildbot.plugins import reporters
from twisted.internet import defer

from buildbot_lifecycle.reporting.generator import LatentWorkerGenerator, _report
from buildbot_lifecycle.reporting.message import LatentWorkerFormatter
from buildbot_lifecycle.reporting.texts import EXAMPLE
from tests.harness.spin import spin

MASTER = SimpleNamespace(name="m", config=SimpleNamespace(title="Builds", buildbotURL="http://b/"))


def problems(**arguments: Any) -> list[str]:
    with capture_config_errors() as errors:
        LatentWorkerGenerator(**arguments).check()
    found: list[str] = errors.errors
    return found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"worker": "a*"}, "unknown argument 'worker'; known are workers, levels"),
        ({"workers": "docker-[a"}, "workers: the name pattern 'docker-[a' has a [ without its ]"),
        ({"workers": 7}, "workers must be a name pattern, or a list of them, not 7"),
        ({"levels": ["stuk"]}, "levels: 'stuk' is none of stuck, attention, failed, unknown, slow"),
        ({"workers": []}, "workers names no worker; leave it out for all"),
        ({"workers": ()}, "workers names no worker; leave it out for all"),
        ({"levels": []}, "levels must be one or more of"),
        ({"tell": ()}, "tell must be one or more of"),
        ({"tell": "orphan"}, "tell: 'orphan' is none of stuck, released, resolved, orphans"),
        ({"gather": -1}, "gather must be seconds, from 0 to 3600, not -1"),
        ({"gather": "60"}, "gather must be seconds"),
        ({"behind_after": 1e6}, "behind_after must be seconds, from 0 to 86400, not 1000000.0"),
        ({"repeat_hours": 0}, "repeat_hours must be hours, more than 0, or None"),
        ({"orphan_hours": float("nan")}, "orphan_hours must be hours"),
        ({"message_formatter": reporters.MessageFormatter()}, "message_formatter must be a rep"),
    ],
)
def test_a_wrong_argument_is_named(arguments: Any, said: str) -> None:
    (problem,) = problems(**arguments)
    assert problem.startswith("LatentWorkerGenerator: ")
    assert said in problem


def test_right_ones_are_no_problem() -> None:
    assert problems() == []
    assert problems(workers=["docker-*"], levels="failed", tell=["stuck"], repeat_hours=None) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"template": "{% for"}, "template is no template of Jinja2: line 1"),
        ({"template": "{{ worker }}"}, "template uses worker, which it is not given; known: at"),
        ({"subject": "{{ stuck[0].nmae }}"}, "subject cannot be rendered: UndefinedError"),
        ({"template": "{{ title }}", "template_type": "json"}, "template makes no JSON: Expecting"),
        ({"template": '"{{ at }}"', "template_type": "json"}, "must make an object or a list"),
        ({"subject": 7}, "subject must be a text, not 7"),
        ({"template_type": "rtf"}, "template_type must be one of plain, html, json, not 'rtf'"),
        ({"ctx": ["a"]}, "ctx must be a dictionary"),
        ({"want_steps": True}, "unknown argument 'want_steps'"),
    ],
)
def test_a_bad_template_is_named(arguments: Any, said: str) -> None:
    with capture_config_errors() as errors:
        LatentWorkerFormatter(**arguments)
    (problem,) = errors.errors
    assert said in problem


def test_outside_of_a_configuration_it_is_an_exception() -> None:
    with pytest.raises(ConfigErrors):
        LatentWorkerFormatter(template="{% for")


def test_both_are_found_where_buildbots_own_are() -> None:
    assert reporters.LatentWorkerGenerator is LatentWorkerGenerator
    assert reporters.LatentWorkerFormatter is LatentWorkerFormatter


def test_generators_with_the_same_arguments_are_the_same_and_others_are_not() -> None:
    """Or each reconfiguration would put the reporter's generators into place anew."""
    same = [
        LatentWorkerGenerator("a*", message_formatter=LatentWorkerFormatter(template_type="html"))
        for _ in range(2)
    ]
    assert same[0] == same[1]
    assert same[0] != LatentWorkerGenerator("a*")
    assert LatentWorkerGenerator("a*").generate_name() != LatentWorkerGenerator().generate_name()


def said(**things: Any) -> dict[str, Any]:
    names = ("stuck", "released", "resolved", "orphans", "closed", "behind", "caught_up")
    return {name: things.get(name, []) for name in names}


def formatted(said: dict[str, Any], **arguments: Any) -> Any:
    formatter = LatentWorkerFormatter(**arguments)

    async def run() -> Any:
        return await formatter.format(MASTER, said, 0.0)

    return spin(run())


STUCK = {**EXAMPLE["stuck"][0], "worker": "w<1>", "reason": "a <b> & c"}


@pytest.mark.parametrize("template_type", ["plain", "html"])
def test_a_message_says_all_that_one_needs(template_type: str) -> None:
    things = {name: EXAMPLE[name] for name in said()}
    message = formatted(things, template_type=template_type)
    for text in (
        "stop_instance has not ended",
        "i-1",
        "stop_instance (driver.py:1)",
        "was released by alice",
        "is no longer stuck",
        "may still run",
        "was closed by",
        "Lifecycle events have not reached the database for 2 min",
        "Events that wait: 37",
        "The last error: OperationalError",
        "Lifecycle events reach the database again, after 2 min",
    ):
        assert text in " ".join(message["body"].split()), text
    assert "http://localhost/#/lifecycle/workers/1" in message["body"]
    assert message["subject"] == (
        "Buildbot Builds: latent workers: 1 stuck, 1 released, 1 resolved,"
        " 1 instance may still run, 1 instance settled, the database is behind,"
        " the database has caught up"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1 instance may still run, 1 instance settled"),
        (2, "2 instances may still run, 2 instances settled"),
    ],
)
def test_a_subject_counts_as_people_do(number: int, text: str) -> None:
    """Red before: "1 instances may still run"."""
    things = {name: list(EXAMPLE[name]) * number for name in ("orphans", "closed")}
    assert formatted(said(**things))["subject"] == f"Buildbot Builds: latent workers: {text}"


@pytest.mark.parametrize("template_type", ["plain", "html"])
@pytest.mark.parametrize(
    ("status", "text"),
    [("done", "was released"), ("failed", "was to be released")],
)
def test_a_release_that_did_not_work_is_not_said_to_be_one(
    template_type: str, status: str, text: str
) -> None:
    released = [{**EXAMPLE["released"][0], "status": status}]
    message = formatted(said(released=released), template_type=template_type)
    assert message["subject"] == f"Buildbot Builds: example {text}"
    assert f"{text} by alice" in message["body"]


def test_names_and_errors_are_no_markup_in_html() -> None:
    body = formatted(said(stuck=[STUCK]), template_type="html")["body"]
    assert "w&lt;1&gt;" in body
    assert "a &lt;b&gt; &amp; c" in body


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("stuck", "example is stuck"),
        ("resolved", "example is no longer stuck"),
        ("released", "example was released"),
        ("orphans", "an instance of example may still run"),
        ("closed", "an instance of example is settled"),
        ("behind", "lifecycle events do not reach the database"),
        ("caught_up", "lifecycle events reach the database again"),
    ],
)
def test_the_subject_of_a_message_of_one_thing_names_it(name: str, text: str) -> None:
    assert formatted(said(**{name: EXAMPLE[name]}))["subject"] == f"Buildbot Builds: {text}"


def test_a_subject_is_one_line_whatever_a_worker_is_called() -> None:
    message = formatted(said(stuck=[{**STUCK, "worker": "a\nBcc: b"}]))
    assert "\n" not in message["subject"]


def test_a_program_is_given_what_templates_are() -> None:
    body = formatted(said(stuck=[STUCK]), template_type="json")["body"]
    assert body["stuck"] == [STUCK]
    assert body["counts"]["stuck"] == 1
    assert body["title"] == "Buildbot Builds: w<1> is stuck"


def test_a_program_that_wants_another_form_is_given_it_by_a_template() -> None:
    """Red before: a template was silently left out for JSON."""
    body = formatted(
        said(stuck=[STUCK]),
        template_type="json",
        template='{"chat_id": {{ chat }}, "text": {{ text | tojson }}}',
        ctx={"chat": -7},
    )["body"]
    assert body["chat_id"] == -7
    assert body["text"].startswith("w<1> is stuck: a <b> & c\n")


def test_generate_answers_at_once_that_there_is_no_report() -> None:
    master = SimpleNamespace(masterid=1)
    generator = LatentWorkerGenerator()
    of_another = {"workerid": 1, "masterid": 2, "level": "stuck"}
    done = generator.generate(master, object(), ("lifecycle", "1", "verdict"), of_another)
    assert isinstance(done, defer.Deferred)
    assert done.result is None


def reporter_of(cls: Any, **attributes: Any) -> Any:
    """One of Buildbot's reporters as it is once it is configured."""
    new = cls.__new__(cls)
    new.__dict__.update(parent=SimpleNamespace(master=MASTER), **attributes)
    return new


def report(**arguments: Any) -> Any:
    return _report(formatted(said(stuck=[STUCK]), **arguments))


def test_the_mail_goes_to_the_reporters_own_receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    mail = reporter_of(
        reporters.MailNotifier,
        fromaddr="b@example.org",
        extraRecipients=["o@example.org"],
        sendToInterestedUsers=True,
        lookup=None,
        extraHeaders=None,
        sendMail=lambda *args: sent.append(args),
    )
    mail.sendMessage([report()]).addErrback(sent.append)
    ((message, receivers),) = sent
    assert receivers == ["o@example.org"]
    assert message["To"] == "o@example.org"
    assert message["Subject"] == "Buildbot Builds: w<1> is stuck"
    assert "a <b> & c" in message.get_payload(decode=True).decode()


def test_programs_and_phones_are_told_by_buildbots_reporters_too() -> None:
    posted: list[Any] = []

    class Http:
        def post(self, path: str, **what: Any) -> Any:
            posted.append(what)
            return defer.succeed(SimpleNamespace(code=200))

    reporter_of(reporters.HttpStatusPush, _http=Http()).sendMessage([report(template_type="json")])
    phone = reporter_of(
        reporters.PushoverNotifier,
        _http=Http(),
        priorities={},
        user_key="u",
        api_token="t",
        otherParams={},
    )
    phone.sendMessage([report()])
    assert posted[0]["json"]["stuck"] == [STUCK]
    assert posted[1]["params"]["title"] == "Buildbot Builds: w<1> is stuck"
