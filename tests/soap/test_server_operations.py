"""Every operation of both roles and versions, from bytes typed by hand to an answer that the schema accepts."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ocpp_soap import messages as m

CS12, CS15 = "urn://Ocpp/Cs/2010/08/", "urn://Ocpp/Cs/2012/06/"
CP12, CP15 = "urn://Ocpp/Cp/2010/08/", "urn://Ocpp/Cp/2012/06/"
NOW = datetime(2012, 6, 8, 10, 0, tzinfo=timezone.utc)
ACCEPTED = m.IdTagInfo(status=m.AuthorizationStatus.ACCEPTED)
TIME = "<c:timestamp>2012-06-08T10:00:00Z</c:timestamp>"

CENTRAL_SYSTEM = {
    "Authorize": ("<c:idTag>04AB</c:idTag>", m.AuthorizeResponse(id_tag_info=ACCEPTED)),
    "BootNotification": (
        "<c:chargePointVendor>V</c:chargePointVendor><c:chargePointModel>M</c:chargePointModel>",
        m.BootNotificationResponse(status=m.RegistrationStatus.ACCEPTED, current_time=NOW, heartbeat_interval=300),
    ),
    "DataTransfer": (
        "<c:vendorId>com.example</c:vendorId>",
        m.DataTransferResponse(status=m.DataTransferStatus.UNKNOWN_VENDOR_ID),
    ),
    "DiagnosticsStatusNotification": ("<c:status>Uploaded</c:status>", m.DiagnosticsStatusNotificationResponse()),
    "FirmwareStatusNotification": ("<c:status>Installed</c:status>", m.FirmwareStatusNotificationResponse()),
    "Heartbeat": ("", m.HeartbeatResponse(current_time=NOW)),
    "MeterValues": (
        f"<c:connectorId>1</c:connectorId><c:values>{TIME}<c:value>120</c:value></c:values>",
        m.MeterValuesResponse(),
    ),
    "StartTransaction": (
        f"<c:connectorId>1</c:connectorId><c:idTag>04AB</c:idTag>{TIME}<c:meterStart>0</c:meterStart>",
        m.StartTransactionResponse(transaction_id=7, id_tag_info=ACCEPTED),
    ),
    "StatusNotification": (
        "<c:connectorId>1</c:connectorId><c:status>Available</c:status><c:errorCode>NoError</c:errorCode>",
        m.StatusNotificationResponse(),
    ),
    "StopTransaction": (
        f"<c:transactionId>7</c:transactionId>{TIME}<c:meterStop>100</c:meterStop>",
        m.StopTransactionResponse(),
    ),
}
CHARGE_POINT = {
    "CancelReservation": (
        "<c:reservationId>1</c:reservationId>",
        m.CancelReservationResponse(status=m.CancelReservationStatus.ACCEPTED),
    ),
    "ChangeAvailability": (
        "<c:connectorId>0</c:connectorId><c:type>Operative</c:type>",
        m.ChangeAvailabilityResponse(status=m.AvailabilityStatus.ACCEPTED),
    ),
    "ChangeConfiguration": (
        "<c:key>HeartBeatInterval</c:key><c:value>60</c:value>",
        m.ChangeConfigurationResponse(status=m.ConfigurationStatus.ACCEPTED),
    ),
    "ClearCache": ("", m.ClearCacheResponse(status=m.ClearCacheStatus.ACCEPTED)),
    "DataTransfer": (
        "<c:vendorId>com.example</c:vendorId>",
        m.DataTransferResponse(status=m.DataTransferStatus.ACCEPTED, data="yes"),
    ),
    "GetConfiguration": (
        "<c:key>HeartBeatInterval</c:key>",
        m.GetConfigurationResponse(
            configuration_key=[m.KeyValue(key="HeartBeatInterval", readonly=False, value="60")], unknown_key=[]
        ),
    ),
    "GetDiagnostics": ("<c:location>ftp://h/</c:location>", m.GetDiagnosticsResponse(file_name="d.zip")),
    "GetLocalListVersion": ("", m.GetLocalListVersionResponse(list_version=0)),
    "RemoteStartTransaction": (
        "<c:idTag>04AB</c:idTag>",
        m.RemoteStartTransactionResponse(status=m.RemoteStartStopStatus.ACCEPTED),
    ),
    "RemoteStopTransaction": (
        "<c:transactionId>7</c:transactionId>",
        m.RemoteStopTransactionResponse(status=m.RemoteStartStopStatus.REJECTED),
    ),
    "ReserveNow": (
        "<c:connectorId>1</c:connectorId><c:expiryDate>2012-06-08T11:00:00Z</c:expiryDate><c:idTag>04AB</c:idTag>"
        "<c:reservationId>1</c:reservationId>",
        m.ReserveNowResponse(status=m.ReservationStatus.ACCEPTED),
    ),
    "Reset": ("<c:type>Soft</c:type>", m.ResetResponse(status=m.ResetStatus.ACCEPTED)),
    "SendLocalList": (
        "<c:updateType>Full</c:updateType><c:listVersion>1</c:listVersion>",
        m.SendLocalListResponse(status=m.UpdateStatus.ACCEPTED),
    ),
    "UnlockConnector": (
        "<c:connectorId>1</c:connectorId>",
        m.UnlockConnectorResponse(status=m.UnlockStatus.ACCEPTED),
    ),
    "UpdateFirmware": (
        "<c:retrieveDate>2012-06-08T11:00:00Z</c:retrieveDate><c:location>ftp://h/f</c:location>",
        m.UpdateFirmwareResponse(),
    ),
}
CASES = [
    pytest.param(role, version, action, namespace, fields[action.name], id=f"{role}-{version}-{action.name}")
    for role, version, namespace, fields in (
        (m.Role.CENTRAL_SYSTEM, m.Version.V12, CS12, CENTRAL_SYSTEM),
        (m.Role.CENTRAL_SYSTEM, m.Version.V15, CS15, CENTRAL_SYSTEM),
        (m.Role.CHARGE_POINT, m.Version.V12, CP12, CHARGE_POINT),
        (m.Role.CHARGE_POINT, m.Version.V15, CP15, CHARGE_POINT),
    )
    for action in m.actions(role, version)
]


@pytest.mark.parametrize("validation", ["lenient", "strict"])
@pytest.mark.parametrize(("role", "version", "action", "namespace", "case"), CASES)
def test_a_request_reaches_its_action_and_its_answer_is_valid(
    role, version, action, namespace, case, validation, service, envelope
):
    fields, response = case
    served = service(response, role, OCPP_SOAP__SOAP__VALIDATION=validation)
    element = action.name[0].lower() + action.name[1:]
    headers = f"<wsa:Action>/{action.name}</wsa:Action><wsa:MessageID>urn:uuid:1 </wsa:MessageID>"
    reply = served.post(
        envelope(f"<c:{element}Request>{fields}</c:{element}Request>", headers=headers, namespace=namespace)
    )
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "application/soap+xml; charset=utf-8"
    assert reply.content.tag == f"{{{namespace}}}{element}Response"
    assert reply.header("Action") == f"/{action.name}Response"
    assert reply.header("RelatesTo") == "urn:uuid:1"
    assert reply.header("MessageID").startswith("urn:uuid:")
    assert reply.header("To") == "http://www.w3.org/2005/08/addressing/anonymous"
    (call,) = served.calls
    assert (call.action, call.version, call.charge_box_identity) == (action, version, "CB1")
    assert type(call.request) is action.request
    assert call.warnings == []


def test_every_operation_is_covered():
    assert len(CASES) == 9 + 10 + 9 + 15
