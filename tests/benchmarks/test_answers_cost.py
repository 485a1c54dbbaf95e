"""What answers cost at 1,000 and 5,000 workers, beside Buildbot's own list. Figures are printed.

The CPU time of the whole master is taken over some requests of each kind, in turn. What is asserted is a
ratio inside the same run. The longest turn is that of a reactor without sockets, in CPU time.
"""

from __future__ import annotations

import os
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from buildbot_lifecycle.www import reads
from tests.benchmarks.fleet import Fleet
from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster, worker

pytestmark = pytest.mark.benchmark

ROUNDS = 6


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost(master: RealMaster, path: str, times: int) -> float:
    """CPU seconds of the master for one request."""
    begun = cpu_of(master.pid)
    for _ in range(times):
        with urllib.request.urlopen(f"http://127.0.0.1:{master.port}/{path}", timeout=120) as reply:
            reply.read()
    return (cpu_of(master.pid) - begun) / times


@pytest.mark.master
@pytest.mark.slow
@pytest.mark.parametrize("many", [1000, 5000])
def test_the_list_of_workers_beside_buildbots_own(make_master: MakeMaster, many: int) -> None:
    master = make_master([worker("Healthy", f"w{n}") for n in range(many)])
    cost(master, f"{API}/workers", 2)
    theirs = ours = 0.0
    for _ in range(ROUNDS):
        theirs += cost(master, "api/v2/workers", 1) / ROUNDS
        ours += cost(master, f"{API}/workers", 2) / ROUNDS
    few = {
        path: cost(master, f"{API}/{path}", 20)
        for path in ("workers?limit=50", "workers?level=stuck", "shutdown")
    }
    figures = f"{theirs * 1e3:.1f} ms, GET /workers {ours * 1e3:.1f} ms"
    tell(f"{many} workers: Buildbot's own {figures}, ratio {theirs / ours:.1f}")
    for path, seconds in few.items():
        tell(f"{many} workers: {path} {seconds * 1e3:.2f} ms, {ours / seconds:.1f} x cheaper")
    assert theirs / ours >= 6


@pytest.mark.parametrize("many", [1000, 5000])
def test_the_longest_turn_of_an_answer(many: int) -> None:
    begun = time.thread_time()
    fleet = Fleet(many)
    tell(f"{many} workers made in {time.thread_time() - begun:.1f} s")
    for text, query, clients in (
        ("the first", "", 1),
        ("again", "", 1),
        ("20 clients", "", 20),
        ("limit=50", "limit=50", 1),
        ("level=stuck", "level=stuck", 1),
    ):
        seconds, longest = fleet.cost(reads.workers, query, clients)
        figures = f"{seconds * 1e3:.2f} ms a request, longest turn {longest * 1e3:.2f} ms"
        tell(f"{many} workers, {text}: {figures}")
