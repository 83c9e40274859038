"""What was typed by hand in tests/data is read as the message it means, without a warning, and written the same."""

from datetime import datetime, timezone
from pathlib import Path

import pytest
from lxml import etree

from ocpp_soap import messages as m
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import codec, wsdl
from ocpp_soap.soap.namespaces import role_and_version

DATA = Path(__file__).parents[1] / "data"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def tag(status, **more):
    return m.IdTagInfo(status=m.AuthorizationStatus(status), **more)


def sample(value, **properties):
    return m.SampledValue(value=value, **properties)


NOON = at("2012-06-08T10:00:00")
BOOT = {
    "charge_point_vendor": "Acme",
    "charge_point_model": "Pole 2",
    "charge_point_serial_number": "SN-1",
    "charge_box_serial_number": "BOX-1",
    "iccid": "893101",
    "imsi": "20404",
    "meter_type": "MID",
    "meter_serial_number": "M-1",
}
START = {"connector_id": 2, "id_tag": "04AB12CD", "timestamp": NOON, "meter_start": 12345}
STOP = {"transaction_id": 77, "id_tag": "04AB12CD", "timestamp": at("2012-06-08T11:30:00.250"), "meter_stop": 20000}
FIRMWARE = {"retrieve_date": at("2012-07-01T03:00:00"), "location": "ftp://files.example/fw.bin"}
TARIFF = ' {"price": "0,30 €"} '

BOTH = [
    m.AuthorizeResponse(id_tag_info=tag("Accepted", expiry_date=at("2013-01-01T00:00:00"), parent_id_tag="GROUP1")),
    m.StartTransactionResponse(transaction_id=77, id_tag_info=tag("ConcurrentTx")),
    m.StopTransactionResponse(id_tag_info=tag("Expired")),
    m.HeartbeatRequest(),
    m.MeterValuesResponse(),
    m.StatusNotificationResponse(),
    m.FirmwareStatusNotificationResponse(),
    m.DiagnosticsStatusNotificationResponse(),
    m.UnlockConnectorRequest(connector_id=1),
    m.UnlockConnectorResponse(status=m.UnlockStatus.REJECTED),
    m.ResetResponse(status=m.ResetStatus.ACCEPTED),
    m.ChangeAvailabilityResponse(status=m.AvailabilityStatus.SCHEDULED),
    m.ClearCacheRequest(),
    m.ClearCacheResponse(status=m.ClearCacheStatus.ACCEPTED),
    m.UpdateFirmwareRequest(**FIRMWARE, retries=2, retry_interval=30),
    m.UpdateFirmwareResponse(),
    m.RemoteStartTransactionResponse(status=m.RemoteStartStopStatus.ACCEPTED),
    m.RemoteStopTransactionResponse(status=m.RemoteStartStopStatus.REJECTED),
]

