"""The audit trail of the command line: which commands change something, and what is noted of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.cli.author import author
from ocpp_soap.cli.output import rfc3339
from ocpp_soap.errors import AlreadyExists, ConfigurationError, NotFound

CHANGES: Mapping[tuple[str, str], str] = {
    ("commands", "cancel"): "command_id",
    ("configuration", "apply"): "",
    ("configuration", "read"): "",
    ("files", "add-firmware"): "",
    ("files", "diagnostics"): "",
    ("files", "remove"): "file_id",
    ("files", "update"): "",
    ("labels", "add"): "label",
    ("labels", "remove"): "label",
    ("lists", "sync"): "",
    ("messages", "remove"): "",
    ("messages", "replay"): "",
    ("reservations", "add"): "",
    ("reservations", "cancel"): "reservation_id",
    ("stations", "allow"): "charge_box_identity",
    ("stations", "block"): "charge_box_identity",
    ("stations", "profile"): "charge_box_identity",
    ("stations", "require"): "charge_box_identity",
    ("stations", "set-heartbeat-interval"): "charge_box_identity",
    ("stations", "set-url"): "charge_box_identity",
    ("tags", "add"): "id_tag",
    ("tags", "block"): "id_tag",
    ("tags", "remove"): "id_tag",
    ("transactions", "close"): "transaction_id",
    ("webhooks", "add"): "",
    ("webhooks", "pause"): "webhook_id",
    ("webhooks", "resume"): "webhook_id",
    ("webhooks", "remove"): "webhook_id",
    ("webhooks", "redeliver"): "",
}
"""The commands that are noted, each with the parameter that names what it changes, if there is one.

Every ``call`` is noted too. ``keys`` notes what it does itself, for only it knows the key that it made.
"""

NOTHING_DONE = (click.ClickException, AlreadyExists, ConfigurationError, NotFound)
"""What ends a command before it has changed or sent anything."""

LONGEST_VALUE = 1_000
_OF_PRINTING = {"as_json", "limit"}


def note(ctx: click.Context, system: CentralSystem, end: BaseException | None = None) -> None:
    """Write what the command of ``ctx`` has done into the audit trail, if it is one that changes something.

    ``end`` is what ended it before its time; the entry says so as ``failure``.
    """
    above = ctx.parent or ctx
    group, name = str(above.command.name), str(ctx.command.name)
    given = dict(ctx.params)
    if group == "call":
        target = "/commands"
        given |= above.params
    elif (group, name) in CHANGES:
        parameter = CHANGES[group, name]
        target = f"/{group}/{given.pop(parameter)}" if parameter else f"/{group}"
    else:
        return
    if end is not None and not isinstance(end, click.exceptions.Exit):
        given["failure"] = str(end) or type(end).__name__
    data = {key: _plain(value) for key, value in given.items() if key not in _OF_PRINTING}
    data = {key: value for key, value in data.items() if value is not None and value is not False and value != []}
    system.audit.add(author(), f"{group}.{name}", target, data=data)


def _plain(value: Any) -> Any:
    """A parameter as it is kept: files by their names, what is long or was not given not at all."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping) and not hasattr(value, "name"):
        value = [_plain(item) for item in value]
    elif not isinstance(value, str | int | float | Mapping | None):
        value = str(getattr(value, "name", value))
    return value if len(repr(value)) <= LONGEST_VALUE else None
