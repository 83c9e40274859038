"""``ocpp-soap labels``."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _two_stations(cli: Any) -> None:
    cli("stations", "allow", "CP001")
    cli("stations", "allow", "CP002")


def test_charge_points_are_given_a_label_and_lose_it(cli: Any) -> None:
    assert "2 charge points were given the label berlin" in cli("labels", "add", "berlin", "CP001", "CP002").stderr
    assert cli.json("labels", "show", "berlin") == ["CP001", "CP002"]
    assert cli("labels", "remove", "berlin", "CP001").stderr == "1 charge point had the label berlin.\n"
    assert cli.json("labels", "show", "berlin") == ["CP002"]


def test_one_is_one(cli: Any) -> None:
    assert "1 charge point was given the label berlin" in cli("labels", "add", "berlin", "CP001").stderr


def test_a_charge_point_that_is_not_there_ends_with_4_and_nobody_is_given_the_label(cli: Any) -> None:
    done = cli("labels", "add", "berlin", "CP001", "TYPO")
    assert done.exit_code == 4
    assert "TYPO: no such charge point" in done.stderr
    assert cli.json("labels", "show", "berlin") == []
