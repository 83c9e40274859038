"""Connector states and the other notifications."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ocpp_soap.central_system.notifications import Subject
from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.messages import (
    DiagnosticsStatusNotificationRequest,
    FirmwareStatusNotificationRequest,
    StatusNotificationRequest,
)


def notification(status, connector_id=1, **values):
    return StatusNotificationRequest(connector_id=connector_id, status=status, error_code="NoError", **values)


def test_the_current_status_is_the_last_that_arrived_whatever_its_own_time(central_system, send, noon):
    send(notification("Occupied", timestamp=noon + timedelta(days=1)))
    send(notification("Available", timestamp=noon - timedelta(days=1)))
    (current,) = central_system.statuses.current("CP001")
    assert (current.status, current.timestamp) == ("Available", noon - timedelta(days=1))
    assert current.received_at == noon + timedelta(seconds=2)
    assert [s.status for s in central_system.statuses.history("CP001").items] == ["Occupied", "Available"]


def test_an_older_message_that_is_processed_late_does_not_become_current(central_system, send, noon):
    send(notification("Available"), received_at=noon + timedelta(seconds=9))
    send(notification("Occupied"), received_at=noon + timedelta(seconds=8))
    assert [s.status for s in central_system.statuses.current("CP001")] == ["Available"]


def test_each_connector_and_the_station_as_a_whole_have_a_status(central_system, send):
    for connector in (2, 0, 10, 1):
        send(notification("Available", connector))
    assert [s.connector_id for s in central_system.statuses.current("CP001")] == [0, 1, 2, 10]
    assert central_system.statuses.current("CP002") == []


def test_the_history_can_be_read_for_one_connector_newest_first_in_pages(central_system, send):
    for status in ("Available", "Occupied", "Faulted"):
        send(notification(status, 1))
        send(notification("Available", 2))
    first = central_system.statuses.history("CP001", connector_id=1, descending=True, limit=2)
    rest = central_system.statuses.history("CP001", connector_id=1, descending=True, limit=2, after=first.next)
    assert [s.status for s in [*first.items, *rest.items]] == ["Faulted", "Occupied", "Available"]


def test_a_notification_without_time_means_the_time_of_receipt(central_system, send):
    send(notification("Available"))
    (current,) = central_system.statuses.current("CP001")
    assert current.timestamp == current.received_at


def test_a_status_of_the_stations_own_is_kept_raw_with_its_warning(central_system, send):
    send(
        notification("Charging", info="v2g", vendor_id="com.acme", vendor_error_code="E7"),
        warnings=[MessageWarning("unknown_choice", "status", "Charging")],
    )
    (current,) = central_system.statuses.current("CP001")
    assert (current.status, current.info) == ("Charging", "v2g")
    assert (current.vendor_id, current.vendor_error_code) == ("com.acme", "E7")
    assert current.warnings == [{"kind": "unknown_choice", "where": "status", "sent": "Charging"}]


@pytest.mark.parametrize(
    ("subject", "request_type", "statuses"),
    [
        (Subject.FIRMWARE, FirmwareStatusNotificationRequest, ["Downloaded", "Installed"]),
        (Subject.DIAGNOSTICS, DiagnosticsStatusNotificationRequest, ["UploadFailed", "Uploaded"]),
    ],
)
def test_firmware_and_diagnostics_have_a_latest_and_a_history(central_system, send, subject, request_type, statuses):
    assert central_system.notifications.latest("CP001", subject) is None
    for status in statuses:
        send(request_type(status=status))
    assert central_system.notifications.latest("CP001", subject).status == statuses[-1]
    assert [n.status for n in central_system.notifications.history("CP001", subject).items] == statuses
