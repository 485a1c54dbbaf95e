"""The arguments of `LifecycleService` as they are written out, held against what reads them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest
from buildbot.config.errors import ConfigErrors, capture_config_errors

from buildbot_lifecycle.core import arguments
from buildbot_lifecycle.service.service import LifecycleService

WRITTEN_OUT: Mapping[str, inspect.Parameter] = {
    name: of
    for name, of in inspect.signature(LifecycleService.checkConfig).parameters.items()
    if of.kind is inspect.Parameter.KEYWORD_ONLY
}


def test_each_argument_is_written_out_and_no_other() -> None:
    assert set(WRITTEN_OUT) == set(arguments._PARSERS)


def test_a_default_that_is_written_out_is_the_one_that_counts() -> None:
    defaults = {name: of.default for name, of in WRITTEN_OUT.items()}
    assert arguments.parse(defaults) == arguments.parse({})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"stuck_afer": {}},
            "LifecycleService: unknown argument 'stuck_afer'; known are adaptive,",
        ),
        ({"shutdown_grace": -1}, "LifecycleService: shutdown_grace must be a number of seconds"),
        ({"adaptive": 3}, "LifecycleService: adaptive must be True, False, None or a dictionary"),
    ],
)
def test_what_is_wrong_is_a_problem_with_a_sentence_and_no_traceback(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigErrors) as caught, capture_config_errors(raise_on_error=True):
        LifecycleService(**arguments)
    (problem,) = caught.value.errors
    assert problem.startswith(said)
