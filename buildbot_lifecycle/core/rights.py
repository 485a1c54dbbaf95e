"""The names that rules give to what people do, and how each is asked of Buildbot's authz.

Some names share one action of Buildbot's. Rules which were written for that action go on to stand before
all of them, so the special name travels beside it, as an option of the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.checks import wrong_pattern
from buildbot_lifecycle.core.requests import AUTHZ_FORCE, DISMISS, END, PAUSE, UNPAUSE

#: What changes something: the name, and the action that Buildbot's authz is asked for.
CONTROL: Mapping[str, str] = {
    "force-disconnect": AUTHZ_FORCE,
    "override": AUTHZ_FORCE,
    "resolve": AUTHZ_FORCE,
    "pause": PAUSE,
    "unpause": UNPAUSE,
    "end": END,
    "dismiss": DISMISS,
}

#: What only looks. ``listen`` is Buildbot's websocket.
LOOKS = ("read", "metrics", "listen")

NAMES = (*CONTROL, *LOOKS)

#: Of a special name the general one, whose rules stand before it where no rule names the special one.
GENERAL: Mapping[str, str] = {
    "override": "force-disconnect",
    "resolve": "force-disconnect",
    "metrics": "read",
}

#: What is of no single worker, so that no pattern of workers can match it.
OF_NO_WORKER = ("dismiss", "metrics", "listen")

#: The option of a question that has the special name.
OPTION = "lifecycle"

_BY_ACTION = {
    **{action: name for name, action in CONTROL.items() if name not in GENERAL},
    "get": "read",
    "head": "read",
}


def options(name: str) -> dict[str, Any]:
    """The options with which Buildbot's authz is asked for this."""
    return {OPTION: name} if name in GENERAL else {}


def asked(action: str, given: Mapping[str, Any]) -> str | None:
    """The name of what is asked for; None if it is nothing of ours.

    Of Buildbot's own REST the options are what its client sent: a special name counts only below its
    general one.
    """
    general = _BY_ACTION.get(action.lower())
    special = given.get(OPTION)
    if general is not None and isinstance(special, str) and GENERAL.get(special) == general:
        return special
    return general


def named(actions: Any, problems: list[str]) -> frozenset[str] | None:
    """The names of a rule; None for one that names none: it is on all that changes something."""
    if actions is None:
        return None
    words = [actions] if isinstance(actions, str) else actions
    if not isinstance(words, (list, tuple, set, frozenset)) or not words:
        problems.append(f"actions must be a name or a list of names, not {actions!r}")
        return frozenset()
    found = [word.replace("_", "-") if isinstance(word, str) else word for word in words]
    for unknown in (each for each in found if each not in NAMES):
        problems.append(f"unknown action {unknown!r}; known are {', '.join(NAMES)}")
    return frozenset(each for each in found if each in NAMES)


def patterns(workers: Any, problems: list[str]) -> tuple[str, ...]:
    """The patterns of a rule; none for one that holds for all workers, and for what is of no worker."""
    if workers is None:
        return ()
    each = [workers] if isinstance(workers, str) else workers
    if not isinstance(each, (list, tuple, set, frozenset)) or not each:
        problems.append(f"workers must be a name pattern or a list of them, not {workers!r}")
        return ()
    found = []
    for pattern in each:
        if not isinstance(pattern, str) or not pattern:
            problems.append(f"workers: a name pattern must be a non-empty text, not {pattern!r}")
        elif (wrong := wrong_pattern(pattern)) is not None:
            problems.append(f"workers: the name pattern {pattern!r} {wrong}")
        else:
            found.append(pattern)
    return tuple(found)


def problems_of(actions: Any, workers: Any, role: Any, default_deny: Any) -> list[str]:
    """What is wrong with the arguments of a rule, each in a sentence."""
    problems: list[str] = []
    names = named(actions, problems)
    patterns(workers, problems)
    if workers is not None and names:
        for name in sorted(names.intersection(OF_NO_WORKER)):
            problems.append(f"{name} is of no single worker: give it a rule without workers")
    if not isinstance(role, str) or not role:
        problems.append(f"role must be the name of a role, not {role!r}")
    if not isinstance(default_deny, bool):
        problems.append(f"defaultDeny must be True or False, not {default_deny!r}")
    return problems
