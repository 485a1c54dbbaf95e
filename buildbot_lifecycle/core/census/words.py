"""The words of the census, and how many looks it takes."""

from __future__ import annotations

#: What an instance is to its master; the words of REST.
STANDINGS = ("up", "starting", "stopping", "in_ledger", "nobodys", "missing", "unknown")

#: The standing, and in the ledger the cause, of an instance that nobody has.
NOBODYS = "nobodys"

#: The cloud's word for an instance.
STATES = ("starting", "up", "stopping", "down", "unknown")

#: Standings of what a worker of ours has now.
OWNED = ("up", "starting", "stopping")

#: Looks in a row after which what nobody explains is nobody's, and what is not listed may be missing.
LOOKS = 2
