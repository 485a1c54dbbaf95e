"""What is known of a worker is said field by field, where it stands."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.fold import builds, calls, connections, standing, starts, transitions

NOUNS = (builds, calls, connections, standing, starts, transitions)


@pytest.mark.parametrize("cls", [Facts, Episode])
def test_each_field_is_said_in_the_line_above_it(cls: type) -> None:
    said = re.findall(r"^    #: .+\n    (\w+): ", inspect.getsource(cls), re.MULTILINE)
    assert said == [field.name for field in dataclasses.fields(cls)]


def test_each_kind_of_event_is_folded_in_one_place() -> None:
    """Put together by update, a second handler would silently take the place of the first."""
    folded = [kind for noun in NOUNS for kind in noun.HANDLERS]
    assert len(folded) == len(set(folded))
    assert set(folded) <= set(Kind)
