"""What the tests of the clouds saw, a line for each driver: `make clouds` runs them and writes the table.

A test says what it has seen with `seen`; tests of one adapter alone are listed in `CELLS`, and their
passing is what was seen.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

#: Where cells are kept when this is set: a directory, one file for each (tests run in parallel).
DIRECTORY = "LIFECYCLE_CLOUDS"

COLUMNS = (
    "healthy",
    "name",
    "link",
    "list",
    "gone",
    "end",
    "late start",
    "lost",
    "crash",
    "stop",
)

DRIVERS = (
    "Docker",
    "EC2",
    "EC2, spot",
    "Kubernetes",
    "OpenStack",
    "libvirt",
    "UpCloud",
    "Marathon",
    "latent machine",
    "SSH",
)

#: What no adapter can: the driver's cloud has no console, or nobody can be asked.
NOT_OFFERED = {
    ("Docker", "link"),
    ("Kubernetes", "link"),
    ("OpenStack", "link"),
    ("UpCloud", "link"),
    ("libvirt", "link"),
    ("latent machine", "link"),
    ("latent machine", "list"),
    ("latent machine", "gone"),
    ("SSH", "link"),
}

#: Test (its file and name, without its parameters) -> the cells that it shows by passing.
CELLS: dict[str, tuple[str, ...]] = {
    "clouds.test_docker.test_the_name_is_there_as_soon_as_the_driver_has_it": ("Docker/name",),
    "clouds.test_docker.test_what_it_lists_is_this_masters_and_nobody_elses": ("Docker/list",),
    "clouds.test_docker.test_a_container_is_gone_when_it_is_removed_and_not_when_it_has_exited": (
        "Docker/gone",
    ),
    "clouds.test_docker.test_end_ends_it_and_gone_proves_it": ("Docker/end",),
    "clouds.test_on_masters.test_what_a_crash_left_is_closed_when_the_engine_does_not_have_it_any_more": (
        "Docker/crash",
    ),
    "clouds.test_on_masters.test_a_late_start_on_ec2_is_named_and_closed_when_it_is_terminated": (
        "EC2/late start",
    ),
    "clouds.test_ec2.test_the_driver_has_the_name_while_its_start_runs": ("EC2/name",),
    "clouds.test_ec2.test_the_link_is_of_amazons_console_and_of_no_other_cloud": (
        "EC2/link",
        "EC2, spot/link",
    ),
    "clouds.test_ec2.test_what_uses_the_workers_key_pair_is_listed_and_what_has_its_tags_is_ours": (
        "EC2/list",
    ),
    "clouds.test_ec2.test_end_and_gone": (
        "EC2/gone",
        "EC2/end",
    ),
    "clouds.test_ec2.test_a_spot_instance_is_named_ended_and_told_as_spot": (
        "EC2, spot/name",
        "EC2, spot/list",
        "EC2, spot/gone",
        "EC2, spot/end",
    ),
    "clouds.test_kubernetes.test_the_name_is_known_before_the_start": ("Kubernetes/name",),
    "clouds.test_kubernetes.test_pods_of_this_master_are_listed_in_all_pages": ("Kubernetes/list",),
    "clouds.test_kubernetes.test_end_asks_the_node_first_and_gone_waits_for_its_word": (
        "Kubernetes/gone",
        "Kubernetes/end",
    ),
    "clouds.test_openstack.test_the_drivers_name_is_read_without_asking_nova": ("OpenStack/name",),
    "clouds.test_openstack.test_servers_with_this_masters_mark_are_listed_in_all_pages": (
        "OpenStack/list",
    ),
    "clouds.test_openstack.test_end_and_gone": (
        "OpenStack/gone",
        "OpenStack/end",
    ),
    "clouds.test_libvirt.test_the_name_is_known_before_the_start": ("libvirt/name",),
    "clouds.test_libvirt.test_what_runs_on_the_host_is_listed_and_what_bears_the_mark_is_ours": (
        "libvirt/list",
    ),
    "clouds.test_libvirt.test_a_domain_that_is_off_is_gone_and_so_is_one_that_is_nowhere": (
        "libvirt/gone",
    ),
    "clouds.test_libvirt.test_end_and_gone": ("libvirt/end",),
    "clouds.test_upcloud_marathon.test_upcloud_lists_this_masters_servers": (
        "UpCloud/name",
        "UpCloud/list",
    ),
    "clouds.test_upcloud_marathon.test_upcloud_stops_a_server_before_it_deletes_it": (
        "UpCloud/gone",
        "UpCloud/end",
    ),
    "clouds.test_upcloud_marathon.test_marathon_lists_this_masters_applications": (
        "Marathon/name",
        "Marathon/list",
        "Marathon/end",
    ),
    "clouds.test_upcloud_marathon.test_an_application_is_gone_when_its_tasks_are": (
        "Marathon/gone",
    ),
    "clouds.test_upcloud_marathon.test_marathons_last_words_and_link": ("Marathon/link",),
    "clouds.test_machine.test_of_a_machine_its_name_is_known_and_it_can_be_stopped": (
        "latent machine/name",
    ),
    "clouds.test_machine.test_the_machines_own_action_runs": ("latent machine/end",),
    "clouds.test_machine_on_master.test_a_machine_that_does_not_stop_may_still_run_until_it_has_stopped": (  # noqa: E501
        "latent machine/stop",
    ),
    "ssh.test_worker.test_an_instance_is_listed_and_ended_from_outside": (
        "SSH/name",
        "SSH/list",
        "SSH/end",
    ),
    "ssh.test_worker.test_the_hook_says_gone_lives_or_unknown": ("SSH/gone",),
    "ssh.test_worker.test_a_lost_connection_ends_the_instance_and_the_build_is_tried_again_on_a_new_one": (  # noqa: E501
        "SSH/lost",
    ),
    "ssh.test_worker.test_after_kill_9_a_worker_ends_by_itself_and_one_that_cannot_is_ended_by_the_next_start": (  # noqa: E501
        "SSH/crash",
    ),
    "ssh.test_worker.test_a_dead_network_does_not_hold_the_masters_stop": ("SSH/stop",),
}

_BACKEND = "backend"

#: What stands behind those that no test on a master tells of.
_BACKENDS = {
    "OpenStack": "stand-in for keystone and nova, real novaclient",
    "libvirt": "libvirtd with lxc",
    "latent machine": "commands",
    "SSH": "sshd",
}


def is_made() -> bool:
    """Whether this is `make clouds`, which does at length what `make test` does in short."""
    return DIRECTORY in os.environ


def seen(driver: str, column: str, what: str = "seen") -> None:
    """Keep what a test has seen of a driver."""
    assert driver in DRIVERS, driver
    assert column in (*COLUMNS, _BACKEND), column
    directory = os.environ.get(DIRECTORY)
    if directory:
        text = json.dumps([driver, column, what])
        Path(directory, f"{uuid.uuid4().hex}.json").write_text(text, encoding="utf-8")


def backend(driver: str, what: str) -> None:
    """Keep what stood behind a driver."""
    seen(driver, _BACKEND, what)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test has passed: of some that alone shows something."""
    report = yield
    if report.when == "call" and report.passed:
        name, _, _ = item.nodeid.partition("[")
        name = name.removeprefix("tests/").replace(".py::", ".").replace("/", ".")
        for cell in CELLS.get(name, ()):
            seen(*cell.split("/"))
    return report


