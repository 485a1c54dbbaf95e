"""What Prometheus is told of one master: names, units, buckets, and the text itself.

It knows nothing of Buildbot and of who counts: `lives` is told what ended, `present` is given how things
stand, `exposition` makes text of both.
"""
