"""The old address of `buildbot_lifecycle.www.reactor`."""

from __future__ import annotations

import warnings

from buildbot_lifecycle.www.reactor import answer_in_reactor

__all__ = ["answer_in_reactor"]

warnings.warn(
    "buildbot_lifecycle.testing.web has moved: import answer_in_reactor from"
    " buildbot_lifecycle.www.reactor",
    DeprecationWarning,
    stacklevel=2,
)
