"""One type for each answer: built by the service, stored by db, encoded by www, documented in OpenAPI."""
