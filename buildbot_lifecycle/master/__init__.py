"""The only code that touches Buildbot's workers: probe, release, shutdown, and the service."""
