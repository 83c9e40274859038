"""What is longer than any document is stored as far as it fits every store, and the energy is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from storage_servers import FirestoreEmulator, firestore_command

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.collections import ALL
from ocpp_soap.central_system.texts import LONGEST_ID_TAG
from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.messages import (
    AuthorizeRequest,
    BootNotificationRequest,
    FirmwareStatusNotificationRequest,
    HeartbeatRequest,
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
    TransactionData,
)
from ocpp_soap.storage.encoding import encode
from ocpp_soap.storage.firebase import FirebaseStorage

MIB = 2**20
LONG = "é" * 450_000
"""Nearly as long as a request may be."""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreEmulator]:
    if firestore_command("gcloud") is None:
        pytest.skip("there is no Firestore emulator: gcloud components install cloud-firestore-emulator")
    server = FirestoreEmulator(tmp_path_factory.mktemp("firestore"))
    yield server
    server.stop()


@pytest.fixture(params=["file", "firebase"])
def system(
    request: pytest.FixtureRequest,
    make_central_system: Callable[..., CentralSystem],
    monkeypatch: pytest.MonkeyPatch,
) -> CentralSystem:
    if request.param == "file":
        return make_central_system()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("emulator").address)
    return make_central_system(store=FirebaseStorage(f"test-{uuid4().hex[:12]}"))


@pytest.fixture
def tell(system: CentralSystem, send: Callable[..., Any]) -> Callable[..., Any]:
    """Send a request to the system."""
    return lambda request, **values: send(request, to=system, **values)


@pytest.fixture
def start(noon: datetime) -> StartTransactionRequest:
    return StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=0)


def kinds(warnings: list[dict[str, str]]) -> list[str]:
    return [f"{warning['kind']} {warning['where']}" for warning in warnings]


@pytest.mark.parametrize("tag", ["x" * 3000, "." * 2000, "🔌" * 500])
def test_a_tag_that_no_table_holds_is_invalid_and_its_transaction_recorded_whole(
    system: CentralSystem, tell: Callable[..., Any], start: StartTransactionRequest, noon: datetime, tag: str
) -> None:
    assert tell(AuthorizeRequest(id_tag=tag)).id_tag_info.status == "Invalid"
    started = tell(replace(start, id_tag=tag))
    assert started.id_tag_info.status == "Invalid"
    assert tell(replace(start, id_tag=tag.upper())) == started
    stop = StopTransactionRequest(transaction_id=started.transaction_id, id_tag=tag, timestamp=noon, meter_stop=7)
    assert tell(stop).id_tag_info.status == "Invalid"
    (transaction,) = system.transactions.list(id_tag=tag.upper()).items
    assert (transaction.state, transaction.id_tag, transaction.stop_id_tag) == ("closed", tag, tag)
    assert system.transactions.list(id_tag=f"{tag}x").items == []


def test_a_tag_that_no_document_holds_is_cut_with_a_warning(
    system: CentralSystem, tell: Callable[..., Any], start: StartTransactionRequest, noon: datetime
) -> None:
    started = tell(replace(start, id_tag=LONG)).transaction_id
    tell(StopTransactionRequest(transaction_id=started, id_tag=LONG, timestamp=noon, meter_stop=7))
    tell(StopTransactionRequest(transaction_id=-1, id_tag=LONG, timestamp=noon, meter_stop=7))
    closed, orphan = system.transactions.list().items
    assert closed.id_tag == closed.stop_id_tag == orphan.id_tag == LONG[:LONGEST_ID_TAG]
    for warnings in (closed.start_warnings, closed.stop_warnings, orphan.stop_warnings):
        assert kinds(warnings) == ["cut_short idTag"]
    told = {event.kind: event for event in system.events.list(descending=True).items}
    assert told["transaction.started"].data["id_tag"] == LONG[:LONGEST_ID_TAG]


def test_a_stop_closes_whatever_the_size_of_a_value_that_it_brings(
    system: CentralSystem, tell: Callable[..., Any], start: StartTransactionRequest, noon: datetime
) -> None:
    started = tell(start).transaction_id
    sent = "".join(str(number) for number in range(400_000))
    value = [SampledValue(value="1"), SampledValue(value=sent, format="SignedData", unit=LONG), SampledValue(value="2")]
    data = [TransactionData(values=[MeterValue(timestamp=noon, value=value)])]
    stop = StopTransactionRequest(transaction_id=started, timestamp=noon, meter_stop=7, transaction_data=data)
    for _ in range(2):
        tell(stop)
    transaction = system.transactions.get(started)
    assert transaction is not None
    assert (transaction.state, transaction.energy) == ("closed", 7)
    assert kinds(transaction.stop_warnings) == ["cut_short unit", "value_divided value"]
    records = system.meter_values.list(transaction_id=started).items
    values = [value.value for record in records for meter in record.meter_values for value in meter.value]
    assert "".join(values) == f"1{sent}2"
    assert all("value_divided value" in kinds(record.warnings) for record in records)


def test_meter_values_keep_a_value_that_no_document_holds(
    system: CentralSystem, tell: Callable[..., Any], noon: datetime
) -> None:
    values = [MeterValue(timestamp=noon, value=[SampledValue(value=LONG)])]
    tell(MeterValuesRequest(connector_id=1, values=values))
    records = system.meter_values.list(charge_box_identity="CP001").items
    assert "".join(s.value for record in records for v in record.meter_values for s in v.value) == LONG


def test_what_else_a_station_says_is_cut_with_a_warning(system: CentralSystem, tell: Callable[..., Any]) -> None:
    boot: list[MessageWarning] = []
    tell(BootNotificationRequest(charge_point_vendor=LONG, charge_point_model="M", iccid=LONG), warnings=boot)
    status: list[MessageWarning] = []
    tell(StatusNotificationRequest(connector_id=1, status=LONG, error_code="X", info=LONG), warnings=status)
    tell(FirmwareStatusNotificationRequest(status=LONG))
    tell(HeartbeatRequest(), callback_url=f"http://127.0.0.1/{LONG}")
    assert [(w.kind, w.where) for w in boot] == [("cut_short", "chargePointVendor"), ("cut_short", "iccid")]
    assert [warning.where for warning in status] == ["status", "info"]
    station = system.stations.get("CP001")
    assert station is not None
    assert (station.vendor, station.model, station.boot["iccid"]) == (LONG[:255], "M", LONG[:255])  # type: ignore[index]
    assert station.callback_url == ""
    assert [s.charge_box_identity for s in system.stations.list(vendor=LONG[:255]).items] == ["CP001"]
    (connector,) = system.statuses.current("CP001")
    assert (connector.status, connector.info) == (LONG[:255], LONG[:1000])
    assert kinds(connector.warnings) == ["cut_short status", "cut_short info"]
    system.events.flush()
    assert len(system.events.list(descending=True).items) == 4


def test_warnings_of_long_names_are_cut(system: CentralSystem, tell: Callable[..., Any]) -> None:
    tell(HeartbeatRequest(), warnings=[MessageWarning("unknown_element", LONG)])
    station = system.stations.get("CP001")
    assert station is not None
    assert list(station.oddities) == [f"unknown_element {LONG[:100]}"]


def test_no_document_is_larger_than_a_store_takes(
    make_central_system: Callable[..., CentralSystem],
    send: Callable[..., Any],
    start: StartTransactionRequest,
    noon: datetime,
) -> None:
    system, longest = make_central_system(), "🔌" * 1_000_000
    warnings = [MessageWarning("unknown_element", f"{number}{longest}") for number in range(100)]
    meter = [MeterValue(timestamp=noon, value=[SampledValue(value=longest, unit=longest)] * 2)]
    data = [TransactionData(values=meter)]
    for request in (
        BootNotificationRequest(charge_point_vendor=longest, charge_point_model=longest, meter_type=longest),
        StatusNotificationRequest(connector_id=1, status=longest, error_code=longest, info=longest, vendor_id=longest),
        replace(start, id_tag=longest),
        MeterValuesRequest(connector_id=1, values=meter),
        StopTransactionRequest(transaction_id=1, id_tag=longest, timestamp=noon, meter_stop=7, transaction_data=data),
        StopTransactionRequest(transaction_id=-1, id_tag=longest, timestamp=noon, meter_stop=7),
    ):
        send(request, to=system, warnings=list(warnings))
    system.events.flush()
    for collection in ALL:
        for stored in system.store.find(collection).items:
            assert len(encode(stored.document).encode()) < MIB - 2000, collection.name
