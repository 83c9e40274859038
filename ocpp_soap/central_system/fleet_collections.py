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

FLEET = (COMMANDS, LINES, DUTIES, SILENCES)
"""Every collection of this module."""

COMMAND_ID = "command_id"
"""The counter that the numbers of commands and batches come from."""
