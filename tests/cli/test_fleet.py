"""What an operator does about the fleet: held and silent charge points, transactions that do not end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import (
    BootNotificationRequest,
    HeartbeatRequest,
    Role,
    StartTransactionRequest,
    Version,
    find_action,
)

NOW = datetime.now(timezone.utc)
BOOT = BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


@pytest.fixture
def speak(cli: Any) -> Callable[..., Any]:
    """Let a charge point send a message to the central system of the command line's settings, at some time."""

    def send(request: Any, identity: str, at: datetime = NOW) -> Any:
        action = find_action(Role.CENTRAL_SYSTEM, type(request).__name__.removesuffix("Request"))
        assert action is not None
        call = Call(
            charge_box_identity=identity,
            version=Version.V15,
            action=action,
            request=request,
            received_at=at,
            peer="192.0.2.7",
        )
        with CentralSystem.open(config.load(cli.config_file, {})) as system:
            answer = system.receive(call)
            system.contacts.flush()
            system.duties.do_all()
        return answer

    return send


def test_a_held_charge_point_is_listed_with_what_is_known_and_decided(cli: Any, speak: Any) -> None:
    cli.config_file.write_text(cli.config_file.read_text() + "registration: {unknown_charge_points: hold}\n")
    assert [speak(BOOT, identity).status for identity in ("GOOD", "BAD")] == ["Rejected", "Rejected"]
    listed = cli("stations", "list", "--registration", "held").stdout
    assert all(text in listed for text in ("GOOD", "BAD", "Acme", "One", "192.0.2.7", "FIRST SEEN"))
    assert cli.json("stations", "allow", "GOOD")["registration"] == "accepted"
    assert cli.json("stations", "block", "BAD")["registration"] == "blocked"
    assert cli.json("stations", "list", "--registration", "held") == []
    assert speak(BOOT, "GOOD").status == "Accepted"


def test_silent_charge_points_are_listed(cli: Any, speak: Any) -> None:
    assert cli.json("stations", "silent") == []
    speak(HeartbeatRequest(), "QUIET", NOW - timedelta(hours=1))
    speak(HeartbeatRequest(), "LIVELY")
    (silence,) = cli.json("stations", "silent")
    assert silence["charge_box_identity"] == "QUIET"


def test_a_transaction_is_closed_by_hand_for_a_reason(cli: Any, speak: Any) -> None:
    start = StartTransactionRequest(connector_id=1, id_tag="TAG", timestamp=NOW, meter_start=0)
    number = str(speak(start, "CP001").transaction_id)
    assert cli("transactions", "close", number).exit_code == 2
    closed = cli.json("transactions", "close", number, "--reason", "charge point scrapped")
    assert (closed["state"], closed["close_reason"]) == ("closed", "charge point scrapped")
    assert closed["closed_by"].startswith("cli")
    again = cli("transactions", "close", number, "--reason", "again")
    assert again.exit_code == 1
    assert "is closed; only an open one can be closed" in again.stderr
    assert cli("transactions", "close", "4711", "--reason", "none").exit_code == 4
