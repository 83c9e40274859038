"""Local authorisation lists that follow the table of tags."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem, Tag
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.local_lists import LocalLists
from ocpp_soap.errors import NotSupportedInVersion, TimedOut, Unreachable
from ocpp_soap.messages import (
    GetLocalListVersionRequest,
    GetLocalListVersionResponse,
    SendLocalListRequest,
    SendLocalListResponse,
    UpdateType,
)


class Station:
    """A station's list as the specification wants it; ``answers`` come first, ``loses`` answers after acting.

    ``is_away``: updates do not reach it.
    """

    def __init__(self) -> None:
        self.version = 0
        self.tags: dict[str, str] = {}
        self.sent: list[SendLocalListRequest] = []
        self.answers: list[str] = []
        self.loses = False
        self.is_away = False

    def __call__(self, identity: str, request: Any) -> Any:
        if isinstance(request, GetLocalListVersionRequest):
            return GetLocalListVersionResponse(list_version=self.version)
        if self.is_away:
            raise Unreachable("no way to it")
        self.sent.append(request)
        if self.answers:
            return SendLocalListResponse(status=self.answers.pop(0))
        if request.update_type == UpdateType.FULL:
            self.tags = {}
        elif request.list_version <= self.version:
            return SendLocalListResponse(status="VersionMismatch")
        for entry in request.local_authorisation_list:
            self.tags.pop(entry.id_tag.lower(), None)
            if entry.id_tag_info is not None:
                self.tags[entry.id_tag.lower()] = str(entry.id_tag_info.status)
        self.version = request.list_version
        if self.loses:
            raise TimedOut("no answer")
        return SendLocalListResponse(status="Accepted")

    @property
    def updates(self) -> list[tuple[str, int]]:
        return [(str(request.update_type), len(request.local_authorisation_list)) for request in self.sent]


@pytest.fixture
def station() -> Station:
    return Station()


@pytest.fixture
def system(make_central_system: Callable[..., CentralSystem]) -> CentralSystem:
    return make_central_system()


@pytest.fixture
def lists(system: CentralSystem, station: Station) -> LocalLists:
    for name in ("ONE", "TWO", "THREE"):
        system.tags.add(Tag(id_tag=name))
    return LocalLists(system.store, system.tags, system.events, station)


def test_the_first_time_the_whole_list_is_sent(lists: LocalLists, station: Station) -> None:
    known = lists.sync("CP001")
    assert station.updates == [("Full", 3)]
    assert (known.state, known.version, known.synced_at is not None) == ("in_sync", 1, True)
    assert station.tags == {"one": "Accepted", "two": "Accepted", "three": "Accepted"}


def test_then_only_what_was_added_changed_and_removed(
    lists: LocalLists, station: Station, system: CentralSystem
) -> None:
    lists.sync("CP001")
    system.tags.add(Tag(id_tag="FOUR"))
    system.tags.block("ONE")
    system.tags.remove("TWO")
    difference = lists.difference("CP001")
    assert [len(part) for part in (difference.added, difference.changed, difference.removed)] == [1, 1, 1]
    assert lists.sync("CP001").version == 2
    assert station.updates == [("Full", 3), ("Differential", 3)]
    assert station.tags == {"one": "Blocked", "three": "Accepted", "four": "Accepted"}


def test_nothing_is_sent_where_nothing_has_changed(lists: LocalLists, station: Station) -> None:
    lists.sync("CP001")
    lists.sync("CP001")
    assert station.updates == [("Full", 3)]


def test_the_whole_list_is_sent_when_asked_for(lists: LocalLists, station: Station) -> None:
    lists.sync("CP001")
    lists.sync("CP001", full=True)
    assert station.updates == [("Full", 3), ("Full", 3)]


@pytest.mark.parametrize("refusal", ["VersionMismatch", "Failed", "HashError"])
def test_a_difference_that_is_refused_is_repaired_by_the_whole_list(
    lists: LocalLists, station: Station, system: CentralSystem, refusal: str
) -> None:
    lists.sync("CP001")
    system.tags.remove("TWO")
    station.answers = [refusal]
    assert lists.sync("CP001").state == "in_sync"
    assert station.updates == [("Full", 3), ("Differential", 1), ("Full", 2)]
    assert station.tags == {"one": "Accepted", "three": "Accepted"}


def test_a_list_that_somebody_else_has_changed_is_replaced(
    lists: LocalLists, station: Station, system: CentralSystem
) -> None:
    lists.sync("CP001")
    station.version, station.tags = 17, {"stranger": "Accepted"}
    known = lists.sync("CP001")
    assert (known.version, station.version) == (18, 18)
    assert station.tags == {"one": "Accepted", "two": "Accepted", "three": "Accepted"}


@pytest.mark.parametrize(
    ("answer", "updates"),
    [({"status": "Accepted"}, ["Full", "Full"]), (None, ["Full", "Full"]), ({"status": "Failed"}, ["Full"])],
)
def test_a_list_that_a_command_may_have_changed_is_replaced_whatever_its_version(
    lists: LocalLists, station: Station, system: CentralSystem, answer: Any, updates: list[str]
) -> None:
    lists.sync("CP001")
    now = datetime.now(timezone.utc)
    by_hand = Command(
        command_id=1,
        charge_box_identity="CP001",
        action="SendLocalList",
        state="done" if answer else "failed",
        created_at=now,
        deadline=now,
        max_attempts=1,
        answer=answer,
    )
    system.command_queue.tell(by_hand)
    lists.sync("CP001")
    assert [update for update, _ in station.updates] == updates


def test_an_update_whose_answer_was_lost_is_known_by_its_version(
    lists: LocalLists, station: Station, system: CentralSystem
) -> None:
    lists.sync("CP001")
    system.tags.remove("TWO")
    station.loses = True
    with pytest.raises(TimedOut):
        lists.sync("CP001")
    station.loses = False
    system.tags.remove("THREE")
    assert lists.sync("CP001").version == 3
    assert station.updates == [("Full", 3), ("Differential", 1), ("Differential", 1)]
    assert station.tags == {"one": "Accepted"}


def test_a_whole_list_that_never_arrived_leaves_known_what_the_station_still_holds(
    lists: LocalLists, station: Station, system: CentralSystem
) -> None:
    lists.sync("CP001")
    system.tags.remove("TWO")
    station.is_away = True
    with pytest.raises(Unreachable):
        lists.sync("CP001", full=True)
    station.is_away = False
    assert [entry.id_tag for entry in lists.difference("CP001").removed] == ["two"]
    assert lists.sync("CP001").state == "in_sync"
    assert station.tags == {"one": "Accepted", "three": "Accepted"}


def test_a_whole_list_that_is_refused_is_a_failure_with_its_reason(lists: LocalLists, station: Station) -> None:
    station.answers = ["Failed"]
    known = lists.sync("CP001")
    assert (known.state, known.reason) == ("failed", "the station answered Failed")
    assert [found.charge_box_identity for found in lists.list(state="failed").items] == ["CP001"]
    assert lists.sync("CP001").state == "in_sync"


def test_a_station_without_lists_is_left_alone(lists: LocalLists, station: Station) -> None:
    station.version = -1
    assert lists.sync("CP001").state == "unsupported"
    assert station.sent == []


def test_a_station_of_1_2_has_no_lists(system: CentralSystem) -> None:
    def call(identity: str, request: Any) -> Any:
        raise NotSupportedInVersion("GetLocalListVersion does not exist in OCPP 1.2")

    assert LocalLists(system.store, system.tags, system.events, call).sync("OLD").state == "unsupported"


def test_expired_tags_are_not_in_the_list(lists: LocalLists, station: Station, system: CentralSystem) -> None:
    now = datetime.now(timezone.utc)
    system.tags.add(Tag(id_tag="OLD", expiry_date=now - timedelta(days=1)))
    system.tags.add(Tag(id_tag="NEW", expiry_date=now + timedelta(days=1)))
    lists.sync("CP001")
    assert sorted(station.tags) == ["new", "one", "three", "two"]


@pytest.mark.parametrize("long", ["L" * 21, "İ" * 11], ids=["as spelled", "as folded"])
def test_a_tag_that_is_longer_than_an_id_token_is_left_out(
    lists: LocalLists, station: Station, system: CentralSystem, long: str
) -> None:
    system.tags.add(Tag(id_tag=long))
    system.tags.add(Tag(id_tag="M" * 20))
    assert lists.sync("CP001").state == "in_sync"
    assert sorted(station.tags) == ["m" * 20, "one", "three", "two"]
    assert lists.left_out() == [long]
    assert lists.difference("CP001").entries == []


def test_an_expired_tag_is_not_left_out_for_its_length(lists: LocalLists, system: CentralSystem) -> None:
    system.tags.add(Tag(id_tag="L" * 21, expiry_date=datetime.now(timezone.utc) - timedelta(days=1)))
    assert lists.left_out() == []


def test_a_long_list_is_sent_in_parts(lists: LocalLists, station: Station, system: CentralSystem) -> None:
    for number in range(7):
        system.tags.add(Tag(id_tag=f"TAG{number}"))
    assert lists.sync("CP001", chunk=4).version == 3
    assert station.updates == [("Full", 4), ("Differential", 4), ("Differential", 2)]
    assert len(station.tags) == 10


def test_without_tags_the_list_is_emptied(system: CentralSystem, station: Station) -> None:
    station.version, station.tags = 5, {"stranger": "Accepted"}
    LocalLists(system.store, system.tags, system.events, station).sync("CP001")
    assert (station.tags, station.updates) == ({}, [("Full", 0)])


def test_a_synchronisation_is_an_event(lists: LocalLists, system: CentralSystem) -> None:
    lists.sync("CP001")
    lists.sync("CP001")
    (event,) = system.events.list(kinds=["list.synced"]).items
    assert event.data == {"version": 1, "update_type": "Full", "added": 3, "changed": 0, "removed": 0}
