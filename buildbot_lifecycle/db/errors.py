"""What a database's error says, without the statement and its parameters: they hold what is stored."""

from __future__ import annotations

import sqlalchemy as sa

from buildbot_lifecycle.core.bounds import MAX_LINE


def in_short(error: BaseException) -> str:
    """The class of `error`, and what the driver said."""
    said: object = error
    if isinstance(error, sa.exc.StatementError) and error.orig is not None:
        said = error.orig
    elif isinstance(error, sa.exc.StatementError):
        said = error.args[0] if error.args else ""
    return f"{type(error).__name__}: {said}"[:MAX_LINE]
