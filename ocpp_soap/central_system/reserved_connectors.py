"""Which connectors are reserved: one open reservation for each, however many processes ask at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone

from ocpp_soap.central_system.fleet_collections import RESERVED
from ocpp_soap.errors import AlreadyExists, RevisionConflict
from ocpp_soap.storage.base import Storage

ANY_CONNECTOR = 0
"""A reservation of any connector takes none: the station itself keeps one free."""


class ReservedConnectors:
    """The reserved connectors of all stations. ``is_open`` tells of the id of a reservation whether it still counts.

    One that ended without letting go of its connector, because its process or the store failed, has it no more.
    """

    def __init__(self, store: Storage, is_open: Callable[[int], bool]) -> None:
        self._store = store
        self._is_open = is_open

    def take(self, charge_box_identity: str, connector_id: int, reservation_id: int, until: datetime) -> None:
        """Reserve a connector. Raises ValueError, naming the reservation that has it."""
        if connector_id == ANY_CONNECTOR:
            return
        key = reserved_key(charge_box_identity, connector_id)
        content = {"reservation_id": reservation_id, "until": until}
        while True:
            stored = self._store.get(RESERVED, key)
            try:
                if stored is None:
                    self._store.create(RESERVED, key, content)
                elif stored.document["until"] <= datetime.now(timezone.utc) or not self._is_open(
                    stored.document["reservation_id"]
                ):
                    self._store.replace(RESERVED, key, content, revision=stored.revision)
                else:
                    other = stored.document
                    raise ValueError(
                        f"connector {connector_id} of {charge_box_identity} is reserved until "
                        f"{other['until'].isoformat()} by reservation {other['reservation_id']}"
                    )
            except (AlreadyExists, RevisionConflict):
                continue
            return

    def free(self, charge_box_identity: str, connector_id: int, reservation_id: int) -> None:
        """Let go of a connector, if that reservation has it."""
        key = reserved_key(charge_box_identity, connector_id)
        stored = self._store.get(RESERVED, key)
        if stored is not None and stored.document["reservation_id"] == reservation_id:
            with suppress(RevisionConflict):
                self._store.delete(RESERVED, key, revision=stored.revision)

    def reserved_by(self, charge_box_identity: str, connector_id: int) -> int | None:
        """The id of the reservation that has the connector, or None."""
        stored = self._store.get(RESERVED, reserved_key(charge_box_identity, connector_id))
        return None if stored is None else int(stored.document["reservation_id"])


def reserved_key(charge_box_identity: str, connector_id: int) -> str:
    """The key in RESERVED of what has reserved a connector."""
    return f"{charge_box_identity}:{connector_id}"
