"""What is found out by looking: where a call hangs, what blocks the reactor, whether a worker lives."""
