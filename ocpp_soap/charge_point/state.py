"""What a station must not forget when it is off: clock, settings, list, availability, reservations, sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ocpp_soap.charge_point.documents import from_document, to_document
from ocpp_soap.charge_point.local_list import ListEntry
from ocpp_soap.charge_point.reservations import Reservation
from ocpp_soap.messages import IdTagInfo, MeterValue, UpdateFirmwareRequest
from ocpp_soap.storage.base import Collection, Document, Storage

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station
    from ocpp_soap.charge_point.transaction import Transaction

STATE = Collection("charge_point_state")
"""One document for each station, under its identity."""

CONNECTORS = Collection("charge_point_connectors")
"""One document for each station: its connectors, with their registers and transactions.

It is written at each reading, and is small whatever the list holds.
"""

TRANSACTION_DATA = Collection("charge_point_transaction_data", indexes=(("transaction",),))
"""One document for each entry of what a transaction collects for its Stop: transaction (its handle), values.

Each is written once, as all of them would be too much to write at each reading.
"""


class StoredState:
    """The state of one station in a store; without a store, nothing is kept."""

    def __init__(self, storage: Storage | None, station: Station) -> None:
        self._storage = storage
        self._station = station
        self._restored = False
        self._clock_offset = timedelta()

    def save(self) -> None:
        """Write the state as it is now, once it is restored: a station that was never switched on overwrites nothing.

        The connectors are written first: a state of an earlier version may still be the only place that has them.
        """
        if self._storage is not None and self._restored:
            self.save_connectors()
            self._clock_offset = self._offset_of_machine()
            self._put(STATE, self._station.charge_box_identity, self._document())

    def keep_clock(self, tolerance: timedelta) -> None:
        """Write the state if the machine's clock was set since: what is saved is by how much the station's is ahead."""
        if abs(self._offset_of_machine() - self._clock_offset) > tolerance:
            self.save()

    def save_connectors(self) -> None:
        """Write only what changes with each reading."""
        if self._storage is not None and self._restored:
            connectors = {str(c.connector_id): self._connector(c) for c in self._station.connectors.values()}
            self._put(CONNECTORS, self._station.charge_box_identity, {"connectors": connectors})

    def restore(self) -> None:
        """Take over what was saved; the station decides on the transactions that ran when it was switched off.

        Earlier versions kept the connectors in the state: they count until there is a document of their own.
        """
        if self._storage is None:
            return
        state, connectors = (self._storage.get(c, self._station.charge_box_identity) for c in (STATE, CONNECTORS))
        if state is not None:
            self._take_over(state.document)
        saved = connectors or state
        if saved is not None:
            self._take_over_connectors(saved.document.get("connectors", {}))
        self._restored = True
        if saved is not None:
            self._station.availability.transaction_ended()

    def save_data(self, transaction: Transaction) -> None:
        """Add the last entry of what a transaction has collected."""
        if self._storage is not None:
            key = f"{transaction.handle}/{len(transaction.data):06d}"
            document = {"transaction": transaction.handle, "values": to_document(transaction.data[-1])}
            self._put(TRANSACTION_DATA, key, document)

    def data_of(self, handle: str) -> list[MeterValue]:
        """What a transaction had collected, in its order."""
        if self._storage is None:
            return []
        found = self._storage.find_all(TRANSACTION_DATA, {"transaction": handle})
        return [from_document(MeterValue, stored.document["values"]) for stored in found]

    def forget_data(self, handle: str) -> None:
        """Remove what a transaction had collected; its Stop was answered or given up."""
        storage = self._storage
        if storage is None:
            return

        def delete() -> None:
            while storage.delete_where(TRANSACTION_DATA, {"transaction": handle}):
                pass

        self._station.keeping.write(handle, delete)

    def _put(self, collection: Collection, key: str, document: Document) -> None:
        if self._storage is not None:
            storage = self._storage
            self._station.keeping.write((collection.name, key), lambda: storage.put(collection, {key: document}))

    def _offset_of_machine(self) -> timedelta:
        """By how much the station's clock is ahead of the machine's as that is set now."""
        return self._station.offset - self._station.schedule.clock_set_by()

    def _document(self) -> Document:
        station = self._station
        local_list = station.local_list
        return {
            "clock_offset": self._clock_offset.total_seconds(),
            "configuration": station.configuration.values(),
            "firmware_version": station.firmware_version,
            "firmware_in_place_of": station.options.firmware_version,
            "firmware_update": to_document(pending) if (pending := station.firmware.pending) else None,
            "list_version": local_list.list_version,
            "list": [
                {"id_tag": e.id_tag, "info": to_document(e.info), "synchronised": e.synchronised}
                for e in local_list.entries()
            ],
            "operative": station.availability.operative,
            "scheduled_inoperative": station.availability.scheduled_inoperative,
            "reservations": [
                {name: getattr(reservation, name) for name in Reservation.__slots__}
                for reservation in station.reservations
            ],
        }

    def _connector(self, connector: Any) -> Document:
        transaction = connector.transaction
        energy = connector.meter.energy(self._station.now())
        document: Document = {
            "operative": connector.operative,
            "scheduled_inoperative": connector.scheduled_inoperative,
            "energy": energy,
        }
        if transaction is not None:
            document["transaction"] = {
                "handle": transaction.handle,
                "id_tag": transaction.id_tag,
                "transaction_id": transaction.transaction_id,
                "seen": self._station.now(),
            }
        return document

    def _take_over(self, document: Document) -> None:
        station = self._station
        station.offset = self._clock_offset = timedelta(seconds=document.get("clock_offset", 0.0))
        for name, value in document["configuration"].items():
            station.configuration.set(name, value)
        if document.get("firmware_in_place_of") == station.options.firmware_version:  # else it is another one's update
            station.firmware_version = document["firmware_version"]
        entries = [
            ListEntry(e["id_tag"], from_document(IdTagInfo, e["info"]), e["synchronised"]) for e in document["list"]
        ]
        station.local_list.restore(document["list_version"], entries)
        station.availability.operative = document["operative"]
        station.availability.scheduled_inoperative = document["scheduled_inoperative"]
        for reservation in document["reservations"]:
            is_there = reservation["connector_id"] in (0, *station.connectors)
            if is_there and reservation["expiry_date"] > station.now():
                station.reservations.add(Reservation(**reservation))
        if document.get("firmware_update"):
            station.firmware.update(from_document(UpdateFirmwareRequest, document["firmware_update"]))

    def _take_over_connectors(self, document: Document) -> None:
        station = self._station
        for connector_id, saved in document.items():
            connector = station.connectors.get(int(connector_id))
            if connector is not None:
                connector.operative = saved["operative"]
                connector.scheduled_inoperative = saved["scheduled_inoperative"]
                station.restore_meter(connector, saved["energy"])
            if "transaction" in saved and not station.outbox.holds_stop(saved["transaction"]["handle"]):
                station.ran_before(int(connector_id), saved["transaction"], saved["energy"])