ONLY = {
    Version.V12: [
        m.AuthorizeRequest(id_tag="04AB12CD"),
        m.StartTransactionRequest(**START),
        m.StopTransactionRequest(**STOP),
        m.HeartbeatResponse(current_time=NOON),
        m.MeterValuesRequest(
            connector_id=0,
            values=[
                m.MeterValue(timestamp=at("2012-06-08T10:15:00"), value=[sample("12400")]),
                m.MeterValue(timestamp=at("2012-06-08T10:30:00"), value=[sample("-5")]),
            ],
        ),
        m.BootNotificationRequest(**BOOT, firmware_version="1.0 & more"),
        m.BootNotificationResponse(status=m.RegistrationStatus.ACCEPTED, current_time=NOON, heartbeat_interval=300),
        m.StatusNotificationRequest(
            connector_id=1, status=m.ChargePointStatus.FAULTED, error_code=m.ChargePointErrorCode.MODE3_ERROR
        ),
        m.FirmwareStatusNotificationRequest(status=m.FirmwareStatus.INSTALLATION_FAILED),
        m.DiagnosticsStatusNotificationRequest(status=m.DiagnosticsStatus.UPLOAD_FAILED),
        m.ResetRequest(type=m.ResetType.HARD),
        m.ChangeAvailabilityRequest(connector_id=0, type=m.AvailabilityType.INOPERATIVE),
        m.GetDiagnosticsRequest(
            location="ftp://user:secret@files.example/in",
            start_time=at("2012-06-01T00:00:00"),
            stop_time=at("2012-06-02T00:00:00"),
            retries=3,
            retry_interval=60,
        ),
        m.GetDiagnosticsResponse(file_name="diag.zip"),
        m.ChangeConfigurationRequest(key="HeartBeatInterval", value="600"),
        m.ChangeConfigurationResponse(status=m.ConfigurationStatus.NOT_SUPPORTED),
        m.RemoteStartTransactionRequest(id_tag="04AB12CD", connector_id=1),
        m.RemoteStopTransactionRequest(transaction_id=77),
    ],
    Version.V15: [
        m.AuthorizeRequest(id_tag="04AB12CD04AB12CD04AB"),
        m.StartTransactionRequest(**START, reservation_id=9),
        m.StopTransactionRequest(
            **STOP,
            transaction_data=[
                m.TransactionData(
                    values=[
                        m.MeterValue(
                            timestamp=NOON,
                            value=[
                                sample(
                                    "12345",
                                    context=m.ReadingContext.TRANSACTION_BEGIN,
                                    unit=m.UnitOfMeasure.WH,
                                )
                            ],
                        ),
                        m.MeterValue(
                            timestamp=at("2012-06-08T11:30:00"),
                            value=[
                                sample(
                                    "0AFF",
                                    context=m.ReadingContext.TRANSACTION_END,
                                    format=m.ValueFormat.SIGNED_DATA,
                                )
                            ],
                        ),
                    ]
                ),
                m.TransactionData(),
            ],
        ),
        m.HeartbeatResponse(current_time=at("2012-06-08T10:00:00.000001")),
        m.MeterValuesRequest(
            connector_id=1,
            transaction_id=77,
            values=[
                m.MeterValue(
                    timestamp=at("2012-06-08T10:15:00"),
                    value=[
                        sample("12400"),
                        sample(
                            "3.7",
                            context=m.ReadingContext.SAMPLE_CLOCK,
                            format=m.ValueFormat.RAW,
                            measurand=m.Measurand.POWER_ACTIVE_IMPORT,
                            location=m.Location.INLET,
                            unit=m.UnitOfMeasure.KW,
                        ),
                        sample(
                            "-4.25",
                            measurand=m.Measurand.TEMPERATURE,
                            location=m.Location.BODY,
                            unit=m.UnitOfMeasure.CELSIUS,
                        ),
                    ],
                )
            ],
        ),
        m.BootNotificationRequest(**BOOT, firmware_version="1.0 & a version of forty-one characters!!"),
        m.BootNotificationResponse(status=m.RegistrationStatus.REJECTED, current_time=NOON, heartbeat_interval=300),
        m.StatusNotificationRequest(
            connector_id=1,
            status=m.ChargePointStatus.RESERVED,
            error_code=m.ChargePointErrorCode.OTHER_ERROR,
            info="door <open>",
            timestamp=NOON,
            vendor_id="com.example",
            vendor_error_code="E-7",
        ),
        m.FirmwareStatusNotificationRequest(status=m.FirmwareStatus.INSTALLED),
        m.DiagnosticsStatusNotificationRequest(status=m.DiagnosticsStatus.UPLOADED),
        m.DataTransferRequest(vendor_id="com.example", message_id="tariff", data=TARIFF),
        m.DataTransferResponse(status=m.DataTransferStatus.UNKNOWN_MESSAGE_ID),
        m.ResetRequest(type=m.ResetType.SOFT),
        m.ChangeAvailabilityRequest(connector_id=0, type=m.AvailabilityType.OPERATIVE),
        m.GetDiagnosticsRequest(location="ftps://files.example/in"),
        m.GetDiagnosticsResponse(),
        m.ChangeConfigurationRequest(key="MeterValuesSampledData", value=""),
        m.ChangeConfigurationResponse(status=m.ConfigurationStatus.REJECTED),
        m.RemoteStartTransactionRequest(id_tag="04AB12CD"),
        m.RemoteStopTransactionRequest(transaction_id=2147483647),
        m.CancelReservationRequest(reservation_id=9),
        m.CancelReservationResponse(status=m.CancelReservationStatus.ACCEPTED),
        m.DataTransferRequest(vendor_id="com.example"),
        m.DataTransferResponse(status=m.DataTransferStatus.ACCEPTED, data=""),
        m.GetConfigurationRequest(key=["HeartBeatInterval", "Nonsense"]),
        m.GetConfigurationResponse(
            configuration_key=[
                m.KeyValue(key="HeartBeatInterval", readonly=False, value="600"),
                m.KeyValue(key="Serial", readonly=True),
            ],
            unknown_key=["Nonsense"],
        ),
        m.GetLocalListVersionRequest(),
        m.GetLocalListVersionResponse(list_version=-1),
        m.ReserveNowRequest(
            connector_id=0,
            expiry_date=at("2012-06-08T12:00:00"),
            id_tag="04AB12CD",
            parent_id_tag="GROUP1",
            reservation_id=9,
        ),
        m.ReserveNowResponse(status=m.ReservationStatus.OCCUPIED),
        m.SendLocalListRequest(
            update_type=m.UpdateType.DIFFERENTIAL,
            list_version=239,
            local_authorisation_list=[
                m.AuthorisationData(id_tag="04AB12CD", id_tag_info=tag("Blocked")),
                m.AuthorisationData(id_tag="GONE"),
            ],
            hash="abc",
        ),
        m.SendLocalListResponse(status=m.UpdateStatus.VERSION_MISMATCH, hash="abc"),
    ],
}


