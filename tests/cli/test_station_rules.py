"""``ocpp-soap stations require`` and ``profile``."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_what_is_required_of_a_station_replaces_what_was_required_before(cli: Any) -> None:
    cli("stations", "allow", "CP001")
    required = cli.json("stations", "require", "CP001", "--certificate-subject", "CN=CP001", "--network", "10.0.0.0/8")
    assert required["requirements"] == {"certificate_subject": "CN=CP001", "username": "", "networks": ["10.0.0.0/8"]}
    assert cli.json("stations", "require", "CP001")["requirements"] is None


def test_a_password_comes_from_stdin_and_is_never_printed(cli: Any) -> None:
    cli("stations", "allow", "CP001")
    result = cli("stations", "require", "CP001", "--username", "cp", stdin="s3cret-word\n")
    assert result.exit_code == 0
    assert "s3cret-word" not in result.output
    assert "s3cret-word" not in cli("stations", "show", "CP001", "--json").output


def test_a_user_name_without_password_is_wrong_usage(cli: Any) -> None:
    cli("stations", "allow", "CP001")
    assert cli("stations", "require", "CP001", "--username", "cp", stdin="").exit_code == 2


def test_a_network_that_is_none_is_wrong_usage(cli: Any) -> None:
    cli("stations", "allow", "CP001")
    assert cli("stations", "require", "CP001", "--network", "10.0.0.0/99").exit_code == 2


def test_how_a_station_is_called_can_be_set_and_taken_back(cli: Any, tmp_path: Path) -> None:
    cli("stations", "allow", "CP001")
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    options = ("--soap-version", "1.1", "--action-form", "bare", "--no-from", "--ca-file", str(authority))
    profile = cli.json("stations", "profile", "CP001", "--timeout", "90", *options)["profile"]
    assert profile["soap_version"] == "1.1"
    assert profile["action_form"] == "bare"
    assert profile["send_from"] is False
    assert profile["timeout"] == 90
    assert profile["ca_file"] == str(authority)
    assert cli.json("stations", "profile", "CP001")["profile"] is None


def test_a_call_is_waited_for_a_day_at_most(cli: Any) -> None:
    cli("stations", "allow", "CP001")
    for command in (("stations", "profile", "CP001"), ("call", "CP001", "ClearCache")):
        refused = cli(*command, "--timeout", "1e12")
        assert refused.exit_code == 2
        assert "86400" in refused.stderr


def test_an_unknown_station_ends_with_4(cli: Any) -> None:
    assert cli("stations", "require", "X").exit_code == 4
    assert cli("stations", "profile", "X").exit_code == 4
