"""What `make test` did before pytest counts in pytest's summary. Not collected without it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

STEPS = json.loads(Path(os.environ["LIFECYCLE_STEPS"]).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("seconds", "failure"), [s[1:] for s in STEPS], ids=[s[0] for s in STEPS])
def test_step_succeeded(seconds: float, failure: str) -> None:
    assert not failure, f"after {seconds} s: {failure}"
