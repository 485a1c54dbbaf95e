"""The REST API and the www plugin: asks the service, never the tables."""
