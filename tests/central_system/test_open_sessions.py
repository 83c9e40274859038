"""Transactions that are open for too long, and those closed by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.collections import EVENTS
from ocpp_soap.central_system.retention import remove_older
from ocpp_soap.messages import StartTransactionRequest, StopTransactionRequest


@pytest.fixture
def system(make_central_system: Callable[..., CentralSystem]) -> CentralSystem:
    return make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept", WATCH__OPEN_TRANSACTION="3600")


@pytest.fixture
def start(system: CentralSystem, make_call: Callable[..., Any]) -> Callable[[float], int]:
    """Start a transaction so many hours ago."""

    def begin(hours_ago: float) -> int:
        at = datetime.now(timezone.utc) - timedelta(hours=hours_ago)
        request = StartTransactionRequest(connector_id=1, id_tag=f"TAG{hours_ago}", timestamp=at, meter_start=10)
        identity = f"CP{hours_ago}"
        return int(system.receive(make_call(request, identity)).transaction_id)

    return begin


def test_a_transaction_open_for_too_long_is_told_once(system: CentralSystem, start: Callable[[float], int]) -> None:
    late = start(2)
    start(0.5)
    for _ in range(3):
        system.duties.do_all()
    events = system.events.list(kinds=["transaction.open_too_long"]).items
    assert [(event.charge_box_identity, event.data["transaction_id"]) for event in events] == [("CP2", late)]


def test_it_is_told_once_also_when_its_event_is_no_longer_kept(
    system: CentralSystem, start: Callable[[float], int]
) -> None:
    start(2)
    system.duties.do_all()
    system.events.add("what.came", "behind")
    assert sum(remove_older(system.store, EVENTS, datetime.now(timezone.utc) + timedelta(days=31)))
    system.duties.do_all()
    assert not system.events.list(kinds=["transaction.open_too_long"]).items


def test_a_transaction_closed_by_hand_says_who_and_why(system: CentralSystem, start: Callable[[float], int]) -> None:
    number = start(2)
    system.open_sessions.close(number, "station scrapped", by="operator")
    transaction = system.transactions.get(number)
    assert transaction is not None
    assert (transaction.state, transaction.inferred, transaction.closed_by, transaction.close_reason) == (
        "closed",
        True,
        "operator",
        "station scrapped",
    )
    (event,) = system.events.list(kinds=["transaction.closed_by_hand"]).items
    assert (event.data["transaction_id"], event.data["reason"], event.data["by"]) == (
        number,
        "station scrapped",
        "operator",
    )


def test_a_real_stop_counts_after_all(system: CentralSystem, start: Callable[[float], int], make_call: Any) -> None:
    number = start(2)
    system.open_sessions.close(number, "station scrapped")
    now = datetime.now(timezone.utc)
    request = StopTransactionRequest(transaction_id=number, timestamp=now, meter_stop=1010)
    system.receive(make_call(request, "CP2"))
    transaction = system.transactions.get(number)
    assert transaction is not None
    assert (transaction.inferred, transaction.energy) == (False, 1000)


def test_a_transaction_is_closed_once_and_for_a_reason(system: CentralSystem, start: Callable[[float], int]) -> None:
    number = start(2)
    with pytest.raises(ValueError, match="for a reason"):
        system.open_sessions.close(number, " ")
    system.open_sessions.close(number, "station scrapped")
    with pytest.raises(ValueError, match="is closed; only an open one"):
        system.open_sessions.close(number, "again")
    assert system.open_sessions.close(4711, "there is none") is None
