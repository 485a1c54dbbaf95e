"""Wrong configurations, strange worker classes, a database that is away: a clear answer, no harm."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import MakeMaster
from tests.harness import databases
from tests.harness.master import RealMaster, worker
from tests.harness.waiting import patient
from tests.master.support import FEW_SECONDS, LIFECYCLE, episodes, transitions
from tests.master.test_recording import ONE_LIFE

pytestmark = pytest.mark.master


def checkconfig(master: RealMaster) -> str:
    """What `buildbot checkconfig` prints of this master's configuration."""
    if not master.basedir.exists():
        master.create()
    master.configure()
    done = subprocess.run(
        [str(master.python.parent / "buildbot"), "checkconfig", str(master.basedir / "master.cfg")],
        env=master.env,
        cwd=master.basedir,
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    assert (done.returncode == 0) == ("Config file is good" in done.stdout)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"stuck_after": {"insubstantiating": -5}}, "number of seconds above 0"),
        ({"stuck_after": {"insubstantiating": -5}}, "not -5"),
        ({"stuck_after": {"stopping": 5}}, "no state 'stopping'; states with a limit are"),
        ({"stuck_after": 300}, "must be a dictionary {state: seconds}, not 300"),
        ({"stuk_after": {}}, "unknown argument 'stuk_after'; known are"),
        ({"shutdown_grace": "5"}, "0 or more, not '5'"),
        ({"anonymous_may_force": 1}, "must be True or False, not 1"),
        ({"workers": {"ec2-*": {"stuck_after": {"x": 1}}}}, "workers['ec2-*']"),
        ({"workers": {"ec2-*": {"shutdown_grace": 1}}}, "unknown argument 'shutdown_grace'"),
    ],
)
def test_a_wrong_argument_is_named_by_checkconfig(
    make_master: MakeMaster, arguments: dict[str, Any], said: str
) -> None:
    text = checkconfig(make_master([], lifecycle=arguments, start=False))
    assert said in text
    assert "LifecycleService" in text
    assert "Traceback" not in text


def test_a_right_configuration_passes_checkconfig(make_master: MakeMaster) -> None:
    settings = {**LIFECYCLE, "workers": {"ec2-*": {"stuck_after": {"insubstantiating": None}}}}
    assert "Config file is good" in checkconfig(
        make_master([worker("Healthy", "ec2-1")], lifecycle=settings, start=False)
    )


@pytest.mark.parametrize("second", ["", "name='another'"])
def test_two_services_are_named_by_checkconfig(make_master: MakeMaster, second: str) -> None:
    extra = f"c['services'].append(util.LifecycleService({second}))"
    text = checkconfig(make_master([], extra=extra, start=False))
    assert "lifecycle" in text
    assert "Config file is good" not in text


#: Worker classes of third parties that do unusual things with the state or with their methods.
STRANGE = """
from buildbot.worker.latent import States
from buildbot_lifecycle.demo import workers as _demo


class Redeclares(_demo.Healthy):
    state = States.NOT_SUBSTANTIATED


class OwnProperty(_demo.Healthy):
    @property
    def state(self):
        return self.__dict__.get('_my_state', States.NOT_SUBSTANTIATED)

    @state.setter
    def state(self, value):
        self.__dict__['_my_state'] = value


class Slots(_demo.Healthy):
    def attached(self, conn):
        return super().attached(conn)


c['workers'] += [Redeclares('redeclares', build_wait_timeout=0),
                 OwnProperty('ownproperty', build_wait_timeout=0),
                 Slots('overrides', build_wait_timeout=0)]
for _name in ('redeclares', 'ownproperty', 'overrides'):
    c['builders'].append(util.BuilderConfig(
        name=_name, workernames=[_name],
        factory=util.BuildFactory([steps.ShellCommand(command=command, name='run')])))
c['schedulers'] = [schedulers.ForceScheduler(
    name='force', builderNames=[b.name for b in c['builders']],
    properties=[util.StringParameter(name='seconds', default='0'),
                util.StringParameter(name='until', default=''),
                util.StringParameter(name='fails', default='')])]
"""


