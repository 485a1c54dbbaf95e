"""The demonstration: `python -m buildbot_lifecycle.demo`, and the workers of all sorts that it shows."""
