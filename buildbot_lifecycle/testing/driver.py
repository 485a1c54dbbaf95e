"""What an author tells the kit of a driver."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

#: The name that every worker of the kit must have.
NAME = "kit"


@dataclasses.dataclass(frozen=True)
class Driver:
    """A latent worker to be looked at, and hands to reach what it starts.

    worker
        the worker as it would stand in `c['workers']`, a Python expression. Its name must be `kit`. The
        master listens on a free port of every interface; `build_wait_timeout` should be a few seconds
        (3 is good): the kit freezes and hangs things in that time.
    setup
        Python text before it in master.cfg: imports, and the like
    instances
        how many instances there are now, asked past the driver (of the cloud, of the process table).
        Without it, what is left over cannot be seen
    hang
        a context manager: as long as it is entered, what the driver talks to (the cloud's API, the host)
        takes connections and does not answer
    kill
        ends the instance, or its worker process, behind the driver's back
    freeze
        stops the worker process without ending it (SIGSTOP, a paused container)
    refused
        an expression as `worker`, for a start that cannot succeed (no such image, host, key)
    seconds
        the longest that a start, a stop or a refusal may take
    title
        what the report calls it; the worker's expression if there is none
    env
        more environment of the master
    """

    worker: str
    setup: str = ""
    instances: Callable[[], int] | None = None
    hang: Callable[[], contextlib.AbstractContextManager[Any]] | None = None
    kill: Callable[[], None] | None = None
    freeze: Callable[[], None] | None = None
    refused: str | None = None
    seconds: float = 60.0
    title: str = ""
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
