"""Carried: what one master asks of another. The times, and what is said where no answer came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.requests import Refusal

#: Seconds in which the owner has to take a request; later it is not done any more.
TAKE_SECONDS = 10.0

#: Seconds for which the answer of REST waits for the owner's. More than the ones before: then it is told
#: for sure whether the request was taken.
ANSWER_SECONDS = 14.0

#: Seconds after which a request that was taken has been given up by its owner: it answers much sooner.
LOST_SECONDS = 60.0


def expired(master: str) -> Refusal:
    """Nobody took it in time."""
    text = (
        f"expired: {master} did not take the request within {TAKE_SECONDS:.0f} s; nothing was done,"
        " and nothing will be"
    )
    return Refusal("expired", text)


def lost(master: str) -> Refusal:
    """It was taken, and no answer will come."""
    text = (
        f"{master} took the request and ended before it told what came of it: whether it was done is"
        " not known, look at the worker"
    )
    return Refusal("expired", text)


def unanswered(master: str) -> Refusal:
    """It was taken, and the answer may still come."""
    text = f"{master} took the request and has not answered within {ANSWER_SECONDS:.0f} s"
    return Refusal("expired", text)


def is_lost(claimed_by: str, held: float, *, is_mine: bool, run: str) -> bool:
    """Whether who has claimed it so many seconds ago will not answer any more.

    ``run`` names this run of this master, and begins each of its claims: of its own (``is_mine``), those
    of an earlier run are lost at once.
    """
    if is_mine and not claimed_by.startswith(run):
        return True
    return held > LOST_SECONDS


def as_json(refusal: Refusal) -> Mapping[str, Any]:
    """A refusal as an answer that is stored."""
    said = {"code": refusal.code, "text": refusal.text, "details": dict(refusal.details)}
    return {"refused": said, "answer": None}


def refusal(code: str, text: str, details: Mapping[str, Any]) -> Refusal:
    """A refusal of another master, as it was told here."""
    made = Refusal
    return made(code, text, **details)
