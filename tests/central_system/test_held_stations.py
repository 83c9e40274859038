"""Stations that are held until an operator decides (registration.unknown_charge_points: hold)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.errors import SecurityError
from ocpp_soap.messages import (
    BootNotificationRequest,
    HeartbeatRequest,
    MeterValuesRequest,
    StartTransactionRequest,
)

BOOT = BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


@pytest.fixture
def system(make_central_system: Any) -> CentralSystem:
    found: CentralSystem = make_central_system(REGISTRATION__UNKNOWN_CHARGE_POINTS="hold")
    return found


def test_an_unknown_station_is_held_and_listed_with_what_it_is(system: CentralSystem, make_call: Any) -> None:
    at = datetime.now(timezone.utc)
    answer = system.receive(make_call(BOOT, "NEW", peer="192.0.2.7", received_at=at))
    assert answer.status == "Rejected"
    (held,) = system.stations.list(registration="held").items
    assert (held.vendor, held.model, held.peer, held.last_seen) == ("Acme", "One", "192.0.2.7", at)
    assert held.registered_at is not None
    system.events.flush()
    (event,) = system.events.list(kinds=["station.held"]).items
    assert event.charge_box_identity == "NEW"


def test_a_held_station_may_only_report_energy(system: CentralSystem, make_call: Any) -> None:
    system.receive(make_call(BOOT, "NEW"))
    with pytest.raises(SecurityError):
        system.receive(make_call(HeartbeatRequest(), "NEW"))
    at = datetime.now(timezone.utc)
    start = StartTransactionRequest(connector_id=1, id_tag="TAG", timestamp=at, meter_start=0)
    assert system.receive(make_call(start, "NEW")).id_tag_info.status == "Blocked"
    system.receive(make_call(MeterValuesRequest(connector_id=1), "NEW"))
    assert [t.id_tag for t in system.transactions.list(charge_box_identity="NEW").items] == ["TAG"]


def test_an_approved_station_is_accepted_at_its_next_boot(system: CentralSystem, make_call: Any) -> None:
    system.receive(make_call(BOOT, "NEW"))
    system.approval.approve("NEW", by="operator")
    assert system.receive(make_call(BOOT, "NEW")).status == "Accepted"
    assert system.stations.list(registration="held").items == []
    (event,) = system.events.list(kinds=["station.approved"]).items
    assert event.data == {"by": "operator"}


def test_a_refused_station_stays_out(system: CentralSystem, make_call: Any) -> None:
    system.receive(make_call(BOOT, "NEW"))
    system.approval.refuse("NEW")
    assert system.receive(make_call(BOOT, "NEW")).status == "Rejected"
    assert [s.charge_box_identity for s in system.stations.list(registration="blocked").items] == ["NEW"]
