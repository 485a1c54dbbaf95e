"""A server of IRC for one channel: it greets who comes, lets them join, and keeps what they say."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import Any


class Irc:
    """Listens on ``port``; ``said`` are channel and text of each line."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.joined: list[str] = []
        irc = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                nick = "?"
                for line in self.rfile:
                    command, _, rest = line.decode().strip().partition(" ")
                    if command == "NICK":
                        nick = rest.lstrip(":")
                    elif command == "USER":
                        self._say(f":irc.example 001 {nick} :Welcome")
                    elif command == "PING":
                        self._say(f":irc.example PONG irc.example {rest}")
                    elif command == "JOIN":
                        self._say(f":{nick}!b@example JOIN {rest}")
                        irc.joined.append(rest)
                    elif command == "PRIVMSG":
                        channel, _, text = rest.partition(" :")
                        irc.said.append((channel, text))

            def _say(self, text: str) -> None:
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(f"{text}\r\n".encode())

        self._server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
