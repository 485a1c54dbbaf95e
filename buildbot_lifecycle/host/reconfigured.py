"""A service that can be reconfigured back to what it was."""

from __future__ import annotations

from typing import Any


class Reconfigured:
    """To be put before BuildbotService: a reconfiguration is compared with the last one.

    ``buildbot/util/service.py`` of 4.3.0 compares it with the arguments with which the object was made,
    and these are never changed. So a setting that is changed, and then changed back, would stay changed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: the arguments that hold
        self.given: tuple[tuple[Any, ...], dict[str, Any]] = (args, kwargs)
        super().__init__(*args, **kwargs)

    def reconfigServiceWithSibling(self, sibling: Any) -> Any:  # Buildbot's
        """Take over the arguments of the new object, if they are others than those that hold."""
        if sibling.given != self.given:
            self.configured = False  # so that it is not found to be what it was at first
        done = super().reconfigServiceWithSibling(sibling)  # type: ignore[misc]
        self.given = sibling.given
        return done
