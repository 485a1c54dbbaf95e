"""The types of the page are made from the interface's own answers.

`npm run typecheck` fails while src/contract/answers.d.ts is not what answers.json makes; here it is seen
that answers.json is what the interface says today.
"""

from __future__ import annotations

import importlib.util

from tests.harness.master import ROOT

FRONTEND = ROOT / "frontend"


def test_the_answers_from_which_the_types_are_made_are_todays() -> None:
    spec = importlib.util.spec_from_file_location("answers", FRONTEND / "answers.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    kept = (FRONTEND / "answers.json").read_text(encoding="utf-8")
    assert kept == maker.text(), "see frontend/answers.py"
