"""How much of what is left to chance is played."""

from __future__ import annotations

import os

#: The part of the examples, walks and acts that a run plays: `make unit` a quarter, `make test` all.
SHARE = float(os.environ.get("LIFECYCLE_PROPERTY_SHARE", "1"))
