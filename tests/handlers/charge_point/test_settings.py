"""Configuration, the local list, the cache and DataTransfer, as the central system sees them."""

from __future__ import annotations

import pytest

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import (
    AuthorisationData,
    AuthorizationStatus,
    ChangeConfigurationRequest,
    ClearCacheRequest,
    DataTransferRequest,
    DataTransferResponse,
    DataTransferStatus,
    GetConfigurationRequest,
    GetLocalListVersionRequest,
    IdTagInfo,
    SendLocalListRequest,
    UpdateType,
    Version,
)

STANDARD_12 = {
    "HeartBeatInterval", "ConnectionTimeOut", "ResetRetries", "BlinkRepeat", "LightIntensity",
    "MeterValueSampleInterval", "ProximityContactRetries", "ProximityLockRetries", "ChargePointId",
}  # fmt: skip
ONLY_15 = {
    "ClockAlignedDataInterval", "MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData",
    "StopTxnAlignedData",
}  # fmt: skip


def change(call, station, key, value):
    return call(station, ChangeConfigurationRequest(key=key, value=value)).status


def read(call, station, *keys):
    return call(station, GetConfigurationRequest(key=list(keys)))


def send_list(call, station, version, *tags, type_=UpdateType.FULL):
    entries = [
        AuthorisationData(id_tag=tag, id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED)) for tag in tags
    ]
    request = SendLocalListRequest(update_type=type_, list_version=version, local_authorisation_list=entries)
    return call(station, request).status


def list_version(call, station):
    return call(station, GetLocalListVersionRequest()).list_version


def test_all_standard_keys_of_1_5_are_there(station, call):
    keys = {item.key for item in read(call, station).configuration_key}
    assert keys >= STANDARD_12 | ONLY_15


def test_1_2_has_its_own_keys_only(make_station, call):
    station = make_station(Version.V12)
    assert all(change(call, station, key, "1") == "Accepted" for key in STANDARD_12)
    assert all(change(call, station, key, "0") == "NotSupported" for key in ONLY_15)


def test_named_keys_are_read_and_unknown_names_are_listed(station, call):
    answer = read(call, station, "MeterValueSampleInterval", "NumberOfConnectors", "Nonsense")
    assert [(i.key, i.value, i.readonly) for i in answer.configuration_key] == [
        ("MeterValueSampleInterval", "60", False),
        ("NumberOfConnectors", "2", True),
    ]
    assert answer.unknown_key == ["Nonsense"]


def test_the_case_of_a_key_does_not_matter(station, call):
    assert change(call, station, "heartbeatinterval", "17") == "Accepted"
    assert read(call, station, "HEARTBEATINTERVAL").configuration_key[0].key == "HeartBeatInterval"


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("LightIntensity", "100", "Accepted"),
        ("LightIntensity", "101", "Rejected"),
        ("MeterValueSampleInterval", "-1", "Rejected"),
        ("MeterValueSampleInterval", "ten", "Rejected"),
        ("MeterValueSampleInterval", "99999999999", "Rejected"),
        ("ClockAlignedDataInterval", "900", "Accepted"),
        ("ClockAlignedDataInterval", "7000", "Rejected"),
        ("MeterValuesSampledData", "Voltage, Current.Import", "Accepted"),
        ("MeterValuesSampledData", "Voltage,SoC", "Rejected"),
        ("NumberOfConnectors", "5", "Rejected"),
        ("LocalPreAuthorize", "false", "Accepted"),
        ("LocalPreAuthorize", "no", "Rejected"),
        ("Nonsense", "1", "NotSupported"),
    ],
)
def test_a_key_takes_the_values_that_it_can_have(station, call, key, value, status):
    assert change(call, station, key, value) == status


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("LightIntensity", 101, "a whole number from 0 to 2147483647, at most 100"),
        ("ClockAlignedDataInterval", 7, "a whole number from 0 to 2147483647 that divides the 86400 s of a day"),
        ("HeartBeatInterval", 2**31, "a whole number from 0 to 2147483647"),
        ("LocalPreAuthorize", "yes", "true or false"),
    ],
)
def test_a_first_value_that_a_key_cannot_have_is_refused_with_what_it_can_be(make_station, key, value, expected):
    with pytest.raises(ConfigurationError, match=f"{key}='{value}': expected {expected}$"):
        make_station(**{key: value})


