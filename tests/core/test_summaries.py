"""What is told to those who may not see details: nothing that a driver, a database or a person wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.verdicts import calls
from buildbot_lifecycle.core.verdicts import verdict as verdicts

KEY = "s3cr3tKEY"

PENDING = {"call": "stop_instance", "since": 5.0, "where": [{"file": f"/srv/{KEY}.py", "line": 3}]}
VERDICT = {
    "level": "failed",
    "code": "start_failed",
    "reason": f"start_instance failed: {KEY}",
    "since": 5.0,
    "threshold_s": None,
}
STUCK = {
    "level": "stuck",
    "code": "stop_pending",
    "reason": f"stop_instance has not ended ({KEY})",
    "since": 40.0,
    "threshold_s": 20.0,
}


def worker(**fields: Any) -> dict[str, Any]:
    return {
        "workerid": 1,
        "name": "w",
        "state": "insubstantiating",
        "building": [{"buildid": 1, "builder": "b", "number": 2}],
        "paused": True,
        "pause_reason": "on holiday",
        "instance": "i-1",
        "pending": PENDING,
        "verdict": VERDICT,
        "updated_at": 100.0,
        "invented_later": f"a text of a later version {KEY}",
        **fields,
    }


def text(thing: Any) -> str:
    return json.dumps(thing)


def test_of_a_worker_states_numbers_and_names_are_left() -> None:
    short = summaries.worker(worker())
    assert KEY not in text(short)
    assert short["verdict"] == {**VERDICT, "reason": "the last start failed 1 min 35 s ago"}
    assert short["pending"] == {**PENDING, "where": []}
    assert short["pause_reason"] == "on holiday"
    assert short["building"] == worker()["building"]
    assert set(short) == set(worker())


def test_the_reason_of_a_wait_is_made_anew_of_its_numbers() -> None:
    short = summaries.worker(worker(verdict=STUCK))
    said = "stop_instance has not ended for 1 min; its limit is 20 s"
    assert short["verdict"]["reason"] == said


@pytest.mark.parametrize(
    ("code", "numbers", "said"),
    [
        (
            "quarantined",
            {"since": None, "threshold_s": None},
            "in quarantine: Buildbot starts no build on it for 5 min",
        ),
        (
            "start_failed",
            {"since": 40.0, "threshold_s": None},
            "the last start failed 1 min ago; in quarantine: Buildbot starts no build on it for 5 min",
        ),
        (
            "start_failed_loop",
            {"since": 40.0, "threshold_s": None},
            "the last starts failed, the latest 1 min ago; in quarantine: Buildbot starts no build on it"
            " for 5 min",
        ),
        (
            "worker_left",
            {"since": 40.0, "threshold_s": None},
            "the worker left 1 min ago; its instance may still run",
        ),
        (
            "shut_down_gracefully",
            {"since": 40.0, "threshold_s": None},
            "asked to shut down gracefully 1 min ago: Buildbot starts no build on it any more",
        ),
        (
            "stop_failed",
            {"since": 40.0, "threshold_s": None},
            "the stop failed 1 min ago: the instance may still run",
        ),
        (
            "crash_open",
            {"since": 40.0, "threshold_s": None},
            "the master died 1 min ago while an instance was up; it may still run",
        ),
        # a wait without a limit has its age all the same
        (
            "stop_pending",
            {"since": 40.0, "threshold_s": None},
            "stop_instance has not ended for 1 min",
        ),
        ("never_heard_of", {"since": 40.0, "threshold_s": None}, "never heard of for 1 min"),
    ],
)
def test_a_reason_keeps_its_times(code: str, numbers: dict[str, Any], said: str) -> None:
    verdict = {**VERDICT, "code": code, **numbers}
    row = worker(verdict=verdict, pending=None, quarantined_until=400.0)
    assert summaries.worker(row)["verdict"]["reason"] == said


@pytest.mark.parametrize("code", sorted(summaries._WAITS))
def test_a_reason_without_numbers_is_a_sentence_too(code: str) -> None:
    said = summaries.reason({"code": code, "since": None, "threshold_s": None}, None)
    assert "{" not in said
    assert "  " not in said
    assert said == said.strip()


def test_a_healthy_worker_has_nothing_to_hide_and_costs_nothing() -> None:
    row = worker(pending=None, verdict=verdicts.HEALTHY.as_json())
    assert summaries.worker(row) is row


def test_each_code_of_a_verdict_has_words_and_an_unknown_one_says_its_code() -> None:
    room = Path(verdicts.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in room.glob("*.py"))
    codes = set(
        re.findall(r'(?:Verdict\(\s*"[a-z]+",|graded\(|code(?:, text)? =)\s*"([a-z_]+)"', source)
    )
    codes |= set(calls._CALL_CODES.values())
    assert len(codes) > 15
    assert codes <= set(summaries._WAITS)
    assert summaries.reason({"code": "from_a_later_one", "since": None}, None) == "from a later one"


@pytest.mark.parametrize("kind", list(Kind))
def test_no_text_of_an_event_is_left_whatever_its_kind(kind: Kind) -> None:
    names = ("error", "traceback", "value", "reason", "why", "peer", "text", "later", "note")
    data: dict[str, Any] = {
        **{name: f"{KEY} {name}" for name in names if (kind, name) != (Kind.PAUSED, "reason")},
        **dict.fromkeys(
            ("state", "outcome", "cause", "step", "call", "actor"), f"{KEY} of a driver"
        ),
        "by": KEY if kind is Kind.ORPHAN_CLOSED else "action 3",
        "where": [{"file": KEY, "line": 1, "function": KEY}],
        "deep": {"er": [KEY, {"and": KEY}]},
        "token": 5,
        "late": True,
    }
    row = {"id": 1, "workerid": 1, "masterid": 1, "episode": 2, "kind": kind.value, "at": 5.0}
    short = summaries.event({**row, "data": data})
    assert KEY not in text(short)
    assert (short["data"]["token"], short["data"]["late"]) == (5, True)
    assert set(short["data"]) == set(data)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (f"RuntimeError: 401 for {KEY}", "RuntimeError"),
        (f"docker.errors.APIError: {KEY}", "docker.errors.APIError"),
        (f"ClientError: {KEY}: x", "ClientError"),
        ("it said no", summaries.HIDDEN),
        (f"{KEY}: no such instance", summaries.HIDDEN),
        (f"{KEY}", summaries.HIDDEN),
        ("", summaries.HIDDEN),
    ],
)
def test_of_an_error_its_class_is_left(error: str, said: str) -> None:
    assert summaries.error(error) == said


def test_of_an_episode_the_failed_call_is_left() -> None:
    failure = {"call": "start_instance", "error": f"OSError: {KEY}", "traceback": KEY, "more": KEY}
    row = {"id": 1, "workerid": 1, "worker": "w", "outcome": "start_failed", "failure": failure}
    short = summaries.episode(row)
    assert KEY not in text(short)
    assert short["failure"]["error"] == "OSError"
    assert summaries.episode({**row, "failure": None})["outcome"] == "start_failed"


ACTION: dict[str, Any] = {
    "id": 12,
    "workerid": 1,
    "worker": "w",
    "what": "force-disconnect",
    "actor": f"{KEY}@example.org",
    "actor_kind": "user",
    "reason": KEY,
    "status": "failed",
    "steps": [{"step": "pause", "target": "worker", "text": "Pause", "done": False, "detail": KEY}],
    "outcome": KEY,
    "verdict": STUCK,
}


def test_of_an_action_who_and_why_are_hidden_and_what_was_done_is_left() -> None:
    short = summaries.action(ACTION)
    assert KEY not in text(short)
    assert (short["actor"], short["reason"]) == ("a user", "(not shown)")
    assert short["steps"][0]["text"] == "Pause"
    assert short["verdict"]["code"] == "stop_pending"
    policy = {**ACTION, "actor": "policy:auto_release", "actor_kind": "policy"}
    assert summaries.action(policy)["actor"] == "policy:auto_release"


def test_of_an_orphan_its_cause_is_left() -> None:
    row = {
        "id": 1,
        "workerid": 1,
        "worker": "w",
        "class": "W",
        "instance": "i-1",
        "cause": "stop_failed",
        "why": KEY,
        "note": KEY,
        "closed_by": KEY,
        "closed_by_kind": "user",
        "proof": {"asked": 5.0, "answer": "not_known", "why": "timeout", "text": KEY},
    }
    short = summaries.orphan(row)
    assert KEY not in text(short)
    assert short["proof"] == {**row["proof"], "text": None}  # type: ignore[dict-item]
    assert (short["instance"], short["why"]) == ("i-1", "the stop failed")
    nobody = summaries.orphan({**row, "note": None, "closed_by": None, "closed_by_kind": None})
    assert (nobody["note"], nobody["closed_by"]) == (None, None)


def test_health_and_what_blocks_a_stop_lose_their_texts() -> None:
    health = {
        "status": "behind",
        "last_error": f"OperationalError: {KEY}",
        "probe": f"off: {KEY}",
        "reactor_blocked": {"at": 5.0, "where": [{"file": KEY}]},
        "threads": {"busy": 10, "calls": [{"worker": "w", "where": [{"file": KEY}]}]},
    }
    short = summaries.health(health)
    assert KEY not in text(short)
    assert short["last_error"] == "OperationalError"
    fine = {**health, "last_error": None, "probe": "on", "reactor_blocked": None, "threads": None}
    assert summaries.health(fine) == fine
    blocker = {"workerid": 1, "worker": "w", "what": "connection", "text": KEY, "since": 5.0}
    assert KEY not in text(summaries.blocker(blocker))
