"""Which adapter is for a worker: by the names of its classes, so that no cloud's library is imported."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from buildbot_lifecycle.clouds.adapter import Adapter
from buildbot_lifecycle.clouds.docker import Docker
from buildbot_lifecycle.clouds.ec2 import EC2
from buildbot_lifecycle.clouds.kubernetes import Kubernetes
from buildbot_lifecycle.clouds.libvirt import LibVirt
from buildbot_lifecycle.clouds.marathon import Marathon
from buildbot_lifecycle.clouds.openstack import OpenStack
from buildbot_lifecycle.clouds.upcloud import UpCloud

#: Where other distributions register adapters of their own: objects that are an `Adapter`.
GROUP = "buildbot_lifecycle.clouds"

OURS: tuple[Adapter, ...] = (
    Docker(),
    EC2(),
    Kubernetes(),
    LibVirt(),
    Marathon(),
    OpenStack(),
    UpCloud(),
)


class Choice:
    """The adapters of this process. One that was registered comes before ours for the same class."""

    def __init__(self, registered: Iterable[Adapter] = (), ours: Iterable[Adapter] = OURS) -> None:
        self._by_class: dict[str, Adapter] = {}
        for adapter in (*ours, *registered):
            for name in adapter.classes:
                self._by_class[name] = adapter

    @property
    def classes(self) -> Mapping[str, Adapter]:
        """By full name of the class."""
        return dict(self._by_class)

    def of(self, worker: Any) -> Adapter | None:
        """The adapter of the worker's class, else of the nearest of its bases that has one."""
        for cls in type(worker).__mro__:
            found = self._by_class.get(f"{cls.__module__}.{cls.__qualname__}")
            if found is not None:
                return found
        return None


def registered(failed: Any) -> Iterator[Adapter]:
    """What other distributions have registered. `failed(name)` is called while one's error is handled."""
    found: Any = importlib.metadata.entry_points()
    group = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    for entry in group:
        try:
            yield entry.load()
        except Exception:  # noqa: BLE001 - anybody's code; the others must not suffer
            failed(entry.name)
