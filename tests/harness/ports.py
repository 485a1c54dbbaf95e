"""TCP ports on 127.0.0.1 that nobody listens on."""

from __future__ import annotations

import os
import random
import socket

# Below the range from which the kernel takes ports of outgoing connections: nobody gets one of
# these between our look and the server's start.
_FIRST, _LAST = 20000, 32000
_given: set[int] = set()

# Runners side by side have ports of their own: one that a master has left for a moment, to come back to
# it, looks free to all others.
_RUNNER = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", "0"))) or 0)
_RUNNERS = 16


def free_port() -> int:
    """A port that was free just now and was not given out before by this process."""
    while True:
        port = random.SystemRandom().randint(_FIRST, _LAST)
        if port in _given or port % _RUNNERS != _RUNNER % _RUNNERS:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
