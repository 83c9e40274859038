"""The way of a message through the central system, and handlers of one's own."""

from __future__ import annotations

import textwrap
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem, Tag
from ocpp_soap.central_system.overview import overview
from ocpp_soap.errors import RetryLater, StoreUnavailable
from ocpp_soap.messages import (
    AuthorizeRequest,
    BootNotificationRequest,
    DataTransferRequest,
    HeartbeatRequest,
    MeterValuesRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
)

OWN_AUTHORIZE = """
    from ocpp_soap.messages import AuthorizeResponse, IdTagInfo

    MEMBERS = {"CLUB-1"}

    def handle(request, call):
        if request.id_tag in MEMBERS:
            return AuthorizeResponse(id_tag_info=IdTagInfo(status="Accepted"))
        return AuthorizeResponse(id_tag_info=call.central_system.tags.check(request.id_tag))
"""

VENDOR = """
    from ocpp_soap.messages import DataTransferResponse

    def handle(request, call):
        return DataTransferResponse(status="Accepted", data=call.charge_box_identity + ":" + request.data)
"""


@pytest.fixture
def own_handlers(tmp_path):
    folder = tmp_path / "mine" / "central_system"
    (folder / "data_transfer").mkdir(parents=True)
    (folder / "authorize.py").write_text(textwrap.dedent(OWN_AUTHORIZE))
    (folder / "data_transfer" / "com.acme.py").write_text(textwrap.dedent(VENDOR))
    return tmp_path / "mine"


def test_an_authorize_of_ones_own_decides_for_starts_and_stops_too(make_central_system, own_handlers, send, noon):
    system = make_central_system(own_handlers)
    system.tags.add(Tag(id_tag="KNOWN"))
    for tag, status in (("CLUB-1", "Accepted"), ("KNOWN", "Accepted"), ("OTHER", "Invalid")):
        assert send(AuthorizeRequest(id_tag=tag), to=system).id_tag_info.status == status
        start = StartTransactionRequest(connector_id=1, id_tag=tag, timestamp=noon, meter_start=0)
        started = send(start, to=system)
        assert started.id_tag_info.status == status
        stop = StopTransactionRequest(transaction_id=started.transaction_id, id_tag=tag, timestamp=noon, meter_stop=1)
        assert send(stop, to=system).id_tag_info.status == status


def test_data_transfer_is_answered_by_the_vendors_handler_only(make_central_system, own_handlers, send):
    system = make_central_system(own_handlers)
    answer = send(DataTransferRequest(vendor_id="com.acme", data="hello"), to=system)
    assert (answer.status, answer.data) == ("Accepted", "CP001:hello")
    for vendor_id in ("com.ACME", "com.acme.py", "../authorize", ""):
        answer = send(DataTransferRequest(vendor_id=vendor_id, data="hello"), to=system)
        assert (answer.status, answer.data) == ("UnknownVendorId", None)


def test_a_store_that_does_not_answer_asks_the_station_to_keep_its_message(central_system, send, monkeypatch):
    def unavailable(*_, **__):
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(central_system.store, "write", unavailable)
    with pytest.raises(RetryLater) as caught:
        send(MeterValuesRequest(connector_id=1))
    assert caught.value.status == 503
    assert "disk full" not in str(caught.value)


def test_a_configuration_is_enough_to_open_a_central_system(tmp_path, send):
    settings = config.load(None, {"OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path / "opened.db")})
    with CentralSystem.open(settings) as system:
        send(HeartbeatRequest(), to=system)
    with CentralSystem.open(settings) as system:
        assert system.stations.show("CP001").last_seen is not None


def test_an_overview_gathers_all_that_is_known_of_a_station(central_system, send, noon):
    assert overview(central_system, "CP001") is None
    send(StatusNotificationRequest(connector_id=1, status="Occupied", error_code="NoError"))
    started = send(StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=0))
    send(MeterValuesRequest(connector_id=1))
    gathered = overview(central_system, "CP001")
    assert gathered.station.last_seen is not None
    assert [c.status for c in gathered.connectors] == ["Occupied"]
    assert [t.transaction_id for t in gathered.open_transactions] == [started.transaction_id]
    assert len(gathered.meter_values) == 1
    assert (gathered.firmware, gathered.diagnostics) == (None, None)


def test_the_clock_of_a_station_is_compared_with_ours(central_system, send, noon):
    send(HeartbeatRequest())
    assert overview(central_system, "CP001").clock_skew is None
    ahead = timedelta(hours=2)
    late = StatusNotificationRequest(
        connector_id=1, status="Occupied", error_code="NoError", timestamp=noon - timedelta(days=1)
    )
    send(late, received_at=noon)
    send(StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon + ahead, meter_start=0), received_at=noon)
    assert overview(central_system, "CP001").clock_skew == 7200


def test_the_life_of_stations_and_transactions_is_logged_without_tags(make_central_system, send, noon):
    boot = BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="Wall")
    start = StartTransactionRequest(connector_id=1, id_tag="TAG-7", timestamp=noon, meter_start=5)
    for lifecycle in ("true", "false"):
        system = make_central_system(LOG__LIFECYCLE=lifecycle)
        identity = f"CP-{lifecycle}"
        with capture_logs() as logs:
            send(boot, identity, to=system)
            started = send(start, identity, to=system)
            stop = StopTransactionRequest(
                transaction_id=started.transaction_id, id_tag="TAG-7", timestamp=noon, meter_stop=9
            )
            send(stop, identity, to=system)
        told = ["charge point registered", "charge point started", "transaction started", "transaction stopped"]
        assert [line["event"] for line in logs] == (told if lifecycle == "true" else [])
        assert "TAG-7" not in str(logs)
