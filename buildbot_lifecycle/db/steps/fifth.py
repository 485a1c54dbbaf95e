"""Version 5: until when the clock of each master was believed, before anything is deleted by it."""

from __future__ import annotations

import sqlalchemy as sa

_METADATA = sa.MetaData()

sa.Table(
    "lifecycle_beliefs",
    _METADATA,
    sa.Column(
        "masterid",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("believed_at", sa.Float(53), nullable=False),
    sa.Column("doubted_at", sa.Float(53)),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
    mariadb_collate="utf8mb4_bin",
)


def step(conn: sa.engine.Connection) -> None:
    """The table alone; what is stored stays as it is."""
    _METADATA.create_all(conn)
