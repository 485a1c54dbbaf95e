"""What a place is called for people: made of a scope, which holds no credentials."""

from __future__ import annotations

import re
from collections.abc import Hashable

_USERINFO = re.compile(r"(?<=//)[^/@\s]+@")


def title(scope: Hashable, class_name: str, worker: str) -> str:
    """Of a place. ``class_name`` and ``worker`` are of the worker through which it is asked.

    The same after a restart, since the ids of instances are made of it.
    """
    parts = [str(part) for part in scope] if isinstance(scope, tuple) else []
    made = _TITLES.get(parts[0]) if parts else None
    text = f"{class_name} {worker}"
    if made is not None:
        text = made.format(*parts)
    elif parts and parts[0] != "own":
        text = f"{class_name} at {', '.join(parts[1:])}"
    return _USERINFO.sub("", text)


#: By the first part of our adapters' scopes.
_TITLES = {
    "docker": "Docker at {1}",
    "ec2": "EC2 {1}, key pair {3}",
    "kubernetes": "Kubernetes at {1}, namespace {2}",
    "libvirt": "libvirt at {1}",
    "marathon": "Marathon at {1}",
    "openstack": "OpenStack at {1}",
    "upcloud": "UpCloud",
}
