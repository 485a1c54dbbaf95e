"""The steps of the migration, each as it was when it was released: a step never changes again.

A step knows nothing of `db.schema`, which is what the tables are today: it would otherwise make another
table in each release, and the step after it would find its work done, or undone.
"""
