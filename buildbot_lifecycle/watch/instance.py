"""What a driver calls its instance, read without running any code of the instance object.

Objects of cloud libraries are lazy: asked for an attribute that they have not, or for a property, they
fetch it over the network (novaclient and heatclient do), and the whole master would wait for the cloud.
So only what lies in an object is looked at: its dictionary, its slots, and plain values of its class.

How real drivers hold it: Docker, UpCloud and Marathon a dictionary; novaclient plain attributes; boto3's
resources ``_id`` behind a property; openstacksdk a dictionary of its own class; docker-py's models
``attrs``; kubernetes' models ``_metadata`` with a ``_name``.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import uuid
from typing import Any

from buildbot_lifecycle.core.bounds import MAX_NAME
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import STARTING

#: Attributes of a worker in which drivers keep their instance; the first that holds anything counts.
HOLDERS = ("instance", "domain", "pod")

#: Where the name stands in what they keep: an id before a name, since names are used again.
KEYS = ("Id", "ID", "id", "_id", "uuid", "name", "_name")

#: Parts that hold the name in their turn.
PARTS = ("attrs", "metadata", "_metadata")

#: Drivers of Buildbot's whose instance has a name that is known before it is there: the method or
#: attribute that says it. KubeLatentWorker's is called by its own start_instance, on the reactor.
KNOWN_BEFORE = {
    "buildbot.worker.kubernetes.KubeLatentWorker": "getContainerName",
    "buildbot.worker.marathon.MarathonLatentWorker": "getApplicationId",
    "buildbot.worker.libvirt.LibVirtWorker": "workername",
}


def name_of(worker: Any) -> str | None:
    """What the driver calls the instance that it holds now; None if it holds none, or says no name.

    A worker class may say so itself with a method ``lifecycle_instance()``.
    """
    try:
        hook = getattr(worker, "lifecycle_instance", None)
        if callable(hook):
            return cut(_named(hook()), MAX_NAME)
        for holder in HOLDERS:
            held = _lying(worker, holder)
            if held is not None:
                # libvirt's objects hold nothing that is readable; a domain has its worker's name
                named = _named(held) or (known_before(worker) if holder == "domain" else None)
                return cut(named, MAX_NAME)
        return None
    except Exception:
        return None


def seen(facts: Facts, worker: Any) -> str | None:
    """The name as it was recorded; while the start still runs, the one that the driver has already."""
    if facts.instance is None and facts.state in STARTING:
        return name_of(worker)
    return facts.instance


def with_name(facts: Facts, worker: Any) -> Facts:
    """The facts, with the name that the driver has already if it was not recorded yet."""
    return dataclasses.replace(facts, instance=seen(facts, worker))


def known_before(worker: Any) -> str | None:
    """The name that the worker's instance has, or will have, whether it is there or not; or None."""
    try:
        for cls in type(worker).__mro__:
            how = KNOWN_BEFORE.get(f"{cls.__module__}.{cls.__qualname__}")
            if how is not None:
                said = getattr(worker, how)
                return cut(_plain(said() if callable(said) else said), MAX_NAME)
        return None
    except Exception:
        return None


def _named(held: Any) -> str | None:
    plain = _plain(held)
    if plain is not None:
        return plain
    for holder in (held, *(_lying(held, part) for part in PARTS)):
        for key in KEYS if holder is not None else ():
            plain = _plain(_lying(holder, key))
            if plain is not None:
                return plain
    return None


def _plain(value: Any) -> str | None:
    """A text or number as text; None for anything else. A subclass may have a ``__str__`` of its own."""
    kind = type(value)  # isinstance would ask the object for its __class__
    if kind is bool:
        return None
    if issubclass(kind, str):
        return str.__str__(value) or None
    if issubclass(kind, int):
        return int.__repr__(value)
    return str(value) if kind is uuid.UUID else None


def _lying(holder: Any, key: str) -> Any:
    """What lies in an object under this name; None if nothing does, or only code that would answer."""
    if issubclass(type(holder), dict):
        return dict.get(holder, key)
    found = inspect.getattr_static(holder, key, None)
    if type(found) is types.MemberDescriptorType:  # a slot
        try:
            return found.__get__(holder, type(holder))
        except AttributeError:
            return None
    return None if hasattr(type(found), "__get__") else found