Cells = dict[tuple[str, str], str]


def seen_in(directory: Path) -> Cells:
    """The cells that tests left in a directory."""
    found: Cells = {}
    for path in sorted(directory.glob("*.json")):
        driver, column, what = json.loads(path.read_text(encoding="utf-8"))
        found[driver, column] = what.replace("|", "\\|")
    return found


def seen_before(text: str) -> Cells:
    """The cells of a table in which something was seen."""
    found: Cells = {}
    columns = (_BACKEND, *COLUMNS)
    for line in text.splitlines():
        driver, *cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        if driver in DRIVERS:
            found.update({(driver, column): cell for column, cell in zip(columns, cells)})
    return {key: cell for key, cell in found.items() if cell not in ("not seen", "not offered")}


def table(found: Cells) -> str:
    """The cells as a Markdown table, a line for each driver."""
    lines = ["| driver | ran on | " + " | ".join(COLUMNS) + " |"]
    lines.append("|---|---|" + "---|" * len(COLUMNS))
    for driver in DRIVERS:
        cells = [found.get((driver, _BACKEND), _BACKENDS.get(driver, "not seen"))]
        for column in COLUMNS:
            nothing = "not offered" if (driver, column) in NOT_OFFERED else "not seen"
            cells.append(found.get((driver, column), nothing))
        lines.append(f"| {driver} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(target: str, *arguments: str) -> int:
    """Run these tests and those of our own worker, and write what they saw; their exit code.

    With ``arguments`` of pytest it is a part of them: other cells stay as an earlier run has seen them.
    """
    path = Path(target)
    with tempfile.TemporaryDirectory(prefix="lifecycle-clouds-") as directory:
        here = Path(__file__).parent
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.clouds.table"]
        # also what is a long way
        command += ["-m", "not benchmark", str(here), str(here.parent / "ssh" / "test_worker.py")]
        env = {**os.environ, DIRECTORY: directory}
        done = subprocess.run([*command, *arguments], env=env, check=False)
        before = (
            seen_before(path.read_text(encoding="utf-8")) if arguments and path.exists() else {}
        )
        path.write_text(table({**before, **seen_in(Path(directory))}), encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
