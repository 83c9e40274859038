"""The central system calls a simulated charge point back, each action from the command line, in both versions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ports import free_port
from program import Program, simulated_station

from ocpp_soap.messages import Role, Version, actions

EXIT_UNREACHABLE, EXIT_REFUSED, EXIT_NOT_FOUND = 6, 7, 4

OPTIONS: dict[str, list[str]] = {
    "UnlockConnector": ["--connector-id", "1"],
    "ChangeAvailability": ["--connector-id", "0", "--type", "Operative"],
    "GetDiagnostics": ["--location", "ftp://127.0.0.1:9/logs", "--retries", "1"],
    "ClearCache": [],
    "UpdateFirmware": ["--retrieve-date", "+1h", "--location", "ftp://127.0.0.1:9/firmware.bin"],
    "ChangeConfiguration": ["--key", "HeartBeatInterval", "--value", "120"],
    "RemoteStartTransaction": ["--id-tag", "T1", "--connector-id", "1"],
    "DataTransfer": ["--vendor-id", "org.example", "--message-id", "Hello", "--data", "<hello/>"],
    "GetConfiguration": ["--key", "HeartBeatInterval", "--key", "Nonsense"],
    "GetLocalListVersion": [],
    "ReserveNow": ["--connector-id", "2", "--expiry-date", "+1h", "--id-tag", "T1", "--reservation-id", "7"],
    "CancelReservation": ["--reservation-id", "7"],
    "SendLocalList": [
        *("--update-type", "Full", "--list-version", "5"),
        *("--local-authorisation-list", '[{"id_tag": "T1", "id_tag_info": {"status": "Accepted"}}]'),
    ],
    "Reset": ["--type", "Soft"],
}  # fmt: skip

ANSWERS = {
    "UnlockConnector": {"status": "Accepted"},
    "ChangeAvailability": {"status": "Accepted"},
    "ClearCache": {"status": "Accepted"},
    "ChangeConfiguration": {"status": "Accepted"},
    "DataTransfer": {"status": "UnknownVendorId", "data": None},
    "GetConfiguration": {
        "configuration_key": [{"key": "HeartBeatInterval", "readonly": False, "value": "120"}],
        "unknown_key": ["Nonsense"],
    },
    "ReserveNow": {"status": "Accepted"},
    "CancelReservation": {"status": "Accepted"},
    "SendLocalList": {"status": "Accepted", "hash": None},
    "RemoteStartTransaction": {"status": "Accepted"},
    "Reset": {"status": "Accepted"},
}

VERSIONS = pytest.mark.parametrize("version", list(Version), ids=str)


@pytest.fixture(scope="module")
def stations(program: Program) -> Iterator[dict[Version, str]]:
    """The identity of a simulated charge point of each version."""
    program.run("tags", "add", "T1")
    with simulated_station(program, Version.V12, "OLD"), simulated_station(program, Version.V15, "NEW"):
        yield {Version.V12: "OLD", Version.V15: "NEW"}


@VERSIONS
def test_every_action_is_answered(program: Program, stations: dict[Version, str], version: Version) -> None:
    known = {action.name for action in actions(Role.CHARGE_POINT, version)}
    for action in [name for name in OPTIONS if name in known]:
        status = {"DataTransfer": EXIT_REFUSED}.get(action, 0)
        done = program.run("call", stations[version], action, *OPTIONS[action], "--json", expect=status)
        if action in ANSWERS:
            assert program.parse(done.stdout) == ANSWERS[action]


@VERSIONS
def test_a_remote_start_and_stop_make_a_transaction(
    program: Program, stations: dict[Version, str], version: Version
) -> None:
    identity = stations[version]
    options = ["--id-tag", "T1", "--connector-id", "2"]
    program.wait_until_booted_since_reset(identity)
    program.run("tags", "add", "T1", "--max-concurrent", "0")
    assert program.json("call", identity, "RemoteStartTransaction", *options) == {"status": "Accepted"}
    transaction = program.wait_for_transaction(identity, connector_id=2, state="open")
    number = str(transaction["transaction_id"])
    assert program.json("call", identity, "RemoteStopTransaction", "--transaction-id", number) == {"status": "Accepted"}
    stopped = program.wait_for_transaction(identity, connector_id=2, state="closed")
    assert stopped["transaction_id"] == transaction["transaction_id"]
    assert stopped["meter_stop"] >= stopped["meter_start"]


def test_an_action_that_1_2_lacks_is_said_before_anything_is_sent(
    program: Program, stations: dict[Version, str]
) -> None:
    done = program.run("call", stations[Version.V12], "GetConfiguration", expect=2)
    assert "1.2" in done.stderr
    assert "GetConfiguration" in done.stderr


def test_an_unknown_station_is_said_to_be_unknown(program: Program) -> None:
    done = program.run("call", "NOBODY", "ClearCache", expect=EXIT_NOT_FOUND)
    assert "NOBODY" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_station_without_an_address_is_said_to_have_none(program: Program) -> None:
    program.run("stations", "allow", "SILENT")
    done = program.run("call", "SILENT", "ClearCache", expect=EXIT_UNREACHABLE)
    assert "set-url" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_station_that_does_not_listen_is_said_to_be_unreachable(program: Program) -> None:
    program.run("stations", "allow", "GONE")
    program.run("stations", "set-url", "GONE", f"http://127.0.0.1:{free_port()}/")
    done = program.run("call", "GONE", "ClearCache", "--timeout", "5", expect=EXIT_UNREACHABLE)
    assert "GONE" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_page_of_a_web_server_is_said_to_be_one(program: Program) -> None:
    program.run("stations", "allow", "WEB")
    program.run("stations", "set-url", "WEB", f"{program.base}/")
    done = program.run("call", "WEB", "ClearCache", expect=EXIT_UNREACHABLE)
    assert len(done.stderr.strip().splitlines()) == 1
