"""``ocpp-soap stations``."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.messages import (
    BootNotificationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    StatusNotificationRequest,
    Version,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
BOOT = BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One", firmware_version="1.0")
STATUS = StatusNotificationRequest(
    connector_id=1, status=ChargePointStatus.AVAILABLE, error_code=ChargePointErrorCode.NO_ERROR, timestamp=NOON
)


def test_a_charge_point_that_spoke_is_listed(cli: Any, receive: Any) -> None:
    receive(BOOT, callback_url="http://10.0.0.7:8080/")
    (station,) = cli.json("stations", "list")
    assert station["charge_box_identity"] == "CP001"
    assert station["registration"] == "accepted"
    assert station["vendor"] == "Acme"
    assert "CP001  accepted" in cli("stations", "list").stdout


def test_show_holds_boot_addresses_connectors_meter_values_and_warnings(cli: Any, receive: Any) -> None:
    receive(BOOT, callback_url="http://10.0.0.7:8080/", warnings=[MessageWarning("too_long", "serial", "x" * 26)])
    receive(STATUS)
    values = [MeterValue(timestamp=NOON, value=[SampledValue(value="1234", unit="Wh")])]
    receive(MeterValuesRequest(connector_id=1, values=values))
    shown = cli.json("stations", "show", "CP001")
    assert shown["boot"]["charge_point_model"] == "One"
    assert shown["callback_url"] == "http://10.0.0.7:8080/"
    assert shown["connectors"][0]["status"] == "Available"
    assert shown["connectors"][0]["timestamp"] == "2026-01-31T12:00:00Z"
    assert shown["meter_values"][0]["samples"][0]["value"][0] == {"value": "1234", "unit": "Wh"}
    assert "too_long serial" in shown["warnings"]
    text = cli("stations", "show", "CP001").stdout
    assert "callback url: http://10.0.0.7:8080/" in text
    assert "- connector id: 1, status: Available, error code: NoError" in text
    assert "- connector 1, 2026-01-31T12:00:00Z: 1234 Wh" in text
    assert "too_long" in text


def test_show_tells_by_how_much_the_clock_of_a_charge_point_is_ahead(cli: Any, receive: Any) -> None:
    receive(BOOT)
    assert cli.json("stations", "show", "CP001")["clock_skew"] is None
    for hours, told in ((-2, "behind"), (2, "ahead")):
        time = datetime.now(timezone.utc) + timedelta(hours=hours)
        receive(replace(STATUS, timestamp=time))
        assert cli.json("stations", "show", "CP001")["clock_skew"] == pytest.approx(hours * 3600, abs=30)
        text = cli("stations", "show", "CP001").stdout
        assert re.search(rf"clock skew: 7[12]\d\d\.\d s {told}", text), text


def test_a_charge_point_can_be_allowed_before_it_was_seen_and_blocked(cli: Any) -> None:
    assert cli.json("stations", "allow", "NEW")["registration"] == "accepted"
    assert cli.json("stations", "block", "NEW")["registration"] == "blocked"
    assert cli.json("stations", "list", "--registration", "accepted") == []
    assert len(cli.json("stations", "list", "--registration", "blocked")) == 1


def test_an_address_set_by_hand_wins_until_it_is_taken_back(cli: Any, receive: Any) -> None:
    receive(BOOT, callback_url="http://10.0.0.7:8080/")
    cli("stations", "set-url", "CP001", "https://cp001.example.com/ocpp")
    assert cli.json("stations", "show", "CP001")["callback_url"] == "https://cp001.example.com/ocpp"
    cli("stations", "set-url", "CP001", "")
    assert cli.json("stations", "show", "CP001")["callback_url"] == "http://10.0.0.7:8080/"


def test_an_address_that_is_no_url_is_wrong_usage(cli: Any, receive: Any) -> None:
    receive(BOOT)
    assert cli("stations", "set-url", "CP001", "10.0.0.7").exit_code == 2


def test_a_charge_point_can_have_a_heartbeat_interval_of_its_own(cli: Any, receive: Any) -> None:
    receive(BOOT)
    assert cli("stations", "set-heartbeat-interval", "CP001", "900").exit_code == 0
    assert receive(BOOT).heartbeat_interval == 900
    cli("stations", "set-heartbeat-interval", "CP001", "0")
    assert receive(BOOT).heartbeat_interval == 300


def test_lists_can_be_narrowed_by_vendor(cli: Any, receive: Any) -> None:
    receive(BOOT)
    receive(BootNotificationRequest(charge_point_vendor="Other", charge_point_model="X"), identity="CP002")
    assert [s["charge_box_identity"] for s in cli.json("stations", "list", "--vendor", "Other")] == ["CP002"]


def test_the_version_shown_is_the_one_it_speaks(cli: Any, receive: Any) -> None:
    receive(BOOT, version=Version.V12)
    assert cli.json("stations", "show", "CP001")["version"] == "1.2"


def test_an_unknown_charge_point_ends_with_4(cli: Any) -> None:
    for command in (("show", "X"), ("set-url", "X", "http://x/"), ("set-heartbeat-interval", "X", "60")):
        result = cli("stations", *command)
        assert result.exit_code == 4
        assert "no charge point X" in result.stderr
