"""`python -m buildbot_lifecycle.shell`: the command where its script is not on the path."""

from __future__ import annotations

from buildbot_lifecycle.shell.main import main

main(prog_name="buildbot-lifecycle")
