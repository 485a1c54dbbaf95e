"""What the tests of real masters share: thresholds that are short, and a client that forces."""

from __future__ import annotations

from typing import Any

from tests.harness.master import API, RealMaster
from tests.harness.web import Answer

#: Seconds: short enough for a test, long enough that a healthy call of a busy machine keeps to them.
STUCK_AFTER = {
    "insubstantiating": 2,
    "insubstantiating_substantiating": 2,
    # generous: starting a worker process takes its time on a busy machine; tests of hanging starts
    # use START_STUCK_AFTER
    "substantiating_starting": 40,
    "not_substantiated": 1,
}

LIFECYCLE: dict[str, Any] = {
    "stuck_after": STUCK_AFTER,
    "shutdown_grace": 1,
    "anonymous_may_force": True,
}

#: The same, for a start that hangs.
START_LIFECYCLE: dict[str, Any] = {
    **LIFECYCLE,
    "stuck_after": {**STUCK_AFTER, "substantiating_starting": 3},
}

#: Seconds of a stop beyond grace and threshold: "a few", on a machine with two busy cores.
FEW_SECONDS = 12.0


def ask_force(master: RealMaster, name: str, **changes: Any) -> Answer:
    """POST a force disconnect as the page does: with what GET told a moment before."""
    seen = master.worker(name)
    body = {
        "episode": seen["episode"],
        "confirm": name,
        "reason": "a test",
        "pause": True,
        **changes,
    }
    return master.post(f"{API}/workers/{seen['workerid']}/force-disconnect", body)


def force(master: RealMaster, name: str, **changes: Any) -> Any:
    """`ask_force`, which must succeed; the action."""
    answer = ask_force(master, name, **changes)
    assert answer.status == 200, answer
    return answer.json["action"]


def unpause(master: RealMaster, name: str) -> None:
    """Unpause as Buildbot's own page does, and wait until it is so."""
    workerid = master.worker(name)["workerid"]
    call = {"jsonrpc": "2.0", "method": "unpause", "id": 1, "params": {}}
    master.post(f"api/v2/workers/{workerid}", call).ok()
    master.wait_worker(name, paused=False)


def get_stuck(master: RealMaster, name: str, timeout: float = 30.0, **fields: Any) -> Any:
    """Wait until a worker is stuck."""
    return master.wait_worker(name, timeout, verdict__level="stuck", **fields)


def written(master: RealMaster) -> None:
    """Wait until the database has all that was seen: history is read from there, states from memory."""

    def all_written() -> bool:
        return bool(master.api("workers")["meta"]["behind"]["events"] == 0)

    master.wait_until(all_written, 30, "everything is written")


def transitions(master: RealMaster, name: str) -> list[tuple[str, str]]:
    """All transitions of a worker, oldest first."""
    written(master)
    rows = master.api(f"workers/{name}/transitions?limit=1000")["transitions"]
    return [(row["from"], row["to"]) for row in reversed(rows)]


def events(master: RealMaster, name: str) -> list[dict[str, Any]]:
    """All events of a worker, oldest first."""
    written(master)
    rows: list[dict[str, Any]] = master.api(f"workers/{name}/events?limit=1000")["events"]
    return rows[::-1]


def episodes(master: RealMaster, name: str) -> list[dict[str, Any]]:
    """All episodes of a worker, oldest first."""
    written(master)
    rows: list[dict[str, Any]] = master.api(f"workers/{name}/episodes?limit=1000")["episodes"]
    return rows[::-1]


def rows(master: RealMaster, query: str) -> list[Any]:
    """Rows of its SQLite database, read beside it."""
    with master.db() as connection:
        return [tuple(row) for row in connection.execute(query)]
