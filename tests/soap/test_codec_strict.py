"""Nothing is sent that the specification forbids."""

from datetime import datetime, timedelta, timezone

import pytest
from lxml import etree

from ocpp_soap import messages as m
from ocpp_soap.errors import InvalidMessage, NotSupportedInVersion
from ocpp_soap.messages import Version
from ocpp_soap.soap import codec

NOON = datetime(2012, 6, 8, 10, tzinfo=timezone.utc)


def write(message, version=Version.V15):
    return codec.encode(message, version, element="x", namespace="urn:x")


def meter_values(*samples):
    return m.MeterValuesRequest(connector_id=1, values=[m.MeterValue(timestamp=NOON, value=list(samples))])


def status(**changed):
    return m.StatusNotificationRequest(
        **{
            "connector_id": 1,
            "status": m.ChargePointStatus.AVAILABLE,
            "error_code": m.ChargePointErrorCode.NO_ERROR,
        }
        | changed
    )


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (m.DataTransferRequest(vendor_id="v"), "DataTransferRequest"),
        (m.GetLocalListVersionRequest(), "GetLocalListVersionRequest"),
        (m.ReserveNowResponse(status=m.ReservationStatus.ACCEPTED), "ReserveNowResponse"),
        (status(info="door"), "info"),
        (status(status=m.ChargePointStatus.RESERVED), "status: Reserved"),
        (status(error_code=m.ChargePointErrorCode.WEAK_SIGNAL), "errorCode: WeakSignal"),
        (
            m.StopTransactionRequest(
                transaction_id=1, timestamp=NOON, meter_stop=1, transaction_data=[m.TransactionData()]
            ),
            "transaction_data",
        ),
        (meter_values(m.SampledValue(value="1"), m.SampledValue(value="2")), "one value for each time"),
        (meter_values(m.SampledValue(value="1.5")), "whole numbers"),
        (meter_values(m.SampledValue(value="")), "whole numbers"),
        (meter_values(m.SampledValue(value="3000000000")), "whole numbers"),
        (meter_values(m.SampledValue(value="1", unit=m.UnitOfMeasure.KWH)), "unit is kWh"),
        (meter_values(m.SampledValue(value="1", context=m.ReadingContext.SAMPLE_CLOCK)), "context is Sample.Clock"),
    ],
)
def test_what_12_lacks_is_not_sent_in_12(message, named):
    with pytest.raises(NotSupportedInVersion, match=named):
        write(message, Version.V12)
    write(message, Version.V15)


def test_a_meter_value_of_15_that_12_can_express_is_sent_as_an_integer():
    sample = m.SampledValue(value="123", unit=m.UnitOfMeasure.WH, measurand=m.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER)
    assert "<value>123</value>" in write(meter_values(sample), Version.V12)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (m.AuthorizeRequest(id_tag="x" * 21), "idTag: at most 20 characters are allowed, got 21"),
        (m.ChangeConfigurationRequest(key="k" * 51, value=""), "key: at most 50"),
        (m.AuthorizeRequest(id_tag=4711), "idTag: expected a text, got '4711' .int."),
        (m.AuthorizeRequest(id_tag=None), "AuthorizeRequest.id_tag is missing"),
        (m.AuthorizeRequest(id_tag="a\x00b"), "idTag: .* a character that XML cannot carry"),
        (m.AuthorizeRequest(id_tag="a\ud800"), "idTag: .* a character that XML cannot carry"),
        (m.AuthorizeRequest(id_tag="a\uffff"), "idTag: .* a character that XML cannot carry"),
        (m.UnlockConnectorRequest(connector_id=2**31), "connectorId: 2147483648 does not fit 32 bits"),
        (m.UnlockConnectorRequest(connector_id=0), "connectorId: 0 is below 1"),
        (m.RemoteStartTransactionRequest(id_tag="T", connector_id=0), "connectorId: 0 is below 1"),
        (m.ChangeAvailabilityRequest(connector_id=-1, type="Operative"), "connectorId: -1 is below 0"),
        (m.UnlockConnectorRequest(connector_id=True), "connectorId: expected an int"),
        (m.UnlockConnectorRequest(connector_id="1"), "connectorId: expected an int"),
        (m.HeartbeatResponse(current_time=NOON.replace(tzinfo=None)), "currentTime: .* has no zone"),
        (m.HeartbeatResponse(current_time="now"), "currentTime: expected a datetime"),
        (
            m.HeartbeatResponse(current_time=datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))),
            "currentTime: .* cannot be expressed in UTC",
        ),
        (m.ResetRequest(type="Gentle"), "type: expected one of Hard, Soft, got 'Gentle'"),
        (m.ResetRequest(type=1), "type: expected one of Hard, Soft"),
        (m.AuthorizeResponse(id_tag_info={"status": "Accepted"}), "idTagInfo: expected IdTagInfo"),
        (m.GetConfigurationRequest(key="HeartBeatInterval"), "key: expected a list"),
        (m.GetConfigurationResponse(configuration_key=[m.KeyValue(key="k", readonly=1)]), "readonly: expected a bool"),
        (m.BootNotificationResponse(status=m.RegistrationStatus.ACCEPTED), "current_time is missing; OCPP 1.5"),
        (meter_values(), "MeterValue.value is missing"),
        (meter_values("1"), "value: expected SampledValue"),
        (meter_values(m.SampledValue(value=1)), "value: expected a text"),
        (m.GetDiagnosticsRequest(location="ftp://x/a b"), "location: expected a URL"),
        ("heartbeat", "expected a message, got a str"),
    ],
)
def test_what_the_specification_forbids_is_not_sent(message, named):
    with pytest.raises(InvalidMessage, match=named):
        write(message)
    with pytest.raises(InvalidMessage, match=named):
        codec.check(message, Version.V15)


def test_lengths_are_those_of_the_version():
    boot = m.BootNotificationRequest(charge_point_vendor="v", charge_point_model="m", firmware_version="f" * 21)
    write(boot, Version.V15)
    with pytest.raises(InvalidMessage, match="firmwareVersion: at most 20"):
        write(boot, Version.V12)


def test_a_boot_answer_of_12_needs_no_time():
    assert write(m.BootNotificationResponse(status=m.RegistrationStatus.REJECTED), Version.V12) == (
        '<x xmlns="urn:x"><status>Rejected</status></x>'
    )


def test_a_choice_may_be_given_as_its_text():
    assert write(m.ResetRequest(type="Soft")) == '<x xmlns="urn:x"><type>Soft</type></x>'


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2012-06-08T10:00:00Z"),
        (NOON.astimezone(timezone(timedelta(hours=-5))), "2012-06-08T10:00:00Z"),
        (NOON.replace(microsecond=120000), "2012-06-08T10:00:00.120Z"),
        (NOON.replace(microsecond=7), "2012-06-08T10:00:00.000007Z"),
        (datetime(1, 1, 1, tzinfo=timezone.utc), "0001-01-01T00:00:00Z"),
    ],
)
def test_times_go_out_in_utc(moment, text):
    assert f"<currentTime>{text}</currentTime>" in write(m.HeartbeatResponse(current_time=moment))


def test_every_character_that_xml_can_carry_arrives():
    data = "<&>'\"]]>\t\r\n\r äöü € 😀 \x85\u2028"
    element = etree.fromstring(write(m.DataTransferRequest(vendor_id="v", data=data)))
    assert codec.decode(m.DataTransferRequest, element, Version.V15, []).data == data
