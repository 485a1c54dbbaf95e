"""`doctor` by REST: what a running master answers to this caller."""

from __future__ import annotations

import time
from collections.abc import Iterator

from buildbot_lifecycle.shell import findings, upgrade
from buildbot_lifecycle.shell.client import Client, tls_context
from buildbot_lifecycle.shell.findings import Finding
from buildbot_lifecycle.shell.settings import Settings
from buildbot_lifecycle.shell.trouble import Trouble


def look(client: Client, settings: Settings) -> Iterator[Finding]:
    """What is found, in the order in which it is looked at. Nothing is written, on no side."""
    try:
        health = client.get("/health").json["health"]
        before = time.time()
        meta = client.get("/workers", [("limit", "1")]).json["meta"]
        after = time.time()
    except Trouble as trouble:
        yield findings.of_trouble("plugin", trouble)
        return
    yield from findings.of_health(health, meta["now"])
    yield from findings.of_versions(_versions(client))
    yield findings.of_rights(meta, bool(client.credentials()))
    yield from findings.of_clock(meta["now"], before, after, health["clocks_differ_s"])
    tls = tls_context(settings.ca_file)
    status, why = upgrade.ask(settings.url, client.credentials(), tls, settings.timeout)
    yield findings.of_upgrade(status, why)


def _versions(client: Client) -> dict[str, str]:
    """What Buildbot tells its own page of itself; nothing where it, or a proxy, does not."""
    try:
        config = client.page("/config")
    except Trouble:
        return {}
    given = config.get("versions") if isinstance(config, dict) else None
    pairs = [
        each for each in given or () if isinstance(each, list) and len(each) == len(("name", "of"))
    ]
    return {str(name): str(version) for name, version in pairs}