def golden(version):
    parser = etree.XMLParser(remove_blank_text=True, remove_comments=True)
    return list(etree.parse(DATA / f"golden_{version}.xml", parser).getroot())


def cases():
    for version in Version:
        expected = {}
        for message in [*BOTH, *ONLY[version]]:
            expected.setdefault(codec.body_name(type(message)), []).append(message)
        for element in golden(version):
            name = etree.QName(element).localname
            yield pytest.param(version, element, expected[name].pop(0), id=f"{version}-{name}")
        assert not any(expected.values())


@pytest.mark.parametrize(("version", "element", "message"), list(cases()))
def test_golden_text_and_message_are_the_same(version, element, message):
    warnings = []
    assert codec.decode(type(message), element, version, warnings) == message
    assert warnings == []
    name = etree.QName(element)
    text = codec.encode(message, version, element=name.localname, namespace=name.namespace)
    assert etree.tostring(unprefixed(etree.fromstring(text)), method="c14n") == etree.tostring(
        unprefixed(element), method="c14n"
    )


def unprefixed(element):
    copy = etree.Element(element.tag, dict(element.attrib), nsmap={None: etree.QName(element).namespace})
    copy.text = element.text
    copy.extend(unprefixed(child) for child in element)
    return copy


@pytest.mark.parametrize("version", Version)
def test_golden_files_hold_every_message_and_follow_the_schema(version):
    found = {}
    for element in golden(version):
        role, of_version = role_and_version(etree.QName(element).namespace)
        assert of_version is version
        wsdl.schema(role, version).assertValid(unprefixed(element))
        found.setdefault(role, set()).add(etree.QName(element).localname)
    for role in Role:
        records = [record for action in m.actions(role, version) for record in (action.request, action.response)]
        assert found[role] == {codec.body_name(record) for record in records}
