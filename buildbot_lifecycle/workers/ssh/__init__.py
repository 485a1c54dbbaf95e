"""A latent worker on a host that is reached by ssh: see docs/ssh-worker."""

from buildbot_lifecycle.workers.ssh.errors import NotKnownToBeGone, SSHError, StillThere
from buildbot_lifecycle.workers.ssh.worker import SSHLatentWorker

__all__ = ["NotKnownToBeGone", "SSHError", "SSHLatentWorker", "StillThere"]
