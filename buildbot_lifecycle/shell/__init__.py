"""The command `buildbot-lifecycle`: the REST interface for people at a shell, and for their scripts."""
