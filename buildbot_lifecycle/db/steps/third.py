"""Version 3: the episodes of a worker on one master, by their numbers.

A name that several masters have is one workerid for all of them. The rows of one master are found without
a look at those of the others, however many these are.
"""

from __future__ import annotations

import sqlalchemy as sa

_METADATA = sa.MetaData()

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Only the columns that the index is of: the table is there since version 1.
_EPISODES = sa.Table(
    "lifecycle_episodes",
    _METADATA,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    sa.Column("workerid", _ID, nullable=False),
    sa.Column("masterid", _ID, nullable=False),
)
_INDEX = sa.Index(
    "lifecycle_episodes_worker_master",
    _EPISODES.c.workerid,
    _EPISODES.c.masterid,
    _EPISODES.c.id,
)


def step(conn: sa.engine.Connection) -> None:
    """The index; what is stored stays as it is."""
    _INDEX.create(conn, checkfirst=True)
