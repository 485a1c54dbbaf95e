"""What differs between the versions of Buildbot that are supported; nothing else of ours asks for one.

Each difference is asked of the thing itself and not of a number, and names the version that brought it.
"""

from __future__ import annotations

import inspect
from typing import Any

import buildbot
import twisted
from buildbot.data import types


def entity(kind: type[types.Entity], singular: str) -> Any:
    """An instance of an entity type. Up to 4.2 it also had a name for GraphQL, which 4.3 took out."""
    if "graphql_name" in inspect.signature(types.Entity.__init__).parameters:
        return kind(singular, singular.capitalize())
    return kind(singular)


def running() -> dict[str, str]:
    """The versions of Buildbot and Twisted in this process."""
    return {"buildbot": str(buildbot.version), "twisted": str(twisted.__version__)}
