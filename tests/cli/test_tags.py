"""``ocpp-soap tags``."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any


def test_a_tag_is_added_and_listed(cli: Any) -> None:
    added = cli.json("tags", "add", "04A2", "--parent", "FLEET", "--expires", "2030-01-01T00:00:00+01:00")
    assert added["id_tag"] == "04A2"
    assert added["expiry_date"] == "2029-12-31T23:00:00Z"
    assert cli.json("tags", "list") == [added]
    assert "04A2  Accepted  FLEET   2029-12-31T23:00:00Z" in cli("tags", "list").stdout


def test_an_expiry_can_be_an_offset_from_now(cli: Any) -> None:
    added = cli.json("tags", "add", "A", "--expires", "+30d")
    remaining = datetime.fromisoformat(added["expiry_date"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert 29.9 < remaining.total_seconds() / 86400 <= 30


def test_blocking_keeps_the_tag_and_is_found_in_any_letter_case(cli: Any) -> None:
    cli("tags", "add", "abc")
    assert cli.json("tags", "block", "ABC")["status"] == "Blocked"
    assert [tag["id_tag"] for tag in cli.json("tags", "list", "--status", "Blocked")] == ["abc"]
    assert cli.json("tags", "list", "--status", "Accepted") == []


def test_adding_again_unblocks(cli: Any) -> None:
    cli("tags", "add", "abc")
    cli("tags", "block", "abc")
    assert cli.json("tags", "add", "abc")["status"] == "Accepted"


def test_a_removed_tag_is_gone(cli: Any) -> None:
    cli("tags", "add", "abc")
    assert cli("tags", "remove", "abc").exit_code == 0
    assert cli.json("tags", "list") == []


def test_an_unknown_tag_ends_with_4(cli: Any) -> None:
    for command in ("block", "remove"):
        result = cli("tags", command, "nobody")
        assert result.exit_code == 4
        assert "no idTag nobody" in result.stderr


def test_an_empty_tag_is_wrong_usage(cli: Any) -> None:
    assert cli("tags", "add", "").exit_code == 2


def test_more_tags_than_the_limit_are_said_to_be_there(cli: Any) -> None:
    for number in range(3):
        cli("tags", "add", f"T{number}")
    result = cli("tags", "list", "--limit", "2", "--json")
    assert result.stdout.count('"id_tag"') == 2
    assert "more than 2" in result.stderr


def test_an_empty_list_is_an_empty_document(cli: Any) -> None:
    assert cli.json("tags", "list") == []
    assert cli("tags", "list").stdout == ""
