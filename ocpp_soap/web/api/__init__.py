"""The REST API under ``/api/v1``. Importing this package loads Flask, so it is imported with the first request only."""
