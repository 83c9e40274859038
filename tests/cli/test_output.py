"""What commands print of texts that strangers sent: neither control sequences nor lines of their own."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from click.testing import CliRunner

from ocpp_soap.cli import exits, output
from ocpp_soap.errors import CallFailed, ConfigurationError
from ocpp_soap.messages.central_system import BootNotificationRequest

HOSTILE = "A\x1b[31m\x9b31mX\x9d0;pwned\x9c\x7f\u202e\u2028\u200d"
ESCAPED = r"A\x1b[31m\x9b31mX\x9d0;pwned\x9c\x7f\u202e"


def test_a_boot_notification_steers_no_terminal_and_forges_no_line(cli: Any, receive: Any) -> None:
    vendor = "Acme\n  requirements: {username: CP009}\nregistration: blocked"
    receive(BootNotificationRequest(charge_point_vendor=vendor, charge_point_model=HOSTILE))
    shown = cli("stations", "show", "CP001").stdout
    assert ESCAPED in shown
    assert r"Acme\n  requirements: {username: CP009}\nregistration: blocked" in shown
    assert "registration: blocked" not in shown.splitlines()
    listed = cli("stations", "list").stdout
    assert ESCAPED[:20] in listed
    assert len(listed.splitlines()) == 2
    for printed in (shown, listed, cli("stations", "show", "CP001", "--json").stdout):
        assert all(character.isprintable() for character in printed.replace("\n", ""))


def test_json_escapes_what_json_need_not_and_stays_the_same_document() -> None:
    document = {"model": HOSTILE, "tag": "\U000e0001 ÄÖ 🚗"}
    text = output.json_text(document, indent=2)
    assert json.loads(text) == document
    assert r"\u009b31mX\u009d" in text
    assert r"\u007f\u202e\u2028" in text
    assert r"\udb40\udc01 ÄÖ 🚗" in text


def test_what_people_write_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("VENDOR",), [("Müller 🚗 充電",)], nothing="")
    assert capsys.readouterr().out.splitlines()[1] == "Müller 🚗 充電"


def test_the_reason_that_a_station_gave_is_one_line_without_control_sequences() -> None:
    assert exits.failure(CallFailed("no\nError: all is lost\x9b31m")).message == r"no\nError: all is lost\x9b31m"
    assert exits.failure(ConfigurationError("one\ntwo")).message == "one\ntwo"

    @click.command()
    def fails() -> None:
        with exits.ending_in_a_sentence():
            raise FileNotFoundError(2, "No such file", "log\x9b31m")

    assert CliRunner().invoke(fails).stderr == "Error: log\\x9b31m: No such file\n"


def test_hints_hold_no_control_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_hint("one\ntwo\x1b[2J")
    assert capsys.readouterr().err == "one\ntwo\\x1b[2J\n"
