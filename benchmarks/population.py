"""Stores filled as if a fleet had been at work for long: stations, closed transactions, statuses, meter values."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from ocpp_soap.central_system.collections import (
    CONNECTORS,
    CONTACTS,
    METER_VALUES,
    STATIONS,
    STATUSES,
    TRANSACTION_ID,
    TRANSACTIONS,
)
from ocpp_soap.central_system.meter_values import MeterRecord
from ocpp_soap.central_system.records import document_of
from ocpp_soap.central_system.stations import Station, stored_form
from ocpp_soap.central_system.statuses import ConnectorStatus
from ocpp_soap.central_system.transactions import Transaction, TransactionState
from ocpp_soap.storage.base import Document, Storage

BATCH = 5_000
SAMPLES, VALUES = 10, 4
VENDORS = 50
_BEGIN = datetime(2025, 1, 1, tzinfo=timezone.utc)
_PROPERTIES = (
    ("Energy.Active.Import.Register", "Wh"),
    ("Power.Active.Import", "W"),
    ("Current.Import", "Amp"),
    ("Voltage", "Volt"),
)


def identity(number: int) -> str:
    """The charge box identity of a station of the population."""
    return f"CP{number:07}"


def add_stations(store: Storage, begin: int, end: int) -> None:
    """Add the stations from ``begin`` on, heard a moment ago."""
    now = datetime.now(timezone.utc)
    for batch in _batches("stations", begin, end):
        store.put(STATIONS, {identity(n): stored_form(_station(n, now)) for n in batch})
        contact = {"last_seen": now, "peer": "127.0.0.1"}
        store.put(CONTACTS, {identity(n): {"charge_box_identity": identity(n), **contact} for n in batch})


def add_history(store: Storage, begin: int, end: int) -> None:
    """Give each of these stations a closed transaction and a status."""
    for batch in _batches("transactions and statuses", begin, end):
        store.put(TRANSACTIONS, {f"{n:040x}": document_of(_transaction(n)) for n in batch})
        statuses = {n: document_of(_status(n)) for n in batch}
        store.append(STATUSES, [(f"old-{n}", status) for n, status in statuses.items()])
        store.put(CONNECTORS, {f"{identity(n)}:1": status for n, status in statuses.items()})
    store.increment(TRANSACTION_ID, end - begin)


def add_meter_values(store: Storage, messages: int, stations: int) -> None:
    """Add so many messages of 10 samples with 4 values, spread over the stations and their transactions."""
    for batch in _batches("messages of meter values", 0, messages):
        store.append(METER_VALUES, [(f"old-{n}", _meter_record(n, stations)) for n in batch])


def _batches(what: str, begin: int, end: int) -> Iterator[range]:
    started = time.monotonic()
    for start in range(begin, end, BATCH):
        yield range(start, min(end, start + BATCH))
    print(f"  {end - begin:,} {what} in {time.monotonic() - started:.0f} s", file=sys.stderr)


def _station(number: int, now: datetime) -> Station:
    vendor = f"Vendor {number % VENDORS}"
    boot = {"charge_point_vendor": vendor, "charge_point_model": "Wall"}
    return Station(
        charge_box_identity=identity(number),
        registered_at=now,
        version="1.5",
        learned_url="http://198.51.100.7:9221/",
        vendor=vendor,
        model="Wall",
        boot=boot,
        booted_at=now,
    )


def _transaction(number: int) -> Transaction:
    start = _BEGIN + timedelta(seconds=number)
    return Transaction(
        charge_box_identity=identity(number),
        begun_at=start,
        state=TransactionState.CLOSED.value,
        transaction_id=number + 1,
        version="1.5",
        connector_id=1,
        id_tag=f"TAG{number}",
        tag_key=f"tag{number}",
        start_time=start,
        start_received_at=start,
        meter_start=0,
        id_tag_info={"status": "Accepted"},
        stop_time=start + timedelta(hours=1),
        stop_received_at=start + timedelta(hours=1),
        meter_stop=7_000,
    )


def _status(number: int) -> ConnectorStatus:
    return ConnectorStatus(
        charge_box_identity=identity(number),
        connector_id=1,
        status="Available",
        error_code="NoError",
        timestamp=_BEGIN,
        received_at=_BEGIN,
        version="1.5",
    )


def _meter_record(number: int, stations: int) -> Document:
    at = _BEGIN + timedelta(seconds=number)
    values = [{"value": f"{number}", "measurand": measurand, "unit": unit} for measurand, unit in _PROPERTIES]
    record = MeterRecord(
        charge_box_identity=identity(number % stations),
        connector_id=1,
        timestamp=at,
        received_at=at,
        source="MeterValues",
        version="1.5",
        transaction_id=number % stations + 1,
        samples=[{"timestamp": at + timedelta(seconds=second), "value": values} for second in range(SAMPLES)],
    )
    return document_of(record)
