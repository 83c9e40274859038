"""What running a fleet stores beside the messages: persistent commands and the line of each station."""

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
    ),
)
"""Persistent commands, by their number in ten digits; ``is_open`` until they are done, failed, expired or cancelled."""

LINES = Collection("command_lines", indexes=(("due_at",),))
"""One for each station with open commands, by identity: when to look at it next, and who works on it until when."""

FLEET = (COMMANDS, LINES)
"""Every collection of this module."""

COMMAND_ID = "command_id"
"""The counter that the numbers of commands and batches come from."""
