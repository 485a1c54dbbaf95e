"""The address of `note_step` and of the service before they had a room of their own."""

from buildbot_lifecycle.service.service import LifecycleService, find_service, note_step

__all__ = ["LifecycleService", "find_service", "note_step"]
