"""What can go wrong between the master and the remote host, one class for each thing to do about it."""

from __future__ import annotations


class SSHError(Exception):
    """Something that was asked of the remote host did not come about. The text says what, and why."""


class Unreachable(SSHError):
    """No shell was had on the remote host, so nothing was done there."""


class Broken(SSHError):
    """The session ended, or was cut, before the remote side had said how it went: not known."""


class Refused(SSHError):
    """The remote side did answer: it could not do what it was asked for."""


class StillThere(SSHError):
    """Processes of the instance were seen alive after the last means to end them."""


class NotKnownToBeGone(SSHError):
    """Whether the instance still runs could not be found out."""
