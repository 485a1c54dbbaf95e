"""What was recorded, in Buildbot's own database: SQL lives here and nowhere else.

`schema` and `migrations` make the tables, `recorder` writes the log in groups, `store` writes what
must be written before something is done, `deaths` closes what a dead master left open, `queries`
and `history` read. Everything runs through ``master.db.pool``; nothing here blocks the reactor.
"""
