"""A zeep client and a suds client that know nothing but the URL of a service description can call every operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
import suds.client
import zeep
from program import Program, simulated_station

from ocpp_soap.messages import Role, Version, actions

NOW = datetime.now(timezone.utc)
METER = {
    Version.V12: {"timestamp": NOW, "value": 1},
    Version.V15: {"timestamp": NOW, "value": [{"_value_1": "1", "measurand": "Voltage", "unit": "Volt"}]},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Authorize": {"idTag": "T"},
    "BootNotification": {"chargePointVendor": "V", "chargePointModel": "M"},
    "DataTransfer": {"vendorId": "org.example", "data": "x"},
    "DiagnosticsStatusNotification": {"status": "Uploaded"},
    "FirmwareStatusNotification": {"status": "Installed"},
    "Heartbeat": {},
    "MeterValues": {"connectorId": 1},
    "StartTransaction": {"connectorId": 1, "idTag": "T", "timestamp": NOW, "meterStart": 0},
    "StatusNotification": {"connectorId": 1, "status": "Available", "errorCode": "NoError"},
    "StopTransaction": {"transactionId": 0, "timestamp": NOW, "meterStop": 1},
    "CancelReservation": {"reservationId": 1},
    "ChangeAvailability": {"connectorId": 1, "type": "Operative"},
    "ChangeConfiguration": {"key": "HeartBeatInterval", "value": "60"},
    "ClearCache": {},
    "GetConfiguration": {"key": ["HeartBeatInterval"]},
    "GetDiagnostics": {"location": "ftp://127.0.0.1:9/nowhere", "retries": 1},
    "GetLocalListVersion": {},
    "RemoteStartTransaction": {"idTag": "T", "connectorId": 2},
    "RemoteStopTransaction": {"transactionId": 12345},
    "ReserveNow": {
        "connectorId": 0, "expiryDate": NOW + timedelta(hours=1), "idTag": "T", "reservationId": 1,
    },
    "Reset": {"type": "Soft"},
    "SendLocalList": {"updateType": "Full", "listVersion": 3},
    "UnlockConnector": {"connectorId": 1},
    "UpdateFirmware": {"retrieveDate": NOW + timedelta(days=1), "location": "ftp://127.0.0.1:9/firmware.bin"},
}  # fmt: skip

CONFIRMED: dict[str, Callable[[Any], bool]] = {
    "Authorize": lambda answer: answer.status in ("Invalid", "Accepted"),
    "Heartbeat": lambda answer: (
        abs(answer.replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)) < timedelta(minutes=1)
    ),
    "BootNotification": lambda answer: answer.status == "Accepted" and answer.heartbeatInterval > 0,
    "StartTransaction": lambda answer: answer.transactionId >= 1,
    "GetLocalListVersion": lambda answer: int(answer) >= 0,
    "RemoteStopTransaction": lambda answer: answer == "Rejected",
    "ChangeConfiguration": lambda answer: answer == "Accepted",
}

EVERY = [(v, a.name) for v in Version for a in actions(Role.CENTRAL_SYSTEM, v)]
EVERY_BACK = [(v, a.name) for v in Version for a in actions(Role.CHARGE_POINT, v)]


def check(action: str, answer: Any) -> None:
    """zeep and suds unwrap an answer of one field."""
    assert CONFIRMED.get(action, lambda _: True)(answer), f"{action} was answered {answer!r}"


def zeep_client(url: str) -> zeep.Client:
    session = requests.Session()
    session.trust_env = False
    return zeep.Client(url, transport=zeep.Transport(session=session, timeout=10, operation_timeout=20))


def call_with_zeep(client: zeep.Client, version: Version, action: str, identity: str) -> Any:
    arguments = dict(ARGUMENTS[action])
    if action == "MeterValues":
        arguments["values"] = [METER[version]]
    operation = getattr(client.service, action)
    return operation(**arguments, _soapheaders={"ChargeBoxIdentity": identity})


def suds_client(url: str) -> suds.client.Client:
    return suds.client.Client(url, cache=None, timeout=20)


def call_with_suds(client: suds.client.Client, action: str, identity: str) -> Any:
    client.set_options(soapheaders=(identity,))
    return getattr(client.service, action)(**ARGUMENTS[action])


@pytest.fixture(scope="module", params=list(Version), ids=str)
def stations(request: pytest.FixtureRequest, program: Program) -> Iterator[tuple[Version, str]]:
    """A simulated charge point of each version: its version and the URL where it listens."""
    version: Version = request.param
    with simulated_station(program, version, f"SIM-{version}") as url:
        yield version, url


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_zeep_calls_the_central_system(program: Program, version: Version, action: str) -> None:
    client = zeep_client(f"{program.base}/Ocpp/{version}/CentralSystemService?wsdl")
    check(action, call_with_zeep(client, version, action, f"ZEEP-{version}"))


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_suds_calls_the_central_system(program: Program, version: Version, action: str) -> None:
    client = suds_client(f"{program.base}/Ocpp/{version}/CentralSystemService?wsdl")
    check(action, call_with_suds(client, action, f"SUDS-{version}"))


def test_the_neutral_url_describes_1_5(program: Program) -> None:
    client = zeep_client(f"{program.url}?wsdl")
    check("DataTransfer", call_with_zeep(client, Version.V15, "DataTransfer", "ZEEP-1.5"))


def test_zeep_and_suds_call_every_operation_of_a_charge_point(stations: tuple[Version, str]) -> None:
    version, url = stations
    description = f"{url}/Ocpp/{version}/ChargePointService?wsdl"
    zeep_peer, suds_peer = zeep_client(description), suds_client(description)
    for action in (a.name for a in actions(Role.CHARGE_POINT, version)):
        check(action, call_with_zeep(zeep_peer, version, action, f"SIM-{version}"))
        check(action, call_with_suds(suds_peer, action, f"SIM-{version}"))
