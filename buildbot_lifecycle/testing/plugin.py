"""The kit for pytest: one test for each rule, of whoever asks for the fixture `lifecycle_finding`.

pytest finds it by its entry point. It imports nothing but the kit, and does nothing for other tests.
"""

from __future__ import annotations

import pytest

from buildbot_lifecycle.testing.driver import Driver
from buildbot_lifecycle.testing.report import RULES, Finding
from buildbot_lifecycle.testing.scenarios import Trial

_RULE = "lifecycle_rule"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a finding is one test for each rule."""
    if _RULE in metafunc.fixturenames:
        metafunc.parametrize(_RULE, list(RULES))


@pytest.fixture(scope="module")
def lifecycle_driver() -> Driver:
    """The driver to be tried: to be written by who uses the kit."""
    raise NotImplementedError(
        "write a fixture lifecycle_driver of scope module that returns a"
        " buildbot_lifecycle.testing.Driver: see docs/writing-workers"
    )


@pytest.fixture(scope="module")
def lifecycle_trial(lifecycle_driver: Driver) -> Trial:
    """The driver of this module on trial: its scenarios are played once each."""
    return Trial(lifecycle_driver)


@pytest.fixture
def lifecycle_finding(lifecycle_trial: Trial, lifecycle_rule: str) -> Finding:
    """What was found on one rule. Skips, with the reason, where it was not tried."""
    finding = lifecycle_trial.finding(lifecycle_rule)
    if finding.kept is None:
        pytest.skip(finding.seen)
    return finding
