"""What answers HTTP: the router, health, metrics and the REST API."""
