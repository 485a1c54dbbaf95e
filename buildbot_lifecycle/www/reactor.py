"""A fault of Buildbot's web server, and how a master is kept from it. For master.cfg."""

from __future__ import annotations

import types

from buildbot.www import rest
from twisted.internet import defer


def answer_in_reactor() -> None:
    """Let this process's Buildbot write the answers of its own REST interface where Twisted allows it.

    Buildbot 4.2 and 4.3 write them from a thread (`rest.V2RootResource.renderRest`, since its pull
    request 8224). Now and then a piece of an answer is lost, and its reader waits for it in vain; or a
    client that closes its connection leaves a dead file descriptor in the reactor, after which the web
    server resets every connection (https://github.com/twisted/twisted/issues/11625).

    For master.cfg; where Buildbot does not do so, nothing is changed.
    """
    if hasattr(rest, "threads"):
        rest.threads = types.SimpleNamespace(deferToThread=defer.maybeDeferred)
