"""What is done to workers: force disconnects, the stop of the master, and what is written down of it."""
