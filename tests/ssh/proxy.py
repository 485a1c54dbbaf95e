"""A network that can die: a TCP proxy which passes on, or swallows, what comes."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

from tests.harness.ports import free_port


class Proxy:
    """Listens on `port` of loopback, and connects to `target`.

    After `swallow()` connections stay open, new ones are still accepted, and nothing gets through.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peer: dict[socket.socket, socket.socket] = {}
        self._kept: list[socket.socket] = []
        self._swallows = self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def swallow(self) -> None:
        self._swallows = True

    def heal(self) -> None:
        """New connections get through again; what was swallowed stays lost."""
        self._swallows = False

    def close(self) -> None:
        self._ends = True
        self._thread.join(5)
        for one in [self._listener, *self._peer, *self._kept]:
            one.close()

    def _run(self) -> None:
        while not self._ends:
            for key, _ in self._selector.select(0.05):
                with contextlib.suppress(OSError):
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._pass_on(key.fileobj)  # type: ignore[arg-type]

    def _accept(self) -> None:
        here, _ = self._listener.accept()
        if self._swallows:
            self._kept.append(here)
            return
        there = socket.create_connection(("127.0.0.1", self.target), 5)
        for one, other in ((here, there), (there, here)):
            self._peer[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        if self._swallows:
            # Nobody hears of it any more, not even of its end.
            self._selector.unregister(source)
            return
        data = b""
        with contextlib.suppress(ConnectionError):
            data = source.recv(65536)
        if data:
            self._peer[source].sendall(data)
            return
        for one in (source, self._peer[source]):
            with contextlib.suppress(KeyError):
                self._selector.unregister(one)
            one.close()
