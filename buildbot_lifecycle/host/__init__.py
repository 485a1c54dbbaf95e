"""The host: Buildbot and Twisted. Every private name of theirs that this package leans on stands in here.

The rest of the package calls these functions and touches no private name itself. `required.missing` is
asked at start: if one of the names is gone, the plugin says which and stays out of the way.
"""
