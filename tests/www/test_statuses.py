"""One table says which HTTP status each refusal is; what is raised is in it."""

from __future__ import annotations

import ast
from pathlib import Path

import buildbot_lifecycle
from buildbot_lifecycle.www.statuses import NO_SUCH, STATUSES

PACKAGE = Path(buildbot_lifecycle.__file__).parent


def codes_raised() -> set[str]:
    """The first argument of every `Refusal(...)`; of a code that is made, how it begins."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Refusal":
                code = call.args[0]
                first = code.values[0] if isinstance(code, ast.JoinedStr) else code
                assert isinstance(first, ast.Constant), f"{path.name}:{call.lineno}"
                found.add(first.value)
    return found


def test_what_is_refused_has_a_status_and_no_other_has() -> None:
    raised = codes_raised()
    assert {code for code in raised if not code.startswith(NO_SUCH)} == set(STATUSES)
    assert {code for code in raised if code.startswith(NO_SUCH)} == {
        NO_SUCH,
        "no_such_worker",
        "no_such_instance",
        "no_such_master",
    }
