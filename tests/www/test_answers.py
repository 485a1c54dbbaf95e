"""How answers are written."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.shapes.spans import Lane, LaneEpisode
from buildbot_lifecycle.www.answers import AT_ONCE, Answer, encode, encoded, refused


class Turns(task.Clock):
    """A reactor that counts how often it was given its turn."""

    count = 0

    def callLater(self, when: float, what: Any, *args: Any, **kw: Any) -> Any:  # noqa: N802
        self.count += 1
        return super().callLater(when, what, *args, **kw)


def body_of(answer: Answer) -> tuple[bytes, int]:
    """The body, and how many times the master had its turn in between."""
    turns = Turns()
    done: list[Any] = []
    defer.ensureDeferred(encoded(answer, turns)).addBoth(done.append)
    turns.advance(0)
    assert isinstance(done[0], bytes), done
    return done[0], turns.count


@pytest.mark.parametrize(
    "many", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE, 5 * AT_ONCE + 7], ids=str
)
@pytest.mark.parametrize("fields", [{}, {"meta": {"total": 3, "next": None}}])
def test_a_long_answer_is_the_same_json_as_a_short_one(many: int, fields: dict[str, Any]) -> None:
    rows = [{"id": i, "name": f"w {i} ☃"} for i in range(many)]
    body, turns = body_of(Answer(fields, "workers", rows))
    assert json.loads(body) == {"workers": rows, **fields}
    assert turns == (-(-many // AT_ONCE) if many > AT_ONCE else 0)


@pytest.mark.parametrize(
    "lengths",
    [[], [0], [3, 0, 5], [AT_ONCE - 1] * 3, [AT_ONCE], [1, 5 * AT_ONCE, 1], [3 * AT_ONCE] * 2],
)
@pytest.mark.parametrize("fields", [{}, {"marks": [], "meta": {"total": 3}}])
def test_rows_with_long_lists_are_cut_inside_them(
    lengths: list[int], fields: dict[str, Any]
) -> None:
    episode = LaneEpisode(id=3, outcome="ok", phases=(), builds=())
    rows = [Lane(workerid=n, worker="w", masterid=1, episodes=(episode,) * n) for n in lengths]
    body, turns = body_of(Answer(fields, "lanes", rows, inner="episodes"))
    assert json.loads(body) == {"lanes": json.loads(msgspec.json.encode(rows)), **fields}
    assert turns >= sum(lengths) // AT_ONCE - 1


def test_a_text_that_nobody_has_made_clean_is_no_reason_to_answer_nothing() -> None:
    assert encode({"value": "\ud800☃"}) == '{"value":"\\\\ud800☃"}'.encode()


class Limit(float):
    """A number of a class of its own."""


class Name(str):
    """A text of a class of its own."""


def test_odd_values_are_told_as_what_they_are() -> None:
    odd = {"at": Limit(1.5), "name": Name("x"), "no": float("nan"), "thing": object()}
    assert json.loads(encode(odd)) == {"at": 1.5, "name": "x", "no": None, "thing": "<object>"}


def test_a_refusal_is_a_sentence_a_word_and_details_that_cannot_replace_them() -> None:
    refusal = Refusal("not_eligible", "not stuck", state="substantiated", age_s=1.5)
    answer = refused(refusal)
    assert answer.status == 409
    assert answer.fields == {
        "error": "not stuck",
        "code": "not_eligible",
        "state": "substantiated",
        "age_s": 1.5,
    }
    assert refused(Refusal("internal", "t", error="x")).fields["error"] == "t"
