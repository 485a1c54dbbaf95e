"""Asks libvirt one thing, in a process of its own: run as a program by `libvirt`, imported by nobody.

libvirt's library waits for a frozen daemon without a limit, and a thread in it cannot be ended; a process
can. A question comes by standard input as JSON, an answer goes to standard output. The domain's password,
which the driver writes into its metadata, stays here.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET  # of libvirt's own output
from typing import Any

#: Under which the driver writes what it tells the worker.
NAMESPACE = "http://buildbot.net/"

#: virDomainState, with the reasons of "shut off".
WORDS = (
    "no state",
    "running",
    "blocked",
    "paused",
    "in shutdown",
    "shut off",
    "crashed",
    "suspended",
)
REASONS = (
    "unknown",
    "shut down",
    "destroyed",
    "crashed",
    "migrated",
    "saved",
    "failed",
    "from a snapshot",
    "by its daemon",
)
_SHUT_OFF = 5


def main() -> None:
    """One question, one answer: `{"answer": ...}` or `{"error": text, "code": libvirt's number}`."""
    # else the folder of this file is looked at first, where our own `libvirt` is
    del sys.path[0]
    import libvirt  # noqa: PLC0415

    question = json.load(sys.stdin)
    libvirt.registerErrorHandler(lambda *_: None, None)
    try:
        connection = libvirt.open(question["uri"])
        said = {"answer": QUESTIONS[question["what"]](libvirt, connection, question.get("name"))}
    except libvirt.libvirtError as error:
        said = {"error": str(error), "code": error.get_error_code()}
    json.dump(said, sys.stdout)


def _domains(libvirt: Any, connection: Any, _: str | None) -> Any:
    active = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    return [_told(libvirt, domain) for domain in active]


def _domain(libvirt: Any, connection: Any, name: str | None) -> Any:
    """None: there is none of this name."""
    try:
        domain = connection.lookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise
    return _told(libvirt, domain)


def _end(_: Any, connection: Any, name: str | None) -> Any:
    domain = connection.lookupByName(name)
    if domain.isActive():
        domain.destroy()
    return True


def _told(libvirt: Any, domain: Any) -> dict[str, Any]:
    state, reason = domain.state()
    _, memory, _, processors, _ = domain.info()
    word = WORDS[state] if state < len(WORDS) else str(state)
    if state == _SHUT_OFF and reason < len(REASONS):
        word += f", {REASONS[reason]}"
    return {
        "name": domain.name(),
        "active": bool(domain.isActive()),
        "state": state,
        "word": word,
        "kind": f"{processors} CPU, {memory // 1024} MiB",
        "master": _master(libvirt, domain),
    }


def _master(libvirt: Any, domain: Any) -> str | None:
    """For whom the driver has marked it."""
    kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    for flags in (libvirt.VIR_DOMAIN_AFFECT_CURRENT, libvirt.VIR_DOMAIN_AFFECT_CONFIG):
        try:
            text = domain.metadata(kind, NAMESPACE, flags)
        except libvirt.libvirtError:
            continue
        return ET.fromstring(text).get("master")  # noqa: S314 - see above
    return None


QUESTIONS = {"domains": _domains, "domain": _domain, "end": _end}

if __name__ == "__main__":
    main()
