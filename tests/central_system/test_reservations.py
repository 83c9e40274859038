"""Reservations from accepted to used, cancelled or expired."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem, Tag
from ocpp_soap.central_system.fleet_collections import RESERVATIONS
from ocpp_soap.central_system.records import revise
from ocpp_soap.central_system.reservation_table import key_of
from ocpp_soap.central_system.reservations import Reservations
from ocpp_soap.errors import BadAnswer, CallFailed, ConnectionLost, StoreUnavailable, TimedOut, Unreachable
from ocpp_soap.messages import (
    CancelReservationRequest,
    CancelReservationResponse,
    ReserveNowResponse,
    StartTransactionRequest,
    StatusNotificationRequest,
)


class Station:
    """Answers ``status`` to reservations, or raises ``error``."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.status = "Accepted"
        self.error: Exception | None = None

    def __call__(self, identity: str, request: Any) -> Any:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        if isinstance(request, CancelReservationRequest):
            return CancelReservationResponse(status=self.status)
        return ReserveNowResponse(status=self.status)


@pytest.fixture
def station() -> Station:
    return Station()


@pytest.fixture
def system(make_central_system: Callable[..., CentralSystem], station: Station) -> CentralSystem:
    made = make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept")
    made.stations.allow("CP001")
    made.reservations = Reservations(
        made.store, made.tags, made.events, made.command_queue, station, timeout_of=lambda _: 5.0
    )
    return made


@pytest.fixture
def later() -> datetime:
    return datetime.now(timezone.utc) + timedelta(hours=1)


@pytest.fixture
def start(system: CentralSystem, make_call: Any) -> Callable[..., int]:
    def begin(
        id_tag: str, connector_id: int = 1, reservation_id: int | None = None, timestamp: datetime | None = None
    ) -> int:
        request = StartTransactionRequest(
            connector_id=connector_id,
            id_tag=id_tag,
            timestamp=timestamp or datetime.now(timezone.utc),
            meter_start=0,
            reservation_id=reservation_id,
        )
        return int(system.receive(make_call(request, received_at=datetime.now(timezone.utc))).transaction_id)

    return begin


def state(system: CentralSystem, reservation_id: int) -> str:
    found = system.reservations.get(reservation_id)
    assert found is not None
    return found.state


def breaking(verb: Callable[..., Any], left: Iterator[int]) -> Callable[..., Any]:
    """The verb of a store, for as long as there is something left."""

    def broken(*arguments: Any, **values: Any) -> Any:
        if next(left, None) is None:
            raise StoreUnavailable("it went away")
        return verb(*arguments, **values)

    return broken


def kinds(system: CentralSystem) -> list[str]:
    return [event.kind for event in system.events.list().items if event.kind.startswith("reservation.")]


def test_a_reservation_is_asked_of_the_station_and_accepted(
    system: CentralSystem, station: Station, later: datetime
) -> None:
    system.tags.add(Tag(id_tag="TAG", parent_id_tag="GROUP"))
    made = system.reservations.reserve("CP001", 1, "TAG", later, by="operator")
    assert (made.state, made.created_by) == ("accepted", "operator")
    (request,) = station.requests
    assert (request.reservation_id, request.connector_id, request.id_tag, request.parent_id_tag) == (
        made.reservation_id,
        1,
        "TAG",
        "GROUP",
    )
    assert kinds(system) == ["reservation.accepted"]


def test_two_reservations_of_a_connector_cannot_overlap(system: CentralSystem, later: datetime) -> None:
    first = system.reservations.reserve("CP001", 1, "TAG", later)
    with pytest.raises(ValueError, match=f"by reservation {first.reservation_id}"):
        system.reservations.reserve("CP001", 1, "OTHER", later)
    system.reservations.reserve("CP001", 2, "OTHER", later)


