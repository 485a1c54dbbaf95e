"""The types of the page are held against the interface's own OpenAPI document.

`npm run typecheck` does so, with the types in frontend/tests/contract/answers.d.ts; here it is seen
that these are what the interface says today.
"""

from __future__ import annotations

import importlib.util

from buildbot_lifecycle.www import openapi
from buildbot_lifecycle.www.api import ROUTES
from tests.harness.master import ROOT

FRONTEND = ROOT / "frontend"


def test_the_types_of_the_answers_are_made_from_todays_interface() -> None:
    spec = importlib.util.spec_from_file_location("openapi_types", FRONTEND / "openapi_types.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    kept = (FRONTEND / "tests" / "contract" / "answers.d.ts").read_text(encoding="utf-8")
    assert kept == maker.types(openapi.document(ROUTES)), "see frontend/openapi_types.py"
