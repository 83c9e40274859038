"""The kinds of documents that the central system stores, with the searches that each serves.

Keys are chosen so that what must not happen twice cannot: a transaction by the content of its start, meter values by
their own content, a station by its identity. Nothing here grows with use inside one document.
"""

from __future__ import annotations

from ocpp_soap.central_system.fleet_collections import COMMAND_ID, FLEET, RESERVATION_ID
from ocpp_soap.storage.base import Collection, Only

STATIONS = Collection(
    "stations",
    indexes=(
        ("registration", "charge_box_identity"),
        ("vendor", "charge_box_identity"),
        ("registration", "vendor", "charge_box_identity"),
        ("folded_identity",),
        ("heartbeat_interval",),
    ),
)
"""One for each charge box identity, which is the key: registration, what it said at boot, how it is called back."""

CONTACTS = Collection("contacts", indexes=(("last_seen",),))
"""When each station was last heard, by identity: apart from STATIONS because it changes with every message."""

SECRETS = Collection("secrets")
"""What must not be shown: hashes of the passwords that stations send, and the passwords that we send to stations."""

TAGS = Collection("tags", indexes=(("status",), ("parent_key",)))
"""The idTags, by their folded spelling: stored status, expiry date, parent, allowed concurrent transactions."""

_OPEN = Only("state", "open")

TRANSACTIONS = Collection(
    "transactions",
    indexes=(
        ("transaction_id",),
        ("charge_box_identity", _OPEN, "begun_at"),
        ("charge_box_identity", "begun_at"),
        ("tag_key", _OPEN),
        ("tag_key", "begun_at"),
        (_OPEN, "begun_at"),
        (Only("state", "orphan"), "begun_at"),
        ("begun_at",),
    ),
    watched=("charge_box_identity",),
)
"""Charging sessions, by the digest of their start; a stop that belongs to none, by its own digest, as ``orphan``."""

METER_VALUES = Collection(
    "meter_values",
    indexes=(("charge_box_identity", "received_at"), ("transaction_id", "timestamp")),
    append_only=True,
    telemetry=True,
)
"""Meter values as received, one document for each message (several for a big one), by the digest of their content."""

STATUSES = Collection("statuses", indexes=(("charge_box_identity", "received_at"),), append_only=True, telemetry=True)
"""Every StatusNotification."""

CONNECTORS = Collection(
    "connectors", indexes=(("charge_box_identity", "connector_id"), ("status",)), latest="received_at", telemetry=True
)
"""The latest status of each connector, by ``identity:connector``."""

NOTIFICATIONS = Collection("notifications", indexes=(("charge_box_identity", "kind"),), append_only=True)
"""Every FirmwareStatusNotification and DiagnosticsStatusNotification, in the order of arrival."""

EVENTS = Collection("events", indexes=(("charge_box_identity",), ("kind",), ("at",)), append_only=True, telemetry=True)
"""What happened, in the order in which it was stored."""

API_KEYS = Collection("api_keys", indexes=(("name",),))
"""The keys of the REST API, by their id: name, role, the digest of the secret."""

AUDIT = Collection("audit", indexes=(("actor",), ("target",)), append_only=True)
"""Every change that somebody asked for by the REST API or made to its keys."""

WEBHOOKS = Collection("webhooks")
"""Where events are sent, and up to which event that is done."""

DEAD_LETTERS = Collection("dead_letters", indexes=(("webhook_id", "failed_at"),))
"""Events that a webhook's receiver did not take."""

JOURNAL = Collection(
    "messages",
    indexes=(("charge_box_identity", "at"), ("outcome", "at"), ("at",)),
    append_only=True,
    telemetry=True,
)
"""The message journal."""

KEPT = Collection("kept_envelopes", indexes=(("state", "at"), ("at",)))
"""Starts, stops and meter values that were answered with a fault, by the digest of their content."""

KEPT_PARTS = Collection("kept_parts")
"""The bytes of the kept envelopes, packed, in parts that fit into a document."""

ALL = (
    STATIONS,
    CONTACTS,
    SECRETS,
    TAGS,
    TRANSACTIONS,
    METER_VALUES,
    STATUSES,
    CONNECTORS,
    NOTIFICATIONS,
    JOURNAL,
    KEPT,
    KEPT_PARTS,
    EVENTS,
    *FLEET,
    API_KEYS,
    AUDIT,
    WEBHOOKS,
    DEAD_LETTERS,
)
"""Every collection of the central system, for backends that create indexes and for copying a store."""

TRANSACTION_ID = "transaction_id"
"""The counter that transaction ids come from."""

COUNTERS = (TRANSACTION_ID, COMMAND_ID, RESERVATION_ID)
"""Every counter of the central system, for copying a store."""
