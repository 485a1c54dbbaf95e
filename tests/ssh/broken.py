"""The home-made driver that this project began with: its stop command does not do what it says.

It starts a worker by ssh, under something that starts it again whenever it has ended (systemd with
Restart=always, a cron job, a loop), and its stop runs a command and believes it.
"""

from __future__ import annotations

import shlex
from typing import Any

from buildbot.worker.latent import AbstractLatentWorker
from twisted.internet import utils


class HomeMadeSSHLatentWorker(AbstractLatentWorker):
    """`ssh`: the client's command line up to the host; `stop_command`: what is run there to stop."""

    def checkConfig(  # noqa: N802 - Buildbot's
        self, name: str, ssh: Any, python: str, directory: str, stop_command: str, **kwargs: Any
    ) -> None:
        super().checkConfig(name, "pw", **kwargs)

    def reconfigService(  # noqa: N802 - Buildbot's
        self, name: str, ssh: Any, python: str, directory: str, stop_command: str, **kwargs: Any
    ) -> Any:
        self.ssh, self.python, self.directory = list(ssh), python, directory
        self.stop_command = stop_command
        return super().reconfigService(name, "pw", **kwargs)

    def start_instance(self, build: Any) -> Any:
        """Start it, and have it started again for ever."""
        command = [
            *(self.python, "-m", "buildbot_lifecycle.demo.instance", self.directory),
            *("--port", str(self.registration.getPBPort()), "--name", self.name),
            *("--password", self.password, "--restart", "1", "--outlive-parent"),
        ]
        return self._ssh(f"nohup {shlex.join(command)} >/dev/null 2>&1 </dev/null &")

    def stop_instance(self, fast: bool = False) -> Any:
        """Run the stop command, and say that all went well."""
        return self._ssh(self.stop_command)

    def _ssh(self, command: str) -> Any:
        done = utils.getProcessValue(self.ssh[0], [*self.ssh[1:], command])
        return done.addCallback(lambda _: True)
