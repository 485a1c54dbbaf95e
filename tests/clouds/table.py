"""What the tests of the clouds saw, a line for each driver: `make clouds` runs them and writes the table.

A test says what it has seen with `seen`; tests of one adapter alone are listed in `CELLS`, and their
passing is what was seen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

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

#: Test (module and name, without its parameters) -> the cells that it shows by passing.
CELLS: dict[str, tuple[tuple[str, str], ...]] = {
    "test_docker.test_the_name_is_there_as_soon_as_the_driver_has_it": (("Docker", "name"),),
    "test_docker.test_what_it_lists_is_this_masters_and_nobody_elses": (("Docker", "list"),),
    "test_docker.test_a_container_is_gone_when_it_is_removed_and_not_when_it_has_exited": (
        ("Docker", "gone"),
    ),
    "test_docker.test_end_ends_it_and_gone_proves_it": (("Docker", "end"),),
    "test_on_masters.test_what_a_crash_left_is_closed_when_the_engine_does_not_have_it_any_more": (
        ("Docker", "crash"),
    ),
    "test_on_masters.test_a_late_start_on_ec2_is_named_and_closed_when_it_is_terminated": (
        ("EC2", "late start"),
    ),
    "test_ec2.test_the_driver_has_the_name_while_its_start_runs": (("EC2", "name"),),
    "test_ec2.test_the_link_is_of_amazons_console_and_of_no_other_cloud": (
        ("EC2", "link"),
        ("EC2, spot", "link"),
    ),
    "test_ec2.test_what_uses_the_workers_key_pair_is_listed_and_what_has_its_tags_is_ours": (
        ("EC2", "list"),
    ),
    "test_ec2.test_end_and_gone": (("EC2", "gone"), ("EC2", "end")),
    "test_ec2.test_a_spot_instance_is_named_ended_and_told_as_spot": (
        ("EC2, spot", "name"),
        ("EC2, spot", "list"),
        ("EC2, spot", "gone"),
        ("EC2, spot", "end"),
    ),
    "test_libvirt.test_the_name_is_known_before_the_start": (("libvirt", "name"),),
    "test_libvirt.test_what_runs_on_the_host_is_listed_and_what_bears_the_mark_is_ours": (
        ("libvirt", "list"),
    ),
    "test_libvirt.test_a_domain_that_is_off_is_gone_and_so_is_one_that_is_nowhere": (
        ("libvirt", "gone"),
    ),
    "test_libvirt.test_end_and_gone": (("libvirt", "end"),),
}

_BACKEND = "backend"


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


def passed(module: str, test: str) -> None:
    """A test has passed; of some that alone shows something."""
    name = f"{module.rpartition('.')[2]}.{test.partition('[')[0]}"
    for driver, column in CELLS.get(name, ()):
        seen(driver, column)


def table(directory: Path) -> str:
    """The cells that tests left in a directory, as a Markdown table."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(directory.glob("*.json")):
        driver, column, what = json.loads(path.read_text(encoding="utf-8"))
        found[driver, column] = what.replace("|", "\\|")
    lines = ["| driver | ran on | " + " | ".join(COLUMNS) + " |"]
    lines.append("|---|---|" + "---|" * len(COLUMNS))
    for driver in DRIVERS:
        cells = [
            found.get(
                (driver, column), "not offered" if (driver, column) in NOT_OFFERED else "not seen"
            )
            for column in COLUMNS
        ]
        lines.append(
            f"| {driver} | {found.get((driver, _BACKEND), 'see the tests')} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines) + "\n"


def main(target: str) -> int:
    """Run the tests beside this file and write the table of what they saw; their exit code."""
    with tempfile.TemporaryDirectory(prefix="lifecycle-clouds-") as directory:
        command = [sys.executable, "-m", "pytest", "-q", str(Path(__file__).parent)]
        env = {**os.environ, DIRECTORY: directory}
        done = subprocess.run([*command, *sys.argv[2:]], env=env, check=False)
        Path(target).write_text(table(Path(directory)), encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
