"""What running a fleet stores beside the messages of its stations."""

from __future__ import annotations

from ocpp_soap.storage.base import Collection

COMMANDS = Collection(
    "commands",
    indexes=(
        ("created_at",),
        ("state", "created_at"),
        ("charge_box_identity", "created_at"),
        ("charge_box_identity", "is_open", "created_at"),
        ("batch_id", "created_at"),
        ("closed_at",),
    ),
)
"""Persistent commands, by their number in ten digits; ``is_open`` until they are done, failed, expired or cancelled."""

LINES = Collection("command_lines", indexes=(("due_at",),))
"""One for each station with open commands, by identity: when to look at it next, and who works on it until when."""

DUTIES = Collection("duties")
"""When what must be looked after is looked after next, and how far each duty came."""

SILENCES = Collection("silences", indexes=(("since",),))
"""The stations that are silent now, by identity."""

LOCAL_LISTS = Collection("local_lists", indexes=(("state",),))
"""What the local authorisation list of each station holds as far as known, by identity."""

RESERVATIONS = Collection(
    "reservations",
    indexes=(
        ("created_at",),
        ("state", "created_at"),
        ("charge_box_identity", "created_at"),
        ("is_open", "expiry_date"),
    ),
)
"""Reservations, by their id in ten digits; ``is_open`` until used, cancelled, expired or refused."""

RESERVED = Collection("reserved_connectors")
"""The open reservation of each connector, by ``identity:connector``: two at once cannot be."""

CONFIGURATIONS = Collection("configurations")
"""The last known configuration keys of each station, by identity."""

GRANTS = Collection("file_grants", indexes=(("expires_at",),))
"""The right of a station to move files, by the random name that is its user name."""

FILES = Collection("files", indexes=(("received_at",), ("charge_box_identity", "received_at")))
"""The files that stations uploaded, by their id."""

LABELS = Collection("labels", indexes=(("label", "charge_box_identity"), ("charge_box_identity",)))
"""Which station has which label, by ``label:identity``."""

FLEET = (COMMANDS, LINES, DUTIES, SILENCES, LOCAL_LISTS, RESERVATIONS, RESERVED, CONFIGURATIONS, GRANTS, FILES, LABELS)
"""Every collection of this module."""

RESERVATION_ID = "reservation_id"
"""The counter that the ids of reservations come from."""

COMMAND_ID = "command_id"
"""The counter that the numbers of commands and batches come from."""
