"""The rules: states, events, episodes and verdicts as plain values.

Nothing in here knows Twisted, SQL, HTTP or Buildbot. Times are epoch seconds (floats) and every
function that needs the present takes ``now`` as an argument.
"""
