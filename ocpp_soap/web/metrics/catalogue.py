"""Every metric, in the order in which they are shown. ``docs/metrics.md`` explains them."""

from __future__ import annotations

from ocpp_soap.web.metrics.exposition import Metric

MESSAGES = Metric(
    "ocpp_messages_total",
    "counter",
    "Requests of charge points, by what they were answered: ok, the subcode of a fault, or why there was no envelope.",
    ("action", "version", "outcome"),
)
MESSAGE_SECONDS = Metric(
    "ocpp_message_seconds",
    "histogram",
    "How long requests of charge points took, from their first byte read to their answer made.",
    ("action", "version"),
)
REFUSALS = Metric(
    "ocpp_refusals_total", "counter", "Requests of charge points that were not answered as asked.", ("outcome", "kind")
)
WARNINGS = Metric(
    "ocpp_warnings_total", "counter", "What was understood although it breaks the specification.", ("kind",)
)
STORE_SECONDS = Metric(
    "ocpp_store_seconds", "histogram", "How long the store took, waiting for others included.", ("verb", "outcome")
)
API_SECONDS = Metric(
    "ocpp_api_seconds", "histogram", "How long requests of the REST API took.", ("operation", "method", "status")
)
STATIONS = Metric("ocpp_stations", "gauge", "Known charge points.", ("registration",))
CONNECTORS = Metric("ocpp_connectors", "gauge", "Connectors by their current status.", ("status",))
OPEN_TRANSACTIONS = Metric("ocpp_transactions_open", "gauge", "Charging sessions that are open.")
COMMANDS = Metric("ocpp_commands", "gauge", "Persistent commands by their state.", ("state",))
WORKERS = Metric("ocpp_workers", "gauge", "Worker processes that share these figures.")
INFO = Metric("ocpp_soap_info", "gauge", "The version of this software.", ("version",))

ALL = (
    MESSAGES,
    MESSAGE_SECONDS,
    REFUSALS,
    WARNINGS,
    STORE_SECONDS,
    API_SECONDS,
    STATIONS,
    CONNECTORS,
    OPEN_TRANSACTIONS,
    COMMANDS,
    WORKERS,
    INFO,
)
