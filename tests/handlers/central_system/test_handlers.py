"""The ten handlers of the central system: short files, each with one function, that say what they answer."""

from __future__ import annotations

import ast
from datetime import datetime, timezone

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import (
    AuthorizeRequest,
    BootNotificationRequest,
    DataTransferRequest,
    DiagnosticsStatusNotificationRequest,
    FirmwareStatusNotificationRequest,
    HeartbeatRequest,
    MeterValuesRequest,
    Role,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
    Version,
    actions,
)
from ocpp_soap.paths import bundled

FOLDER = bundled("handlers") / Role.CENTRAL_SYSTEM.value
NOON = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
REQUESTS = {
    "Authorize": AuthorizeRequest(id_tag="A"),
    "BootNotification": BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="Wall"),
    "DataTransfer": DataTransferRequest(vendor_id="com.acme"),
    "DiagnosticsStatusNotification": DiagnosticsStatusNotificationRequest(status="Uploaded"),
    "FirmwareStatusNotification": FirmwareStatusNotificationRequest(status="Installed"),
    "Heartbeat": HeartbeatRequest(),
    "MeterValues": MeterValuesRequest(connector_id=0),
    "StartTransaction": StartTransactionRequest(connector_id=1, id_tag="A", timestamp=NOON, meter_start=0),
    "StatusNotification": StatusNotificationRequest(connector_id=0, status="Available", error_code="NoError"),
    "StopTransaction": StopTransactionRequest(transaction_id=0, timestamp=NOON, meter_stop=0),
}
ACTIONS = actions(Role.CENTRAL_SYSTEM)
ACTIONS_IN = {version: actions(Role.CENTRAL_SYSTEM, version) for version in Version}


@pytest.fixture
def central_system(tmp_path):
    settings = config.load(None, {"OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path / "store.db")})
    with CentralSystem.open(settings) as system:
        yield system


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_a_handler_is_a_short_file_with_a_function_that_is_explained(action):
    text = (FOLDER / f"{action.snake_name}.py").read_text("utf-8")
    tree = ast.parse(text)
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert function.name == "handle"
    assert action.name in (ast.get_docstring(tree) or "")
    assert ast.get_docstring(function)
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize(("version", "action"), [(version, a) for version in Version for a in ACTIONS_IN[version]])
def test_a_handler_answers_with_the_confirmation_of_its_action(central_system, action, version):
    call = Call(
        charge_box_identity="CP001",
        version=version,
        action=action,
        request=REQUESTS[action.name],
        received_at=datetime.now(timezone.utc),
    )
    assert type(central_system.receive(call)) is action.response


def test_there_is_a_handler_for_every_action_and_no_other_file():
    files = {file.stem for file in FOLDER.glob("*.py")} - {"__init__"}
    assert files == {action.snake_name for action in ACTIONS}


@pytest.mark.parametrize("name", ["Heartbeat", "BootNotification"])
def test_the_time_is_told_in_utc_and_whole_seconds(central_system, name):
    (action,) = [action for action in ACTIONS if action.name == name]
    now = datetime.now(timezone.utc)
    call = Call(
        charge_box_identity="CP001", version=Version.V15, action=action, request=REQUESTS[name], received_at=now
    )
    told = central_system.receive(call).current_time
    assert told.utcoffset().total_seconds() == 0
    assert told.microsecond == 0
    assert abs((told - now).total_seconds()) < 5
