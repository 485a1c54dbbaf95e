"""What runs on the remote host as `buildbot.tac`: a buildbot-worker that lives for one connection.

A latent worker that comes back is refused by Buildbot 4.3 (worker/latent.py, `attached`), and a refused
connection holds the master's stop. So an instance that lost its connection has no reason to live: it ends
at once. Only one that is never stopped (`build_wait_timeout` below 0) tries again, for a limited time.

The text is sent to the remote host, whose Python may be older than ours; it imports nothing of this
package. It holds no secret: the password comes by standard input.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: The line by which the remote script learns that the worker runs; its process id follows.
READY = "lifecycle-worker-ready"

_TEXT = '''\
# Written by buildbot-lifecycle at each start of this worker: changes here do not last.
import json
import os
import sys
import threading
import time

from twisted.application import service
from twisted.internet import reactor, task
from twisted.python import log
from twisted.python.log import FileLogObserver, ILogObserver
from twisted.python.logfile import LogFile

from buildbot_worker.bot import Worker

SETTINGS = json.loads(%(settings)r)
BASEDIR = os.getcwd()
PASSWORD = json.loads(sys.stdin.readline())
NOW = getattr(time, "monotonic", time.time)
HOST = SETTINGS["host"]
if HOST is None and SETTINGS["port"] is not None:
    # Where the master's ssh came from is where the master is, seen from here.
    HOST = os.environ["SSH_CONNECTION"].split()[0]
GONE = SETTINGS["master_gone_timeout"]

# What builds start must not be able to wait for our input.
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
try:
    os.setsid()
except OSError:
    pass  # a wrapper has seen to it

# Buildbot knows a worker's directory by this line.
application = service.Application('buildbot-worker')
logfile = LogFile.fromFullPath(
    os.path.join(BASEDIR, "twistd.log"), rotateLength=10000000, maxRotatedFiles=3
)
application.setComponent(ILogObserver, FileLogObserver(logfile).emit)

worker = Worker(
    HOST,
    SETTINGS["port"],
    SETTINGS["name"],
    PASSWORD,
    BASEDIR,
    **SETTINGS["options"]
)
worker.setServiceParent(application)
del PASSWORD


class Life(object):
    """When this process has lived long enough."""

    perspective = None
    asking = False
    ending = False

    def __init__(self):
        self.seen = NOW()
        self.limit = min(120.0, GONE)

    def ready(self):
        task.LoopingCall(self.look).start(min(5.0, GONE / 4.0))
        os.write(1, ("%(ready)s %%d\\n" %% os.getpid()).encode())

    def connected(self, perspective):
        self.perspective = perspective
        self.seen = NOW()
        self.limit = GONE

    def lost(self):
        self.perspective = None
        if not SETTINGS["retry"]:
            self.end("the connection to the master has ended, and this instance ends with it")

    def answered(self, _):
        self.asking = False
        self.seen = NOW()

    def unanswered(self, _):
        self.asking = False

    def look(self):
        silent = NOW() - self.seen
        if silent > self.limit:
            self.end("no word from the master for %%d s: gone" %% silent)
        elif self.perspective is not None and not self.asking and silent > GONE / 3.0:
            self.asking = True
            asked = self.perspective.callRemote("keepalive")
            asked.addCallbacks(self.answered, self.unanswered)

    def end(self, why):
        if self.ending:
            return
        self.ending = True
        log.msg("lifecycle: " + why)
        # A shutdown that hangs must not keep the process.
        timer = threading.Timer(20, os._exit, (1,))
        timer.daemon = True
        timer.start()
        if reactor.running:
            reactor.stop()


def watch_pb(life, factory):
    login = factory.gotPerspective

    def got(perspective):
        login(perspective)
        life.connected(perspective)
        perspective.broker.notifyOnDisconnect(life.lost)

    factory.gotPerspective = got


def watch_msgpack(life, factory):
    # It has pings of its own, so being connected is word enough.
    class Watched(factory.protocol):
        def onConnect(self, response):
            life.connected(None)
            life.limit = float("inf")
            return factory_protocol.onConnect(self, response)

        def connectionLost(self, reason):
            try:
                return factory_protocol.connectionLost(self, reason)
            finally:
                life.seen, life.limit = NOW(), GONE
                life.lost()

    factory_protocol = factory.protocol
    factory.protocol = Watched


life = Life()
if SETTINGS["options"].get("protocol", "pb") == "pb":
    watch_pb(life, worker.bf)
else:
    watch_msgpack(life, worker.bf)
reactor.callWhenRunning(life.ready)
'''


def text(
    *,
    host: str | None,
    port: int | None,
    name: str,
    retry: bool,
    master_gone_timeout: float,
    options: Mapping[str, Any],
) -> str:
    """The program for one instance. `options` are arguments of buildbot_worker.bot.Worker.

    `retry`: whether it connects again when its connection was lost. `master_gone_timeout` in seconds.
    """
    settings = {
        "host": host,
        "port": port,
        "name": name,
        "retry": retry,
        "master_gone_timeout": master_gone_timeout,
        "options": dict(options),
    }
    return _TEXT % {"settings": json.dumps(settings, sort_keys=True), "ready": READY}
