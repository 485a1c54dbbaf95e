"""What was recorded, answered at length: statistics, the timeline, and the last episodes of each worker.

It reads the database in short slices (`db.reader`), so that Buildbot and the recorder have their turn
between them.
"""
