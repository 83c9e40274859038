"""Envelopes typed by hand, for every action of both versions, sent to `serve` and read back by the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from program import CENTRAL_NAMESPACE, REQUESTS, WSA, Answer, Program, assert_valid

from ocpp_soap.messages import Role, Version, actions

STATION = {Version.V12: "HAND-12", Version.V15: "HAND-15"}


@pytest.fixture(scope="module")
def answers(program: Program) -> dict[tuple[Version, str], Answer]:
    """The answers to all files, in their order; the transaction that a start was given is used in what follows it."""
    program.run("tags", "add", "HandTag1")
    collected: dict[tuple[Version, str], Answer] = {}
    for version in Version:
        transaction = ""
        for file in sorted((REQUESTS / version.value).glob("*.xml")):
            action = file.stem.partition("-")[2]
            collected[version, action] = program.post_file(version, action, transaction)
            transaction = collected[version, action].text("transactionId") or transaction
    return collected


EVERY = [(version, a.snake_name) for version in Version for a in actions(Role.CENTRAL_SYSTEM, version)]


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_every_action_is_answered_as_its_schema_says(answers: Any, version: Version, action: str) -> None:
    answer = answers[version, action]
    assert answer.status == 200
    assert answer.message.tag.startswith(f"{{{CENTRAL_NAMESPACE[version]}}}")
    assert_valid(answer, Role.CENTRAL_SYSTEM, version)


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_every_answer_says_what_it_answers(answers: Any, version: Version, action: str) -> None:
    answer = answers[version, action]
    name = next(a.name for a in actions(Role.CENTRAL_SYSTEM) if a.snake_name == action)
    assert answer.header("Action") == f"/{name}Response"
    assert answer.header("To") == "http://www.w3.org/2005/08/addressing/anonymous"
    assert answer.header("MessageID")
    (file,) = (REQUESTS / version.value).glob(f"*-{action}.xml")
    (message_id,) = etree.parse(file).iterfind(f".//{WSA}MessageID")
    assert answer.header("RelatesTo") == message_id.text


def test_a_known_tag_is_accepted_in_any_letter_case(answers: Any) -> None:
    assert answers[Version.V15, "authorize"].text("status") == "Accepted"
    assert answers[Version.V15, "start_transaction"].text("status") == "Accepted"
    assert answers[Version.V15, "stop_transaction"].text("status") == "Accepted"


def test_an_unknown_tag_is_invalid_and_its_start_gets_an_id_all_the_same(answers: Any) -> None:
    assert answers[Version.V12, "authorize"].text("status") == "Invalid"
    assert answers[Version.V12, "start_transaction"].text("status") == "Invalid"
    assert int(answers[Version.V12, "start_transaction"].text("transactionId")) >= 1


def test_an_unknown_vendor_is_told_so(answers: Any) -> None:
    assert answers[Version.V15, "data_transfer"].text("status") == "UnknownVendorId"


@pytest.mark.usefixtures("answers")
def test_the_stations_are_listed(program: Program) -> None:
    listed = {row["charge_box_identity"]: row for row in program.json("stations", "list")}
    assert set(listed) == {"HAND-12", "HAND-15"}
    assert listed["HAND-15"]["vendor"] == "Handmade"
    assert listed["HAND-12"]["version"] == "1.2"


@pytest.mark.usefixtures("answers")
def test_what_the_1_5_station_said_of_itself_reads_back(program: Program) -> None:
    shown = program.json("stations", "show", "HAND-15")
    boot = shown["boot"]
    assert boot["charge_point_model"] == "Pen & Paper"
    assert boot["charge_box_serial_number"] == "CB-4711"
    assert boot["iccid"] == "8949012345678901234"
    assert "http://127.0.0.1:9/ocpp" in str(shown)
    (connector,) = [row for row in shown["connectors"] if row["connector_id"] == 1]
    assert connector["status"] == "Reserved"
    assert connector["error_code"] == "OtherError"
    assert connector["vendor_error_code"] == "E-77"
    assert connector["timestamp"].startswith("2026-03-01T07:30:00")


@pytest.mark.usefixtures("answers")
def test_the_notifications_read_back(program: Program) -> None:
    new, old = (program.json("stations", "show", STATION[version]) for version in (Version.V15, Version.V12))
    assert "Installed" in str(new)
    assert "UploadFailed" in str(new)
    assert "DownloadFailed" in str(old)
    assert "Uploaded" in str(old)


def test_the_1_5_transaction_reads_back_with_its_meter_values(program: Program, answers: Any) -> None:
    transaction_id = answers[Version.V15, "start_transaction"].text("transactionId")
    shown = program.json("transactions", "show", transaction_id)
    assert shown["charge_box_identity"] == "HAND-15"
    assert shown["connector_id"] == 2
    assert shown["reservation_id"] == 42
    assert (shown["meter_start"], shown["meter_stop"]) == (123456, 130456)
    assert shown["state"] == "closed"
    values = [value for sample in shown["meter_values"] for value in sample["value"]]
    assert {"value": "3.68", "context": "Sample.Clock", "format": "Raw", "measurand": "Power.Active.Import",
            "location": "Outlet", "unit": "kW"} in values  # fmt: skip
    assert {"value": "16.1", "measurand": "Current.Import", "unit": "Amp"} in values
    assert {"value": "130456", "context": "Transaction.End", "unit": "Wh"} in values


def test_the_1_2_meter_values_belong_to_the_open_transaction_of_their_connector(program: Program, answers: Any) -> None:
    transaction_id = answers[Version.V12, "start_transaction"].text("transactionId")
    shown = program.json("transactions", "show", transaction_id)
    assert [value["value"] for sample in shown["meter_values"] for value in sample["value"]] == ["610", "1220"]
    assert shown["start_time"].startswith("2012-05-01T12:00:00")
    assert "zoneless_time" in str(shown["start_warnings"])
    assert shown["meter_stop"] == 1830


@pytest.mark.usefixtures("answers")
def test_the_transactions_are_exported_as_csv_and_json_lines(program: Program) -> None:
    rows = program.run("transactions", "export", "--format", "csv").stdout.splitlines()
    assert len(rows) == 3
    assert "charge_box_identity" in rows[0]
    assert len(program.run("transactions", "export", "--format", "jsonl").stdout.splitlines()) == 2


def test_a_retried_start_is_the_same_transaction(program: Program, answers: Any) -> None:
    again = program.post_file(Version.V15, "start_transaction")
    assert again.text("transactionId") == answers[Version.V15, "start_transaction"].text("transactionId")
    assert again.text("status") == "Accepted"


def test_the_request_that_the_readme_shows_has_nothing_odd(program: Program) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (typed,) = re.findall(r"^\$ curl .*?-d '([^']*)'$", readme, flags=re.MULTILINE | re.DOTALL)
    assert program.post(typed.encode()).text("currentTime")
    assert program.json("stations", "show", "CP007")["warnings"] == {}
