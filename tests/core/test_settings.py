"""What stands in master.cfg: every wrong value is named, with what was expected."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.arguments import LIMITED, PER_WORKER, parse
from buildbot_lifecycle.core.settings import AutoEnd, AutoRelease, Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER


def only_problem(**arguments: Any) -> str:
    _, problems = parse(arguments)
    assert len(problems) == 1, problems
    return problems[0]


def test_no_argument_is_needed() -> None:
    settings, problems = parse({})
    assert problems == []
    assert settings == Settings()
    assert settings.stuck_after == DEFAULT_STUCK_AFTER
    assert settings.shutdown_grace < 8, "buildbot stop gives up after 10 s"
    assert settings.pause_after_release
    assert not settings.anonymous_may_force


def test_a_limit_replaces_its_default_and_leaves_the_others() -> None:
    settings, problems = parse({"stuck_after": {"insubstantiating": 300}})
    assert problems == []
    # a build that queues behind a stop does not give that stop another limit
    both = {State.INSUBSTANTIATING: 300.0, State.INSUBSTANTIATING_SUBSTANTIATING: 300.0}
    assert settings.stuck_after == {**DEFAULT_STUCK_AFTER, **both}


def test_none_is_for_ever() -> None:
    assert (
        parse({"stuck_after": {"insubstantiating": None}})[0].stuck_after[State.INSUBSTANTIATING]
        is None
    )


def test_every_state_in_which_something_is_waited_for_can_have_a_limit() -> None:
    settings, problems = parse(
        {"stuck_after": {str(getattr(key, "value", key)): 5 for key in LIMITED}}
    )
    assert problems == []
    assert set(settings.stuck_after.values()) == {5.0}


@pytest.mark.parametrize("key", ["INSUBSTANTIATING", "shut_down", "unknown", "", None, 4])
def test_a_state_that_has_no_limit_is_named_with_those_that_have(key: Any) -> None:
    assert only_problem(stuck_after={key: 5}) == (
        f"stuck_after: no state {key!r}; states with a limit are not_substantiated, substantiating,"
        " substantiating_starting, substantiated, insubstantiating, insubstantiating_substantiating,"
        " frozen_attach, frozen_worker, stale_connection, duplicate_arbitration,"
        " half_insubstantiated, unasked_instance, reconfig_frozen"
    )


@pytest.mark.parametrize(
    "seconds", [0, -1, "5", True, math.nan, math.inf, -math.inf, [], 10**400, 5j, b"5"]
)
def test_a_limit_that_is_no_number_of_seconds_is_named(seconds: Any) -> None:
    assert only_problem(stuck_after={"substantiating": seconds}) == (
        "stuck_after['substantiating'] must be a number of seconds above 0, or None for never,"
        f" not {seconds!r}"
    )


@pytest.mark.parametrize("value", [5, None, "insubstantiating", [("a", 1)]])
def test_limits_are_a_dictionary(value: Any) -> None:
    assert only_problem(stuck_after=value) == (
        f"stuck_after must be a dictionary {{state: seconds}}, not {value!r}"
    )


@pytest.mark.parametrize("value", [-0.1, "5", False, math.nan, None])
def test_the_grace_is_a_number_of_seconds(value: Any) -> None:
    assert only_problem(shutdown_grace=value) == (
        f"shutdown_grace must be a number of seconds, 0 or more, not {value!r}"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            b"0123456789abcdef",
            "must be a text, or util.Secret('...'), or None for whoever may read",
        ),
        (16, "must be a text"),
        ("short", "is too short: 16 characters or more are needed, not 5"),
        ("has a space in the middle", "has characters that no bearer token may have"),
        ("0123456789abcdef\n", "has characters that no bearer token may have"),
        ("schlüssel-schlüssel", "has characters that no bearer token may have"),
    ],
)
def test_a_token_is_one_that_can_be_sent_and_is_never_shown(value: Any, expected: str) -> None:
    problem = only_problem(metrics_token=value)
    assert problem.startswith(f"metrics_token {expected}")
    assert str(value) not in problem or len(str(value)) < 6
    assert "0123456789abcdef" not in repr(parse({"metrics_token": "0123456789abcdef"})[0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "metrics_workers must be a name pattern, or a list of them, not 7"),
        ([""], "metrics_workers: a name pattern must be a non-empty text, not ''"),
        ("[", "metrics_workers: the name pattern '[' has a [ without its ]"),
    ],
)
def test_workers_with_series_of_their_own_are_named_by_patterns(value: Any, expected: str) -> None:
    assert only_problem(metrics_workers=value).startswith(expected)
    assert parse({"metrics_workers": "gpu-*"})[0].metrics_workers == ("gpu-*",)
    assert parse({"metrics_workers": ["a", "b*"]})[0].metrics_workers == ("a", "b*")


@pytest.mark.parametrize("value", [0, 0.9, "75", True, math.inf, None])
def test_the_limit_of_a_stop_is_a_number_of_seconds_and_there_always_is_one(value: Any) -> None:
    assert only_problem(shutdown_limit=value) == (
        f"shutdown_limit must be a number of seconds, 1 or more, not {value!r}"
    )


def test_a_grace_of_nothing_is_allowed() -> None:
    assert parse({"shutdown_grace": 0})[0].shutdown_grace == 0.0


@pytest.mark.parametrize("name", ["pause_after_release", "anonymous_may_force"])
@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_a_switch_is_true_or_false(name: str, value: Any) -> None:
    assert only_problem(**{name: value}) == f"{name} must be True or False, not {value!r}"


def test_a_switch_that_is_off_is_off() -> None:
    assert not parse({"pause_after_release": False})[0].pause_after_release
    assert parse({"anonymous_may_force": True})[0].anonymous_may_force


def test_an_unknown_argument_is_named_with_the_known_ones() -> None:
    assert only_problem(stuck_afer={}) == (
        "unknown argument 'stuck_afer'; known are adaptive, anonymous_may_force,"
        " auto_end, auto_release, census_every, details_for, instance_url, keep_days,"
        " metrics_token, metrics_workers, pause_after_release, prices,"
        " shutdown_grace, shutdown_limit, stuck_after, workers"
    )


def test_details_are_for_one_of_three_kinds_of_clients() -> None:
    assert parse({})[0].details_for == "operators"
    for value in ("operators", "users", "readers"):
        assert parse({"details_for": value}) == (Settings(details_for=value), [])
    for value in ("everybody", True, None, ["users"]):
        assert only_problem(details_for=value) == (
            f"details_for must be one of 'operators', 'users', 'readers', not {value!r}"
        )


def test_all_problems_are_told_at_once_and_what_was_right_is_kept() -> None:
    settings, problems = parse(
        {"shutdown_grace": "x", "stuck_after": {"substantiating": 7, "x": 1}}
    )
    assert len(problems) == 2
    assert settings.stuck_after[State.SUBSTANTIATING] == 7.0
    assert settings.shutdown_grace == Settings().shutdown_grace


# for some workers


def test_the_first_pattern_that_matches_wins() -> None:
    settings, problems = parse(
        {
            "stuck_after": {"substantiating": 50},
            "workers": {
                "ec2-big-*": {"stuck_after": {"insubstantiating": 10}},
                "ec2-*": {"stuck_after": {"insubstantiating": 20}, "pause_after_release": False},
            },
        }
    )
    assert problems == []
    big, small, other = (settings.of(n) for n in ("ec2-big-1", "ec2-1", "docker-1"))
    assert big.stuck_after[State.INSUBSTANTIATING] == 10.0
    assert big.stuck_after[State.SUBSTANTIATING] == 50.0
    assert big.pause_after_release
    assert small.stuck_after[State.INSUBSTANTIATING] == 20.0
    assert not small.pause_after_release
    assert other.stuck_after[State.INSUBSTANTIATING] == 600.0


def test_none_for_some_workers_is_for_ever_for_these() -> None:
    settings, _ = parse({"workers": {"a": {"stuck_after": {"insubstantiating": None}}}})
    assert settings.of("a").stuck_after[State.INSUBSTANTIATING] is None
    assert settings.of("b").stuck_after[State.INSUBSTANTIATING] == 600.0


RELEASED = {"after": 600}


@pytest.mark.parametrize("off", [None, False])
def test_what_is_on_for_all_can_be_off_for_some(off: Any) -> None:
    settings, problems = parse(
        {"auto_release": RELEASED, "workers": {"precious": {"auto_release": off}}}
    )
    assert problems == []
    assert settings.of("precious").auto_release is None
    assert settings.of("other").auto_release == AutoRelease(600)


def test_off_in_the_first_pattern_is_not_undone_by_a_later_one() -> None:
    settings, problems = parse(
        {
            "workers": {
                "a-precious": {"auto_release": None},
                "a-*": {"auto_release": RELEASED, "pause_after_release": False},
            },
        }
    )
    assert problems == []
    assert settings.of("a-precious").auto_release is None
    assert settings.of("a-precious").pause_after_release, "what an entry does not say"
    assert settings.of("a-1").auto_release == AutoRelease(600)


@pytest.mark.parametrize("for_all", [True, False])
def test_a_switch_for_some_workers_counts_in_both_directions(for_all: bool) -> None:
    settings, problems = parse(
        {
            "pause_after_release": for_all,
            "workers": {"on": {"pause_after_release": True}, "off": {"pause_after_release": False}},
        }
    )
    assert problems == []
    assert settings.of("on").pause_after_release
    assert not settings.of("off").pause_after_release
    assert settings.of("other").pause_after_release is for_all


@pytest.mark.parametrize("key", LIMITED)
def test_never_for_some_workers_counts_in_every_state_and_situation(key: Any) -> None:
    word = str(getattr(key, "value", key))
    settings, problems = parse(
        {"stuck_after": {word: 5}, "workers": {"never": {"stuck_after": {word: None}}}}
    )
    assert problems == []
    assert settings.of("never").stuck_after[key] is None
    assert settings.of("other").stuck_after[key] == 5.0


def test_the_two_names_of_one_stop_are_never_together() -> None:
    settings, _ = parse(
        {
            "stuck_after": {"insubstantiating": 5, "insubstantiating_substantiating": 7},
            "workers": {"a": {"stuck_after": {"insubstantiating": None}}},
        }
    )
    assert settings.of("a").stuck_after[State.INSUBSTANTIATING_SUBSTANTIATING] is None


#: Each argument with the default of docs/configuration written out, and other words for "off".
WRITTEN_OUT = [
    ("stuck_after", {}),
    (
        "stuck_after",
        {str(getattr(k, "value", k)): v for k, v in DEFAULT_STUCK_AFTER.items()},
    ),
    ("workers", {}),
    ("workers", {"*": {}}),
    ("shutdown_grace", 5),
    ("shutdown_limit", 75),
    ("adaptive", None),
    ("adaptive", False),
    ("auto_release", None),
    ("auto_release", False),
    ("auto_end", None),
    ("auto_end", False),
    ("pause_after_release", True),
    ("anonymous_may_force", False),
]


@pytest.mark.parametrize(("name", "value"), WRITTEN_OUT)
def test_a_default_that_is_written_out_is_the_default(name: str, value: Any) -> None:
    settings, problems = parse({name: value})
    assert problems == []
    assert settings.of("any") == Settings().of("any")
    assert dataclasses.replace(settings, workers=()) == Settings()
    if name in PER_WORKER:
        settings, problems = parse({"workers": {"*": {name: value}}})
        assert problems == []
        assert settings.of("any") == Settings().of("any")


@pytest.mark.parametrize("value", [True, 600, "600", []])
def test_an_automatic_release_without_a_time_is_told_what_is_expected(value: Any) -> None:
    expected = (
        "must be a dictionary such as {'after': 600} (the seconds of being stuck after which to"
        f" release), or None or False for never, not {value!r}"
    )
    assert only_problem(auto_release=value) == f"auto_release {expected}"
    assert only_problem(workers={"a": {"auto_release": value}}) == (
        f"workers['a']['auto_release'] {expected}"
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "auto_release needs 'after': the seconds of being stuck after which to release"),
        (
            {"after": None},
            "auto_release['after'] must be a number of seconds, 0 or more, not None",
        ),
        (
            {"after": 1, "per_hour": 0},
            "auto_release['per_hour'] must be a whole number, 1 or more, not 0",
        ),
        ({"after": 1, "x": 0}, "auto_release: unknown option 'x'; known are after, per_hour"),
    ],
)
def test_a_wrong_option_of_the_automatic_release_is_one_problem(value: Any, problem: str) -> None:
    assert only_problem(auto_release=value) == problem


ENDED = {"after": 86400, "per_hour": 2}


@pytest.mark.parametrize("off", [None, False])
def test_ending_by_itself_is_off_for_all_and_off_or_on_for_some(off: Any) -> None:
    assert parse({})[0].of("any").auto_end is None
    settings, problems = parse(
        {
            "auto_end": ENDED,
            "workers": {"precious": {"auto_end": off}, "soon-*": {"auto_end": {"after": 60}}},
        }
    )
    assert problems == []
    assert settings.of("precious").auto_end is None
    assert settings.of("soon-1").auto_end == AutoEnd(60, 4)
    assert settings.of("other").auto_end == AutoEnd(86400, 2)
    settings, problems = parse({"auto_end": off, "workers": {"some": {"auto_end": ENDED}}})
    assert (problems, settings.of("other").auto_end) == ([], None)
    assert settings.of("some").auto_end == AutoEnd(86400, 2)
    assert settings.ends_by_itself
    settings, _ = parse({"auto_end": off, "workers": {"some": {"auto_end": off}}})
    assert not settings.ends_by_itself


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        *(
            (
                value,
                "auto_end must be a dictionary such as {'after': 86400} (the seconds in the ledger after"
                f" which to end an instance), or None or False for never, not {value!r}",
            )
            for value in (True, 600, "600", [])
        ),
        (
            {"per_hour": 1},
            "auto_end needs 'after': the seconds in the ledger after which to end an instance",
        ),
        ({"after": -1}, "auto_end['after'] must be a number of seconds, 0 or more, not -1"),
        (
            {"after": 1, "per_hour": 0},
            "auto_end['per_hour'] must be a whole number, 1 or more, not 0",
        ),
        ({"after": 1, "x": 0}, "auto_end: unknown option 'x'; known are after, per_hour"),
    ],
)
def test_a_wrong_automatic_end_is_one_problem(value: Any, problem: str) -> None:
    assert only_problem(auto_end=value) == problem
    where = problem.replace("auto_end", "workers['a']['auto_end']", 1)
    assert only_problem(workers={"a": {"auto_end": value}}) == where


@pytest.mark.parametrize("value", [0, 1, "yes", []])
def test_learning_is_on_off_or_has_options(value: Any) -> None:
    assert only_problem(adaptive=value) == (
        f"adaptive must be True, False, None or a dictionary, not {value!r}"
    )


def test_patterns_mind_the_case() -> None:
    settings, _ = parse({"workers": {"EC2": {"pause_after_release": False}}})
    assert settings.of("ec2").pause_after_release


@pytest.mark.parametrize(
    ("workers", "problem"),
    [
        (5, "workers must be a dictionary {name pattern: {argument: value}}, not 5"),
        ({"": {}}, "workers: a name pattern must be a non-empty text, not ''"),
        ({3: {}}, "workers: a name pattern must be a non-empty text, not 3"),
        (
            {"a[": {}},
            "workers: the name pattern 'a[' has a [ without its ]; patterns are those of a shell:"
            " *, ?, [ab]",
        ),
        (
            {"[!]-x": {}},
            "workers: the name pattern '[!]-x' has a [ without its ]; patterns are those of a shell:"
            " *, ?, [ab]",
        ),
        (
            {"[ab]-[z-a]": {}},
            "workers: the name pattern '[ab]-[z-a]' has a range that is empty, 'z-a'; patterns are those"
            " of a shell: *, ?, [ab]",
        ),
        ({"a": 3}, "workers['a'] must be a dictionary {argument: value}, not 3"),
        (
            {"a": {"shutdown_grace": 3}},
            "workers['a']: unknown argument 'shutdown_grace'; for some workers only can be set:"
            " stuck_after, pause_after_release, auto_release, auto_end",
        ),
        (
            {"a": {"pause_after_release": 3}},
            "workers['a']['pause_after_release'] must be True or False, not 3",
        ),
        (
            {"a": {"stuck_after": {"substantiated": 0}}},
            "workers['a']['stuck_after']['substantiated'] must be a number of seconds above 0,"
            " or None for never, not 0",
        ),
    ],
)
def test_a_wrong_entry_for_some_workers_is_named_with_its_place(workers: Any, problem: str) -> None:
    assert only_problem(workers=workers) == problem


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(("*", "precious"), ("w-*", "w-precious"), ("w-*", "w-a*"), ("*", "?"), ("w?", "wx")),
        *(("[wx]-*", "w-1"), ("*-*", "a-b-*"), ("w*", "w*x?")),
    ],
)
def test_an_exemption_that_never_counts_is_a_problem(first: str, second: str) -> None:
    workers = {first: {"pause_after_release": True}, second: {"auto_release": None}}
    assert only_problem(workers=workers) == (
        f"workers[{second!r}] never counts: {first!r} stands before it, and matches all of its names;"
        " the first that matches wins"
    )
    settings, problems = parse({"workers": dict(reversed(workers.items()))})
    assert problems == []
    assert settings.workers[0] == (second, {"auto_release": None})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(("w-a*", "w-*"), ("w-1", "w-2"), ("W-*", "w-1"), ("?", "*"), ("????", "[ab]")),
        *(("*a*", "[ab]"), ("??", "a*"), ("a", "a?"), ("a*", "*a")),
    ],
)
def test_an_entry_that_counts_for_some_workers_is_none(first: str, second: str) -> None:
    entry = {"pause_after_release": True}
    assert parse({"workers": {first: entry, second: entry}})[1] == []


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        *(("[ab]*", "b1"), ("[!a]", "b"), ("[]x]", "]"), ("[!]x]", "y"), ("]", "]")),
        *(("[a-c]-[0-9]", "b-7"), ("x]", "x]"), ("[[]", "["), ("*", "any"), ("[a-]", "-")),
    ],
)
def test_a_pattern_that_a_name_can_match_is_right(pattern: str, name: str) -> None:
    settings, problems = parse({"workers": {pattern: {"pause_after_release": False}}})
    assert problems == []
    assert not settings.of(name).pause_after_release


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from([s.value for s in State]), inner, max_size=2
        )
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["stuck_after", "workers", "shutdown_grace", "pause_after_release", "auto_release", "x"]
        ),
        _ANYTHING,
    )
)
def test_whatever_is_configured_the_answer_is_settings_and_sentences(arguments: Any) -> None:
    settings, problems = parse(arguments)
    assert all(isinstance(problem, str) and problem for problem in problems)
    for limit in settings.of("any").stuck_after.values():
        assert limit is None or (math.isfinite(limit) and limit > 0)
    assert math.isfinite(settings.shutdown_grace)
