"""The operator's command line, and the demonstration."""
