"""A real master on a Buildbot in which a name is another one: it runs, and nothing is recorded."""

from __future__ import annotations

import re

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import worker

pytestmark = pytest.mark.master


@pytest.mark.parametrize(
    "name",
    ["_missing_timer_fired", "_start_stop_lock"],
    ids=["of the class", "of its instances"],
)
def test_a_master_whose_buildbot_lacks_a_name_builds_and_stops_and_says_so_in_one_line(
    make_master: MakeMaster, name: str
) -> None:
    renames = "__import__('importlib').import_module('tests.harness.renames')"
    changed = f"{renames}.is_renamed_of_workers({name!r})"
    master = make_master([f"{changed} and {worker('Healthy', 'w')}"])
    assert master.build("w")["results"] == 0
    said = re.findall(r"lifecycle: .*", master.log())
    full = f"buildbot.worker.latent.AbstractLatentWorker.{name}"
    assert said == [f"lifecycle: nothing is recorded: this Buildbot lacks {full}"]
    health = master.api("health")["health"]
    assert (health["recording"], health["last_error"]) == (False, f"this Buildbot lacks {full}")
    master.stop()
