"""The matrix of rights, and the lines of docs/security on a real master and by `buildbot checkconfig`."""

from __future__ import annotations

import http.client
import json
import subprocess
from pathlib import Path

import pytest

from tests.harness.master import RealMaster, worker
from tests.harness.waiting import patient
from tests.www import rights
from tests.www.served import Master


@pytest.mark.process
def test_the_table_in_the_docs_is_what_a_server_answers(tmp_path: Path) -> None:
    """It is written by ``python -m tests.www.rights``."""
    assert rights.asked_of_all(tmp_path) == rights.TABLE.read_text(encoding="utf-8")


#: The lines as printed; and of what a case cannot ask: who has any role may listen.
LINES = """
from tests.www import rights
c['www']['auth'] = rights.by_password()
c['www']['authz'] = rights.four_lines()
c['www']['authz'].allowRules.insert(0, util.LifecycleEndpointMatcher(actions="listen", role="*"))
"""

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def status(port: int, path: str, headers: dict[str, str]) -> int:
    """Of an answer that does not end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patient(30))
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.master
def test_the_lines_hold_on_a_real_master_also_for_buildbots_own_buttons(tmp_path: Path) -> None:
    workers = [worker("Healthy", name) for name in rights.WORKERS]
    with Master(tmp_path, workers=workers, extra=LINES) as master:
        client = master.client
        ids = {row["name"]: row["workerid"] for row in client.get("/workers").json["workers"]}

        def force(name: str, user: str | None, *, override: bool = False) -> int:
            return client.force(name, user, episode=None, dry_run=True, override=override).status

        assert {who: force("docker-1", who) for who in rights.WHO} == {
            None: 401,
            "owner": 403,
            "operator": 200,
            "admin": 200,
        }
        assert force("ec2-1", "operator") == 403
        assert force("ec2-1", "admin") == 200
        assert force("docker-1", "operator", override=True) == 403
        assert force("docker-1", "admin", override=True) == 200

        def buildbots_pause(user: str | None) -> int:
            asked = {"jsonrpc": "2.0", "id": 1, "method": "pause", "params": {"reason": "a test"}}
            path = f"/api/v2/workers/{ids['docker-1']}"
            headers = {"Content-Type": "application/json"}
            return client.send("POST", path, json.dumps(asked).encode(), headers, user).status

        assert [buildbots_pause(who) for who in rights.WHO] == [403, 403, 403, 200]
        # the websocket asks when it is opened; the event stream asks nobody
        port = master.real.port
        admin = {"Cookie": client.cookie("admin")}
        assert status(port, "/ws", UPGRADE) == 403
        assert status(port, "/ws", {**UPGRADE, **admin}) == 101
        assert status(port, "/sse/listen/lifecycle/*/*", {}) == 200


def checked(master: RealMaster, lines: str) -> str:
    """What `buildbot checkconfig` says of the sample of a new master with these lines."""
    config = master.basedir / "master.cfg"
    sample = (master.basedir / "master.cfg.sample").read_text(encoding="utf-8")
    config.write_text(f"{sample}\n{lines}", encoding="utf-8")
    done = subprocess.run(
        [str(master.python.parent / "buildbot"), "checkconfig", str(config)],
        env=master.env,
        cwd=master.basedir,
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.master
def test_checkconfig_takes_the_lines_of_the_docs_and_names_each_wrong_argument(
    tmp_path: Path,
) -> None:
    page = (rights.ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    blocks = [text.split("```")[0] for text in page.split("```python\n")[1:]]
    good = "\n".join(text for text in blocks if "LifecycleEndpointMatcher" in text)
    assert good.count("util.Authz") == 2
    wrong = """util.LifecycleEndpointMatcher(
        actions=["force", "dismiss"], workers=["a[", "docker-*"], defaultDeny="no"
    )"""
    master = RealMaster(tmp_path / "master")
    try:
        master.create()
        assert "Config file is good" in checked(master, good)
        said = checked(master, wrong)
    finally:
        master.teardown()
    for each in (
        "unknown action 'force'; known are force-disconnect, override, resolve,",
        "the name pattern 'a[' has a [ without its ]",
        "dismiss is of no single worker: give it a rule without workers",
        "role must be the name of a role, not None",
        "defaultDeny must be True or False, not 'no'",
    ):
        assert f"LifecycleEndpointMatcher: {each}" in said.replace("workers: the", "the")
    assert "Traceback" not in said
