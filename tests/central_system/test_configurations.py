"""What is known of the configuration of stations, learned from the commands to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.configurations import Configurations, KeyDifference

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def done(action: str, payload: dict[str, Any], answer: dict[str, Any], *, minutes: int = 0) -> Command:
    """A command that CP001 answered so many minutes after noon."""
    return Command(
        command_id=minutes + 1,
        charge_box_identity="CP001",
        action=action,
        payload=payload,
        answer=answer,
        state="done",
        is_open=False,
        created_at=NOON,
        deadline=NOON,
        max_attempts=1,
        closed_at=NOON + timedelta(minutes=minutes),
    )


def read(*keys: tuple[str, str, bool], unknown: tuple[str, ...] = (), asked: bool = False, minutes: int = 0) -> Command:
    answer = {
        "configuration_key": [{"key": k, "value": v, "readonly": r} for k, v, r in keys],
        "unknown_key": list(unknown),
    }
    payload = {"key": [k for k, _, _ in keys]} if asked else {}
    return done("GetConfiguration", payload, answer, minutes=minutes)


def changed(key: str, value: str, status: str = "Accepted", *, minutes: int = 0) -> Command:
    return done("ChangeConfiguration", {"key": key, "value": value}, {"status": status}, minutes=minutes)


@pytest.fixture
def configurations(make_central_system: Callable[..., CentralSystem]) -> Configurations:
    return make_central_system().configurations


def values(configurations: Configurations) -> dict[str, str]:
    known = configurations.get("CP001")
    assert known is not None
    return {key: entry["value"] for key, entry in known.keys.items()}


def test_what_a_station_answers_is_known_with_its_time(configurations: Configurations) -> None:
    configurations.learn(read(("A", "1", False), ("B", "2", True), unknown=("C",)))
    known = configurations.get("CP001")
    assert known is not None
    assert known.keys["B"] == {"value": "2", "readonly": True, "known_at": NOON}
    assert (known.unknown, known.read_at) == ({"C": NOON}, NOON)


def test_a_reading_of_some_keys_leaves_the_others(configurations: Configurations) -> None:
    configurations.learn(read(("A", "1", False), ("B", "2", False)))
    configurations.learn(read(("B", "3", False), asked=True, minutes=1))
    assert values(configurations) == {"A": "1", "B": "3"}


def test_a_reading_of_all_keys_replaces_what_was_known(configurations: Configurations) -> None:
    configurations.learn(read(("A", "1", False)))
    configurations.learn(read(("B", "2", False), minutes=1))
    assert values(configurations) == {"B": "2"}


def test_what_was_learned_from_a_later_answer_stays(configurations: Configurations) -> None:
    configurations.learn(changed("A", "new", minutes=5))
    configurations.learn(read(("A", "old", False), ("B", "2", False)))
    assert values(configurations) == {"A": "new", "B": "2"}


def test_a_change_that_was_accepted_is_known(configurations: Configurations) -> None:
    configurations.learn(changed("A", "1"))
    configurations.learn(changed("A", "2", "Rejected", minutes=1))
    configurations.learn(changed("X", "2", "NotSupported", minutes=2))
    assert values(configurations) == {"A": "1"}
    known = configurations.get("CP001")
    assert known is not None
    assert list(known.unknown) == ["X"]


def test_a_command_that_was_not_done_teaches_nothing(configurations: Configurations) -> None:
    configurations.learn(replace(changed("A", "1"), state="failed", answer=None))
    assert configurations.get("CP001") is None


def test_the_difference_to_a_template_says_what_stands_in_the_way(configurations: Configurations) -> None:
    configurations.learn(read(("Same", "1", False), ("Other", "1", False), ("Fixed", "1", True), unknown=("Gone",)))
    template = {"Same": "1", "Other": "2", "Fixed": "2", "Gone": "2", "New": "2"}
    assert configurations.difference("CP001", template) == [
        KeyDifference("Other", "1", "2"),
        KeyDifference("Fixed", "1", "2", "read-only"),
        KeyDifference("Gone", None, "2", "not known to the station"),
        KeyDifference("New", None, "2"),
    ]


def test_of_a_station_never_asked_all_is_different(configurations: Configurations) -> None:
    assert configurations.difference("NEVER", {"A": "1"}) == [KeyDifference("A", None, "1")]