def test_a_changed_heartbeat_interval_holds_at_once(station, call, schedule, central_system):
    change(call, station, "HeartBeatInterval", "10")
    schedule.advance(35)
    assert len(central_system.sent("Heartbeat")) == 3


def test_a_changed_sample_interval_holds_for_the_running_transaction(station, call, schedule, central_system):
    station.plug(1)
    station.present_tag(1, "TAG1")
    schedule.run()
    change(call, station, "MeterValueSampleInterval", "10")
    schedule.advance(35)
    assert len(central_system.sent("MeterValues")) == 3
    change(call, station, "MeterValueSampleInterval", "0")
    schedule.advance(35)
    assert len(central_system.sent("MeterValues")) == 3


def test_the_version_of_the_list_is_0_before_and_then_the_one_sent(station, call):
    assert list_version(call, station) == 0
    assert send_list(call, station, 5) == "Accepted"
    assert list_version(call, station) == 5


def test_a_listed_tag_charges_without_being_asked_for(station, call, schedule, central_system):
    send_list(call, station, 1, "TAG1")
    station.plug(1)
    station.present_tag(1, "tag1")
    schedule.run()
    assert central_system.sent("Authorize") == []
    assert len(central_system.sent("StartTransaction")) == 1


def test_a_station_configured_without_list_says_so(make_station, call):
    station = make_station(LocalAuthListEnabled="false")
    assert list_version(call, station) == -1
    assert send_list(call, station, 1, "TAG1") == "NotSupported"


def test_an_unknown_update_type_fails(station, call):
    assert send_list(call, station, 1, "TAG1", type_="Partial") == "Failed"


def test_clearing_the_cache_forgets_what_was_learned_and_keeps_what_was_sent(station, call, schedule, noon):
    send_list(call, station, 1, "SENT")
    station.plug(1)
    station.present_tag(1, "LEARNED")
    schedule.run()
    assert call(station, ClearCacheRequest()).status == "Accepted"
    assert [entry.id_tag for entry in station.local_list.entries()] == ["SENT"]


def test_data_for_an_unknown_vendor_is_answered_so_without_data(station, call):
    answer = call(station, DataTransferRequest(vendor_id="com.example", data="x"))
    assert (answer.status, answer.data) == ("UnknownVendorId", None)


def test_data_for_a_known_vendor_goes_to_its_handler(station, call):
    def echo(request, call):
        return DataTransferResponse(status=DataTransferStatus.ACCEPTED, data=request.data)

    answer = call(station, DataTransferRequest(vendor_id="acme", data="x"), acme=echo)
    assert (answer.status, answer.data) == ("Accepted", "x")


@pytest.mark.parametrize(
    ("key", "value"),
    [("ChargePointId", "x" * 501), ("MeterValuesSampledData", "Voltage," * 63), ("LightIntensity", "0" * 5000)],
)
def test_a_value_that_no_answer_can_hold_is_rejected(station, call, key, value):
    assert change(call, station, key, value) == "Rejected"
    assert change(call, station, "ChargePointId", "x" * 500) == "Accepted"


def test_a_long_unknown_name_is_listed_as_far_as_the_answer_can_hold_it(station, call):
    assert read(call, station, "N" * 51, "Nonsense").unknown_key == ["N" * 50, "Nonsense"]


@pytest.mark.parametrize("type_", UpdateType)
def test_a_list_whose_version_no_answer_can_tell_fails(station, call, type_):
    assert send_list(call, station, 2**31, "A", type_=type_) == "Failed"
    assert list_version(call, station) == 0
