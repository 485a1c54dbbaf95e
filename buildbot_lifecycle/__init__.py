"""Flight recorder and control room for Buildbot's latent workers."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

__all__ = ["__version__", "note_step"]

#: The version of this distribution. Buildbot reads the same file for the page.
__version__ = files(__name__).joinpath("VERSION").read_text(encoding="ascii").strip()


def note_step(worker: Any, step: str, **details: Any) -> None:
    """For authors of latent workers: show a step of a start or a stop on the worker's page.

    ``step`` is a short word or sentence ("asked to stop", "TERM"); ``details`` are JSON values, of
    which ``elapsed_s`` (seconds) and ``ok`` (bool) are shown by name. Without the service in
    master.cfg it does nothing. Never raises.
    """
    # Not at import: this package is imported for its version too, and the service brings Buildbot.
    try:
        from buildbot_lifecycle.service.service import note_step as told  # noqa: PLC0415
    except ImportError:
        return  # where there is no master, nobody shows steps
    told(worker, step, **details)
