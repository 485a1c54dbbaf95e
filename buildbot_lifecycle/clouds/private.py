"""What the adapters read of Buildbot's drivers, and of nothing else: names that no manual promises.

An adapter asks `read`, so that a driver of another version, which has renamed something, is told as such
and is not an AttributeError in a log.
"""

from __future__ import annotations

import inspect
from typing import Any

from buildbot_lifecycle.clouds.values import CannotTell, Why

DOCKER = "buildbot.worker.docker.DockerLatentWorker"
EC2 = "buildbot.worker.ec2.EC2LatentWorker"
KUBERNETES = "buildbot.worker.kubernetes.KubeLatentWorker"
LIBVIRT = "buildbot.worker.libvirt.LibVirtWorker"
MARATHON = "buildbot.worker.marathon.MarathonLatentWorker"
OPENSTACK = "buildbot.worker.openstack.OpenStackLatentWorker"
UPCLOUD = "buildbot.worker.upcloud.UpcloudLatentWorker"
MACHINE = "buildbot.machine.latent.AbstractLatentMachine"

#: Driver -> what is read of its workers: of the class, or set by its methods. A test looks at Buildbot's.
READ: dict[str, tuple[str, ...]] = {
    DOCKER: (
        "instance",
        "masterhash",
        "getContainerName",
        "docker_host",
        "client_args",
        "_curr_client_args",
        "password",
    ),
    EC2: ("instance", "session", "keypair_name", "tags", "password"),
    KUBERNETES: (
        "masterhash",
        "getContainerName",
        "_kube_config",
        "_namespace",
        "password",
    ),
    LIBVIRT: ("workername", "uri", "masterFQDN", "password"),
    MARATHON: ("masterhash", "getApplicationId", "marathon_app_prefix", "_http", "password"),
    OPENSTACK: ("instance", "masterhash", "workername", "novaclient", "client_version", "password"),
    UPCLOUD: ("instance", "masterhash", "getContainerName", "client", "password"),
    MACHINE: ("name", "stop_machine"),
}

_NOTHING = object()


def read(worker: Any, driver: str, name: str) -> Any:
    """An attribute of a driver's worker, which stands in `READ`."""
    assert name in READ[driver], f"{driver}.{name} is read and not listed"
    found = getattr(worker, name, _NOTHING)
    if found is _NOTHING:
        text = f"{driver.rpartition('.')[2]} has no {name}: this plugin does not know this version"
        raise CannotTell(Why.NOT_CONFIGURED, text)
    return found


def lying(holder: Any, key: str) -> Any:
    """What lies in an object under this name, without running any code of it; None if nothing does.

    Objects of cloud libraries fetch themselves over the network when they are asked for a property.
    """
    if issubclass(type(holder), dict):
        return dict.get(holder, key)
    found = inspect.getattr_static(holder, key, None)
    return None if hasattr(type(found), "__get__") else found


def text_or_none(value: Any) -> str | None:
    """A text as it is; None for anything else."""
    return value if type(value) is str and value else None