def test_classes_that_override_the_state_are_observed_without_harm(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("Healthy", "plain")], lifecycle=LIFECYCLE, extra=STRANGE)
    for name in ("redeclares", "ownproperty", "overrides"):
        assert master.build(name)["results"] == 0
        master.wait_worker(name, state="not_substantiated", episode=None)
        assert transitions(master, name) == ONE_LIFE, name
    assert master.api("health")["health"]["errors"] == 0
    master.stop(FEW_SECONDS)


@pytest.mark.parametrize("kind", ["SyncRaisingStop", "NoneStop", "AsyncStop", "RefusedStart"])
def test_unusual_driver_methods_go_on_as_in_stock(make_master: MakeMaster, kind: str) -> None:
    master = make_master([worker(kind, "odd")], lifecycle=LIFECYCLE)
    request = master.force_build("odd")
    if kind == "RefusedStart":
        assert master.wait_worker("odd", verdict__level="failed")["verdict"]["code"]
    else:
        assert master.wait_build(request)["results"] == 0
        master.wait_worker("odd", state="not_substantiated", episode=None)
        assert len(episodes(master, "odd")) == 1
    master.stop(FEW_SECONDS)


@pytest.mark.database
def test_a_database_that_is_away_loses_nothing_and_the_api_says_so(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    with databases.SERVERS["postgresql"]() as server:
        ends = tmp_path / "ends"
        slow = worker("StuckStopDeferred", "slow", release_file=ends)
        master = make_master([slow], lifecycle=LIFECYCLE, db_url=server.fresh())
        master.build("slow")
        master.wait_worker("slow", state="insubstantiating")
        server.stop()
        ends.touch()
        # what happens meanwhile is known at once, from memory, and is said to be unwritten
        master.wait_worker("slow", state="not_substantiated")
        behind = master.api("workers")["meta"]["behind"]
        assert behind["events"] > 0
        assert behind["since"] is not None
        assert master.api("health")["health"]["status"] == "behind"
        server.start()
        master.wait_until(
            lambda: master.api("workers")["meta"]["behind"]["events"] == 0, 40, "all written"
        )
        assert transitions(master, "slow") == ONE_LIFE
        health = master.api("health")["health"]
        assert (health["dropped"], health["status"]) == (0, "ok")
        master.stop(30)


@pytest.mark.parametrize("name", ["quo'te", 'dou"ble', "a/slash", "<script>", "späti"])
def test_odd_names_are_answered_and_do_no_harm(make_master: MakeMaster, name: str) -> None:
    # Buildbot itself refuses such names for workers; asking for one is answered like any other
    master = make_master([worker("Healthy", "healthy")], lifecycle=LIFECYCLE)
    answer = master.get(f"plugins/lifecycle/api/v1/workers/{quote(name, safe='')}")
    assert answer.status == 404
    assert set(answer.json) >= {"error", "code"}


def test_a_master_starts_over_a_damaged_row_and_answers_every_path(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "one"), worker("Healthy", "two")], lifecycle=LIFECYCLE)
    for name in ("one", "two"):
        assert master.build(name)["results"] == 0
        master.wait_worker(name, state="not_substantiated", episode=None)
    assert len(episodes(master, "one")) == 1
    master.stop()
    path = master.basedir / "state.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        # a field is missing, as after a hand has been in it; and a text is cut off
        connection.execute("update lifecycle_workers set data = '{}' where name = 'one'")
        connection.execute("update lifecycle_episodes set data = '{\"phas' where id = 1")
        connection.commit()
    since = master.log_size()
    master.start()
    master.wait_until(lambda: master.api("health")["health"]["recording"], 30, "recording")
    for path in ("workers", "episodes", "transitions", "timeline", "stats", "recent", "orphans"):
        assert master.get(f"plugins/lifecycle/api/v1/{path}").ok()
    assert {row["name"] for row in master.api("workers")["workers"]} == {"one", "two"}
    assert len(master.api("episodes")["episodes"]) == 2
    assert master.build("one")["results"] == 0
    assert "cannot be read; it is taken as not known" in master.log()[since:]
