"""What is made of what the probe sees: logbook, verdicts, release, shutdown, and the service."""
