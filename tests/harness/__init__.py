"""Real masters, real databases, a real browser for the tests. See tests/harness/README.md."""