def test_a_reservation_refused_here_leaves_no_trace(system: CentralSystem, later: datetime) -> None:
    first = system.reservations.reserve("CP001", 1, "TAG", later)
    with pytest.raises(ValueError, match="is reserved until"):
        system.reservations.reserve("CP001", 1, "OTHER", later)
    assert system.reservations.list().items == [first]


@pytest.mark.parametrize("writes", range(8))
def test_what_is_broken_off_anywhere_keeps_no_connector(
    system: CentralSystem, later: datetime, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """As where the process is killed after so many writes, or the store goes away."""
    left = iter(range(writes))
    with monkeypatch.context() as patch:
        for verb in ("increment", "create", "replace", "append", "delete"):
            patch.setattr(system.store, verb, breaking(getattr(system.store, verb), left))
        with suppress(StoreUnavailable):
            system.reservations.cancel(system.reservations.reserve("CP001", 1, "TAG", later).reservation_id)
    for made in system.reservations.list().items:
        system.reservations.cancel(made.reservation_id)
    assert system.reservations.reserve("CP001", 1, "TAG", later).state == "accepted"


def test_of_many_who_ask_at_once_one_gets_the_connector(system: CentralSystem, later: datetime) -> None:
    outcomes: list[str] = []

    def ask(number: int) -> None:
        try:
            outcomes.append(system.reservations.reserve("CP001", 1, f"TAG{number}", later).state)
        except ValueError:
            outcomes.append("overlap")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted"] + ["overlap"] * 7


def test_any_connector_is_left_to_the_station(system: CentralSystem, later: datetime) -> None:
    assert [system.reservations.reserve("CP001", 0, f"TAG{n}", later).state for n in (1, 2)] == ["accepted"] * 2


def test_a_reservation_that_the_station_refuses_leaves_the_connector_free(
    system: CentralSystem, station: Station, later: datetime
) -> None:
    station.status = "Occupied"
    refused = system.reservations.reserve("CP001", 1, "TAG", later)
    assert (refused.state, refused.status, refused.reason) == ("refused", "Occupied", "the station answered Occupied")
    station.status = "Accepted"
    assert system.reservations.reserve("CP001", 1, "TAG", later).state == "accepted"


def test_a_reservation_of_a_station_that_is_away_fails(
    system: CentralSystem, station: Station, later: datetime
) -> None:
    station.error = Unreachable("CP001 is away")
    with pytest.raises(Unreachable):
        system.reservations.reserve("CP001", 1, "TAG", later)
    (failed,) = system.reservations.list(charge_box_identity="CP001").items
    assert (failed.state, failed.reason) == ("failed", "CP001 is away")
    assert system.command_queue.list().items == []


@pytest.mark.parametrize("kind", [TimedOut, ConnectionLost, BadAnswer])
def test_a_reservation_that_may_have_arrived_is_withdrawn_later(
    system: CentralSystem, station: Station, later: datetime, kind: type[CallFailed]
) -> None:
    station.error = kind("no answer")
    with pytest.raises(kind):
        system.reservations.reserve("CP001", 1, "TAG", later)
    (failed,) = system.reservations.list(state="failed").items
    (command,) = system.command_queue.list().items
    assert (command.action, command.payload, command.deadline) == (
        "CancelReservation",
        {"reservation_id": failed.reservation_id},
        later,
    )


def test_a_reservation_that_is_cancelled_while_the_station_takes_it_is_withdrawn_later(
    system: CentralSystem, station: Station, later: datetime
) -> None:
    def cancelled_meanwhile(identity: str, request: Any) -> Any:
        if isinstance(request, CancelReservationRequest):
            return CancelReservationResponse(status="Rejected")
        system.reservations.cancel(request.reservation_id)
        return ReserveNowResponse(status="Accepted")

    system.reservations._call = cancelled_meanwhile
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    assert made.state == "cancelled"
    (command,) = system.command_queue.list().items
    assert (command.action, command.payload) == ("CancelReservation", {"reservation_id": made.reservation_id})


def test_a_start_that_names_its_reservation_uses_it(
    system: CentralSystem, later: datetime, start: Callable[..., int]
) -> None:
    made = system.reservations.reserve("CP001", 0, "TAG", later)
    number = start("TAG", 2, made.reservation_id)
    used = system.reservations.get(made.reservation_id)
    assert used is not None
    assert (used.state, used.transaction_id) == ("used", number)
    assert kinds(system) == ["reservation.accepted", "reservation.used"]


@pytest.mark.parametrize(("tag", "expected"), [("tag", "used"), ("MEMBER", "used"), ("STRANGER", "accepted")], ids=str)
def test_a_start_on_the_connector_by_the_tag_or_its_group_uses_it(
    system: CentralSystem, later: datetime, start: Callable[..., int], tag: str, expected: str
) -> None:
    for name in ("TAG", "MEMBER"):
        system.tags.add(Tag(id_tag=name, parent_id_tag="GROUP"))
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    start(tag, 2)
    assert state(system, made.reservation_id) == "accepted"
    start(tag, 1)
    assert state(system, made.reservation_id) == expected


def test_a_start_that_comes_while_the_station_is_asked_uses_only_what_it_names(
    system: CentralSystem, later: datetime, start: Callable[..., int]
) -> None:
    def ask(identity: str, request: Any) -> Any:
        start("TAG")
        return ReserveNowResponse(status="Occupied")

    system.reservations._call = ask
    assert system.reservations.reserve("CP001", 1, "TAG", later).state == "refused"

    def ask_again(identity: str, request: Any) -> Any:
        start("TAG", reservation_id=request.reservation_id)
        return ReserveNowResponse(status="Accepted")

    system.reservations._call = ask_again
    assert system.reservations.reserve("CP001", 1, "TAG", later).state == "used"


def test_a_start_that_is_repeated_uses_no_reservation_that_was_made_after_it_first_came(
    system: CentralSystem, later: datetime, start: Callable[..., int]
) -> None:
    begun = datetime.now(timezone.utc)
    first = start("TAG", timestamp=begun)
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    assert start("TAG", timestamp=begun) == first
    assert state(system, made.reservation_id) == "accepted"
    start("TAG")
    assert state(system, made.reservation_id) == "used"


def test_a_reservation_that_was_made_before_our_clock_was_set_back_is_used_by_a_start_that_names_none(
    system: CentralSystem, later: datetime, start: Callable[..., int]
) -> None:
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    ahead = {"created_at": made.created_at + timedelta(minutes=30)}
    revise(system.store, RESERVATIONS, key_of(made.reservation_id), lambda found: {**found, **ahead})
    start("TAG")
    assert state(system, made.reservation_id) == "used"


@pytest.mark.parametrize("number", [0, -1, 4711])
def test_a_start_that_names_no_reservation_of_ours_uses_the_one_of_its_tag(
    system: CentralSystem, start: Any, later: datetime, number: int
) -> None:
    """Some stations send a reservationId with every start."""
    made, other = (system.reservations.reserve("CP001", connector, "TAG", later) for connector in (1, 2))
    start("TAG", reservation_id=number)
    assert (state(system, made.reservation_id), state(system, other.reservation_id)) == ("used", "accepted")


def test_a_used_reservation_leaves_the_connector_free(
    system: CentralSystem, later: datetime, start: Callable[..., int]
) -> None:
    system.reservations.reserve("CP001", 1, "TAG", later)
    start("TAG")
    assert system.reservations.reserve("CP001", 1, "OTHER", later).state == "accepted"


def test_a_reservation_of_another_station_is_not_used(
    system: CentralSystem, later: datetime, start: Callable[..., int]
) -> None:
    made = system.reservations.reserve("OTHER", 1, "TAG", later)
    start("TAG", 1, made.reservation_id)
    assert state(system, made.reservation_id) == "accepted"


@pytest.mark.parametrize(
    ("connector_id", "status", "expected"),
    [
        (1, "Faulted", "cancelled"),
        (0, "Unavailable", "cancelled"),
        (2, "Faulted", "accepted"),
        (1, "Reserved", "accepted"),
    ],
)
def test_a_connector_that_is_out_of_use_ends_its_reservation(
    system: CentralSystem, later: datetime, make_call: Any, connector_id: int, status: str, expected: str
) -> None:
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    report = StatusNotificationRequest(connector_id=connector_id, status=status, error_code="NoError")
    system.receive(make_call(report))
    assert state(system, made.reservation_id) == expected


def test_a_reservation_is_cancelled_at_the_station(system: CentralSystem, station: Station, later: datetime) -> None:
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    cancelled = system.reservations.cancel(made.reservation_id, by="operator")
    assert cancelled is not None
    assert (cancelled.state, cancelled.reason) == ("cancelled", "by operator; the station answered Accepted")
    assert station.requests[-1].reservation_id == made.reservation_id
    assert system.reservations.cancel(made.reservation_id) == cancelled
    assert len(station.requests) == 2
    assert system.reservations.cancel(4711) is None


def test_a_reservation_that_cannot_be_cancelled_stays_open(
    system: CentralSystem, station: Station, later: datetime
) -> None:
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    station.error = Unreachable("away")
    with pytest.raises(Unreachable):
        system.reservations.cancel(made.reservation_id)
    assert state(system, made.reservation_id) == "accepted"


@pytest.mark.parametrize(("seconds", "expected"), [(19, "pending"), (21, "failed")])
def test_a_reservation_whose_process_died_while_it_asked_is_withdrawn_when_the_time_of_the_call_is_over(
    system: CentralSystem, station: Station, later: datetime, seconds: float, expected: str
) -> None:
    class Killed(BaseException):
        pass

    station.error = Killed()  # type: ignore[assignment]
    with pytest.raises(Killed):
        system.reservations.reserve("CP001", 1, "TAG", later)
    asked_at = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    revise(system.store, RESERVATIONS, key_of(1), lambda document: {**document, "created_at": asked_at})
    system.reservations.give_up({})
    system.reservations.give_up({})
    assert state(system, 1) == expected
    commands = [(command.action, command.payload) for command in system.command_queue.list().items]
    assert commands == ([("CancelReservation", {"reservation_id": 1})] if expected == "failed" else [])


def test_a_reservation_that_the_station_accepts_after_it_was_given_up_is_withdrawn_then(
    system: CentralSystem, later: datetime
) -> None:
    """The CancelReservation of the giving up may have come to the station before the ReserveNow."""
    withdrawn: list[int] = []

    def given_up_meanwhile(_: str, request: Any) -> ReserveNowResponse:
        long_ago = datetime.now(timezone.utc) - timedelta(minutes=1)
        key = key_of(request.reservation_id)
        revise(system.store, RESERVATIONS, key, lambda document: {**document, "created_at": long_ago})
        system.reservations.give_up({})
        withdrawn.extend(command.command_id for command in system.command_queue.list().items)
        return ReserveNowResponse(status="Accepted")

    system.reservations._call = given_up_meanwhile
    made = system.reservations.reserve("CP001", 1, "TAG", later)
    assert made.state == "failed"
    (command,) = (found for found in system.command_queue.list().items if found.command_id not in withdrawn)
    assert (command.action, command.payload) == ("CancelReservation", {"reservation_id": made.reservation_id})


def test_a_reservation_expires_and_frees_the_connector(system: CentralSystem) -> None:
    soon = datetime.now(timezone.utc) + timedelta(seconds=0.1)
    made = system.reservations.reserve("CP001", 1, "TAG", soon)
    threading.Event().wait(0.15)
    system.reservations.expire({})
    system.reservations.expire({})
    assert state(system, made.reservation_id) == "expired"
    assert kinds(system) == ["reservation.accepted", "reservation.expired"]
    with pytest.raises(ValueError, match="over already"):
        system.reservations.reserve("CP001", 1, "TAG", soon)
