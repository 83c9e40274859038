"""``ocpp-soap keys``."""

from __future__ import annotations

from typing import Any


def test_a_token_is_printed_alone_on_stdout(cli: Any) -> None:
    result = cli("keys", "add", "grafana")
    assert result.exit_code == 0
    assert result.stdout.startswith("osk_")
    assert len(result.stdout.split()) == 1
    assert "role read" in result.stderr


def test_keys_are_listed_without_their_token(cli: Any) -> None:
    made = cli.json("keys", "add", "back office", "--role", "operate", "--network", "10.0.0.0/8")
    assert cli.json("keys", "list") == [made["key"]]
    assert made["token"] not in cli("keys", "list").stdout


def test_a_revoked_key_stays_in_the_list(cli: Any) -> None:
    key = cli.json("keys", "add", "grafana")["key"]
    assert cli("keys", "revoke", key["key_id"]).exit_code == 0
    assert cli.json("keys", "list")[0]["revoked_at"] is not None


def test_replacing_revokes_the_others_of_that_name(cli: Any) -> None:
    cli("keys", "add", "make-run")
    cli("keys", "add", "other")
    new = cli.json("keys", "add", "make-run", "--replace")["key"]
    valid = {key["name"]: key["key_id"] for key in cli.json("keys", "list") if key["revoked_at"] is None}
    assert valid["make-run"] == new["key_id"]
    assert set(valid) == {"make-run", "other"}


def test_revoking_an_unknown_key_ends_with_4(cli: Any) -> None:
    result = cli("keys", "revoke", "nobody")
    assert result.exit_code == 4
    assert "no key nobody" in result.stderr


def test_a_network_that_is_none_is_wrong_usage(cli: Any) -> None:
    assert cli("keys", "add", "x", "--network", "here").exit_code == 2
