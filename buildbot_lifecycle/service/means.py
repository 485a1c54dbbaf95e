"""The means that there are for an instance that was left: its address in a console, and an end."""

from __future__ import annotations

from collections.abc import Callable

from buildbot_lifecycle.clouds.ask import Clouds
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core import money
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.master.views import Means


def means_of(clouds: Clouds, settings: Callable[[], Settings]) -> Means:
    """By the configuration of the worker that has left it."""

    def means(known: Known, name: str) -> tuple[str | None, bool]:
        worker = known.watched.worker
        link = money.address(settings().instance_url, name, known.name, known.class_name)
        return link or clouds.link(worker, name), Can.END in clouds.can(worker)

    return means
