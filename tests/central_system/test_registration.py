"""Who may speak, and what is learned of a station."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import SecurityError
from ocpp_soap.messages import (
    AuthorizationStatus,
    AuthorizeRequest,
    BootNotificationRequest,
    HeartbeatRequest,
    MeterValue,
    MeterValuesRequest,
    RegistrationStatus,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
    Version,
)

BOOT = BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="Wall 1", firmware_version="1.0")


def test_the_first_message_of_any_action_registers_a_station(central_system, send, noon):
    send(HeartbeatRequest(), version=Version.V12)
    station = central_system.stations.get("CP001")
    assert station.is_accepted
    assert station.version == "1.2"
    assert station.registered_at > noon


def test_an_identity_in_another_letter_case_is_the_only_station_that_it_can_be(central_system, send, noon):
    send(HeartbeatRequest(), "CP001")
    send(HeartbeatRequest(), "cp001")
    send(StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=10), "Cp001")
    (station,) = central_system.stations.list().items
    assert (station.charge_box_identity, station.spelling) == ("CP001", "Cp001")
    assert "identity_case chargeBoxIdentity" in station.oddities
    assert [t.charge_box_identity for t in central_system.transactions.list().items] == ["CP001"]
    send(HeartbeatRequest(), "CP001")
    assert central_system.stations.get("CP001").spelling is None


def test_registered_identities_that_differ_in_case_are_two_stations(make_central_system, send):
    system = make_central_system(REGISTRATION__UNKNOWN_CHARGE_POINTS="reject")
    for identity in ("CP001", "cp001"):
        system.stations.allow(identity)
    send(HeartbeatRequest(), "cp001", to=system)
    assert system.stations.show("CP001").last_seen is None
    assert system.stations.show("cp001").last_seen is not None
    with pytest.raises(SecurityError):
        send(HeartbeatRequest(), "Cp001", to=system)


def test_a_held_station_is_treated_as_blocked_until_it_is_allowed(make_central_system, send, noon):
    system = make_central_system(REGISTRATION__UNKNOWN_CHARGE_POINTS="hold")
    assert send(BOOT, to=system).status is RegistrationStatus.REJECTED
    with pytest.raises(SecurityError):
        send(HeartbeatRequest(), to=system)
    start = StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=10)
    assert send(start, to=system).id_tag_info.status is AuthorizationStatus.BLOCKED
    (held,) = system.stations.list(registration="held").items
    assert (held.charge_box_identity, held.vendor) == ("CP001", "Acme")
    system.stations.allow("CP001")
    assert send(BOOT, to=system).status is RegistrationStatus.ACCEPTED


def test_many_first_messages_at_once_register_one_station(central_system, send):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: send(HeartbeatRequest()), range(16)))
    assert len(central_system.stations.list().items) == 1


def test_a_boot_is_accepted_with_the_time_and_the_interval_and_kept(central_system, send):
    response = send(BOOT)
    assert response.status is RegistrationStatus.ACCEPTED
    assert response.heartbeat_interval == 300
    assert response.current_time.utcoffset().total_seconds() == 0
    station = central_system.stations.get("CP001")
    assert (station.vendor, station.model) == ("Acme", "Wall 1")
    assert station.boot["firmware_version"] == "1.0"


def test_a_station_has_its_own_heartbeat_interval(central_system, send):
    send(BOOT)
    central_system.stations.set_heartbeat_interval("CP001", 60)
    assert send(BOOT).heartbeat_interval == 60
    central_system.stations.set_heartbeat_interval("CP001", None)
    assert send(BOOT).heartbeat_interval == 300


def test_where_unknown_stations_are_rejected_boot_says_so_and_all_else_is_a_fault(make_central_system, send):
    system = make_central_system(REGISTRATION__UNKNOWN_CHARGE_POINTS="reject")
    assert send(BOOT, to=system).status is RegistrationStatus.REJECTED
    for request in (HeartbeatRequest(), AuthorizeRequest(id_tag="A"), MeterValuesRequest(connector_id=1)):
        with pytest.raises(SecurityError):
            send(request, to=system)
    assert system.stations.list().items == []


def test_a_station_can_be_allowed_before_it_was_ever_seen(make_central_system, send):
    system = make_central_system(REGISTRATION__UNKNOWN_CHARGE_POINTS="reject")
    system.stations.allow("CP001")
    assert send(BOOT, to=system).status is RegistrationStatus.ACCEPTED


def test_a_station_that_another_process_has_just_allowed_is_not_said_to_spell_its_identity_otherwise(
    make_central_system, send
):
    system, other = (make_central_system(REGISTRATION__UNKNOWN_CHARGE_POINTS="reject") for _ in range(2))
    assert send(BOOT, to=system).status is RegistrationStatus.REJECTED
    other.stations.allow("CP001")
    assert send(BOOT, to=system).status is RegistrationStatus.ACCEPTED
    assert other.stations.get("CP001").oddities == {}


def test_the_version_of_a_station_is_the_one_it_spoke_last(central_system, send):
    central_system.stations.allow("CP001")
    for version in (Version.V12, Version.V15, Version.V12):
        send(HeartbeatRequest(), version=version)
        assert central_system.stations.get("CP001").ocpp_version is version


def test_a_blocked_station_is_refused_but_its_energy_is_recorded(central_system, send, noon):
    send(BOOT)
    central_system.stations.block("CP001")
    assert send(BOOT).status is RegistrationStatus.REJECTED
    with pytest.raises(SecurityError):
        send(HeartbeatRequest())
    with pytest.raises(SecurityError):
        send(AuthorizeRequest(id_tag="A"))
    started = send(StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=10))
    assert started.id_tag_info.status is AuthorizationStatus.BLOCKED
    values = [MeterValue(timestamp=noon, value=[SampledValue(value="15")])]
    send(MeterValuesRequest(connector_id=1, values=values))
    stop = StopTransactionRequest(transaction_id=started.transaction_id, id_tag="A", timestamp=noon, meter_stop=20)
    assert send(stop).id_tag_info.status is AuthorizationStatus.BLOCKED
    assert central_system.transactions.get(started.transaction_id).energy == 10
    assert len(central_system.meter_values.list(transaction_id=started.transaction_id).items) == 1


def test_a_blocked_station_can_be_allowed_again(central_system, send):
    central_system.stations.block("CP001")
    central_system.stations.allow("CP001")
    assert send(BOOT).status is RegistrationStatus.ACCEPTED


def test_the_callback_address_is_learned_and_follows_the_station(central_system, send):
    send(HeartbeatRequest(), callback_url="http://10.0.0.7:8080/ocpp")
    assert central_system.stations.get("CP001").callback_url == "http://10.0.0.7:8080/ocpp"
    send(HeartbeatRequest(), callback_url="http://10.0.0.8:8080/ocpp")
    send(HeartbeatRequest())
    assert central_system.stations.get("CP001").callback_url == "http://10.0.0.8:8080/ocpp"


def test_an_address_set_by_hand_is_not_overwritten(central_system, send):
    send(HeartbeatRequest())
    central_system.stations.set_url("CP001", "http://192.0.2.1/cp")
    send(HeartbeatRequest(), callback_url="http://10.0.0.8:8080/ocpp")
    assert central_system.stations.get("CP001").callback_url == "http://192.0.2.1/cp"
    central_system.stations.set_url("CP001", "")
    assert central_system.stations.get("CP001").callback_url == "http://10.0.0.8:8080/ocpp"


@pytest.mark.parametrize(
    "url",
    [
        "http://www.w3.org/2005/08/addressing/anonymous",
        "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous",
        "http://:8080/",
        "CP001",
        "ftp://10.0.0.1/",
        "http://[::1",
        "http://a:99999/",
    ],
)
def test_an_address_that_cannot_be_called_is_not_learned(central_system, send, url):
    send(HeartbeatRequest(), callback_url=url)
    assert central_system.stations.get("CP001").callback_url == ""


def test_the_oddities_of_a_station_are_kept_once_each_with_an_example(central_system, send):
    for sent in ("first", "second"):
        send(HeartbeatRequest(), warnings=[MessageWarning("too_long", "chargePointModel", sent)])
    oddities = central_system.stations.get("CP001").oddities
    assert list(oddities) == ["too_long chargePointModel"]
    assert oddities["too_long chargePointModel"]["sent"] == "first"
    assert oddities["too_long chargePointModel"]["action"] == "Heartbeat"


def test_the_oddities_that_two_processes_see_at_the_same_time_are_all_kept(make_central_system, send):
    processes = make_central_system(), make_central_system()
    for process in processes:
        send(HeartbeatRequest(), to=process)
    for number, process in enumerate(processes):
        send(HeartbeatRequest(), to=process, warnings=[MessageWarning("unknown_element", f"element{number}")])
    assert list(processes[0].stations.get("CP001").oddities) == ["unknown_element element0", "unknown_element element1"]


def test_the_oddities_of_a_station_do_not_grow_without_bound(central_system, send):
    for number in range(60):
        send(HeartbeatRequest(), warnings=[MessageWarning("unknown_element", f"element{number}")])
    assert len(central_system.stations.get("CP001").oddities) == 50


def test_stations_are_listed_by_registration_and_vendor_in_pages(central_system, send):
    for number in range(5):
        send(BOOT, f"CP{number}")
    central_system.stations.block("CP3")
    first = central_system.stations.list(registration="accepted", vendor="Acme", limit=3)
    rest = central_system.stations.list(registration="accepted", vendor="Acme", limit=3, after=first.next)
    names = [s.charge_box_identity for s in [*first.items, *rest.items]]
    assert names == ["CP0", "CP1", "CP2", "CP4"]
    assert [s.charge_box_identity for s in central_system.stations.list(registration="blocked").items] == ["CP3"]
    assert central_system.stations.list(vendor="Other").items == []
