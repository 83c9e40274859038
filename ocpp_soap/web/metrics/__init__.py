"""``/metrics`` for Prometheus, the same from whichever worker answers.

Each worker counts in its own memory, which costs a message about a microsecond, and writes what it has counted into a
file of a shared folder once a second. A scrape adds up the files of all workers, those that ended included, and
counts stations, sessions and commands in the store.
"""

from ocpp_soap.web.metrics.endpoint import Metrics

__all__ = ["Metrics"]
