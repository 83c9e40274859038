"""How a transaction begins."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from threading import Barrier

import pytest

from ocpp_soap.central_system import Tag
from ocpp_soap.central_system.collections import TRANSACTIONS
from ocpp_soap.central_system.records import revise
from ocpp_soap.central_system.starting import start_key
from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import NotAlone
from ocpp_soap.messages import (
    MeterValue,
    MeterValuesRequest,
    StartTransactionRequest,
    StopTransactionRequest,
    Version,
)
from ocpp_soap.paths import bundled


@pytest.fixture
def start(noon):
    return StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=1000)


@pytest.fixture
def strict(make_central_system):
    """A system that knows the tags A (one transaction at a time) and B."""
    system = make_central_system()
    system.tags.add(Tag(id_tag="A"))
    system.tags.add(Tag(id_tag="B"))
    return system


def test_a_start_is_recorded_with_all_it_said(central_system, send, start, noon):
    start.reservation_id = 7
    answer = send(start, warnings=[MessageWarning("too_long", "idTag", "A")])
    transaction = central_system.transactions.get(answer.transaction_id)
    assert answer.transaction_id >= 1
    assert transaction.charge_box_identity == "CP001"
    assert (transaction.connector_id, transaction.id_tag, transaction.meter_start) == (1, "A", 1000)
    assert (transaction.start_time, transaction.reservation_id, transaction.state) == (noon, 7, "open")
    assert transaction.start_received_at == noon + timedelta(seconds=1)
    assert transaction.start_warnings == [{"kind": "too_long", "where": "idTag", "sent": "A"}]


def test_a_retry_gets_its_first_answer_again(strict, send, start):
    first = send(start, to=strict)
    strict.tags.block("A")
    assert send(start, to=strict) == first
    assert len(strict.transactions.list().items) == 1


def test_a_retry_may_spell_the_tag_in_another_letter_case(central_system, send, start):
    assert send(start) == send(replace(start, id_tag="a"))


@pytest.mark.parametrize(
    "change",
    [{"connector_id": 2}, {"id_tag": "B"}, {"meter_start": 1001}, {"timestamp": timedelta(microseconds=1)}],
    ids=lambda change: next(iter(change)),
)
def test_another_start_gets_another_id(central_system, send, start, change):
    if "timestamp" in change:
        change = {"timestamp": start.timestamp + change["timestamp"]}
    assert send(start).transaction_id != send(replace(start, **change)).transaction_id


def test_the_same_start_of_another_station_gets_another_id(central_system, send, start):
    assert send(start, "CP001").transaction_id != send(start, "CP002").transaction_id


def test_a_retry_that_arrives_at_the_same_time_gets_the_same_answer(central_system, send, start):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(start), range(16)))
    assert {answer.transaction_id for answer in answers} == {answers[0].transaction_id}
    assert len(central_system.transactions.list().items) == 1


def test_a_start_closes_what_is_open_on_its_connector(central_system, send, start):
    old = send(start).transaction_id
    elsewhere = send(replace(start, connector_id=2)).transaction_id
    new = send(replace(start, meter_start=2000)).transaction_id
    closed = central_system.transactions.get(old)
    assert (closed.state, closed.inferred, closed.meter_stop, closed.energy) == ("closed", True, None, None)
    assert central_system.transactions.get(new).state == "open"
    assert central_system.transactions.get(elsewhere).state == "open"


def test_a_start_closes_also_what_came_while_our_clock_was_ahead(central_system, send, start, noon):
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    old = send(start, received_at=tomorrow).transaction_id
    newer = replace(start, meter_start=2000)
    new = send(newer).transaction_id
    found = central_system.transactions
    assert (found.get(old).state, found.get(old).inferred, found.get(new).state) == ("closed", True, "open")
    send(MeterValuesRequest(connector_id=1, values=[MeterValue(timestamp=noon, value=[])]), version=Version.V12)
    assert len(central_system.meter_values.list(transaction_id=new).items) == 1
    assert send(start).transaction_id == old
    assert send(newer).transaction_id == new
    newest = send(replace(start, meter_start=3000)).transaction_id
    assert [found.get(number).state for number in (old, new, newest)] == ["closed", "closed", "open"]
    assert found.get(new).start_received_at < tomorrow


def test_a_start_that_broke_off_is_the_latest_one_also_if_our_clock_was_ahead(central_system, send, start, monkeypatch):
    old = send(start, received_at=datetime.now(timezone.utc) + timedelta(days=1)).transaction_id
    newer = replace(start, meter_start=2000)
    with monkeypatch.context() as patched:
        patched.setattr(central_system.transactions, "open_at", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            send(newer)
    new = send(newer).transaction_id
    assert [central_system.transactions.get(number).state for number in (old, new)] == ["closed", "open"]


def test_of_racing_starts_one_stays_open_whatever_the_clocks_say(central_system, send, start):
    for turn in range(10):
        now = datetime.now(timezone.utc)
        starts = [replace(start, meter_start=10 * turn + number) for number in range(6)]
        times = [now + timedelta(seconds=number % 3 * 60) for number in range(6)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda job: send(job[0], received_at=job[1]), zip(starts, times, strict=True)))
        assert len(central_system.transactions.open_at("CP001", 1)) == 1


def test_a_late_retry_of_an_old_start_neither_reopens_it_nor_closes_the_new_one(central_system, send, start):
    old = send(start).transaction_id
    new = send(replace(start, meter_start=2000)).transaction_id
    assert send(start).transaction_id == old
    assert central_system.transactions.get(old).state == "closed"
    assert central_system.transactions.get(new).state == "open"


def test_a_retry_after_the_stop_does_not_reopen(central_system, send, start, noon):
    started = send(start)
    send(StopTransactionRequest(transaction_id=started.transaction_id, timestamp=noon, meter_stop=1500))
    assert send(start) == started
    assert central_system.transactions.get(started.transaction_id).state == "closed"


def test_a_retry_finishes_what_a_crash_left_undone(central_system, make_central_system, send, start, monkeypatch):
    old = send(start).transaction_id

    def crash(*_):
        raise KeyboardInterrupt

    newer = replace(start, meter_start=2000)
    monkeypatch.setattr(central_system._starting, "_close_others", crash)
    with pytest.raises(KeyboardInterrupt):
        send(newer)
    restarted = make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept")
    assert restarted.transactions.get(old).state == "open"
    new = send(newer, to=restarted).transaction_id
    assert restarted.transactions.get(old).inferred
    assert restarted.transactions.get(new).state == "open"
    assert len(restarted.transactions.list().items) == 2


@pytest.mark.parametrize(("prepare", "status"), [(None, "Invalid"), ("block", "Blocked"), ("expire", "Expired")])
def test_a_start_with_a_refused_tag_is_answered_so_and_recorded(make_central_system, send, start, prepare, status):
    system = make_central_system()
    if prepare:
        system.tags.add(Tag(id_tag="A", expiry_date=start.timestamp if prepare == "expire" else None))
    if prepare == "block":
        system.tags.block("A")
    answer = send(start, to=system)
    assert answer.id_tag_info.status == status
    assert system.transactions.get(answer.transaction_id).state == "open"


def test_a_tag_that_is_in_use_elsewhere_is_concurrent(strict, send, start):
    assert send(start, to=strict).id_tag_info.status == "Accepted"
    elsewhere = send(replace(start, connector_id=2), to=strict)
    assert elsewhere.id_tag_info.status == "ConcurrentTx"
    assert send(replace(start, connector_id=2), to=strict) == elsewhere


def test_a_start_counts_neither_itself_nor_what_it_closes(strict, send, start):
    send(start, to=strict)
    assert send(start, to=strict).id_tag_info.status == "Accepted"
    assert send(replace(start, meter_start=2000), to=strict).id_tag_info.status == "Accepted"


def test_a_refused_transaction_does_not_use_up_the_allowance(strict, send, start):
    strict.tags.block("A")
    send(start, to=strict)
    strict.tags.add(Tag(id_tag="A"))
    assert send(replace(start, connector_id=2), to=strict).id_tag_info.status == "Accepted"


def test_a_stop_frees_the_tag(strict, send, start, noon):
    first = send(start, to=strict)
    send(StopTransactionRequest(transaction_id=first.transaction_id, timestamp=noon, meter_stop=1500), to=strict)
    assert send(replace(start, connector_id=2), to=strict).id_tag_info.status == "Accepted"


def test_a_tag_may_have_an_allowance_of_its_own(strict, send, start):
    strict.tags.add(Tag(id_tag="A", max_concurrent=2))
    statuses = [send(replace(start, connector_id=n), to=strict).id_tag_info.status for n in (1, 2, 3)]
    assert statuses == ["Accepted", "Accepted", "ConcurrentTx"]
    strict.tags.add(Tag(id_tag="A", max_concurrent=0))
    assert send(replace(start, connector_id=4), to=strict).id_tag_info.status == "Accepted"
    assert send(replace(start, connector_id=4, meter_start=2000), to=strict).id_tag_info.status == "Accepted"


@pytest.mark.parametrize("allowed", [1, 2])
def test_racing_starts_never_exceed_the_allowance(strict, send, start, allowed):
    strict.tags.add(Tag(id_tag="A", max_concurrent=allowed))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: send(start, f"CP{n}", to=strict), range(6)))
    assert [answer.id_tag_info.status for answer in answers].count("Accepted") == allowed
    stored = {t.transaction_id: t.id_tag_info["status"] for t in strict.transactions.list().items}
    assert stored == {answer.transaction_id: answer.id_tag_info.status for answer in answers}


def test_of_racing_starts_the_one_that_came_first_keeps_the_allowance(strict, send, start, noon, monkeypatch):
    are_stored = Barrier(2)
    close_others = strict._starting._close_others

    def close_others_together(*started):
        are_stored.wait()
        return close_others(*started)

    monkeypatch.setattr(strict._starting, "_start_alone", refuse_alone)
    monkeypatch.setattr(strict._starting, "_allowed", lambda begun: begun)
    monkeypatch.setattr(strict._starting, "_close_others", close_others_together)
    with ThreadPoolExecutor(2) as pool:
        second = pool.submit(send, start, "CP2", to=strict, received_at=noon + timedelta(seconds=2))
        first = pool.submit(send, start, "CP1", to=strict, received_at=noon + timedelta(seconds=1))
    assert (first.result().id_tag_info.status, second.result().id_tag_info.status) == ("Accepted", "ConcurrentTx")


def test_a_retry_gets_its_first_answer_again_while_a_racing_start_that_came_first_gives_way(strict, send, start, noon):
    first = send(start, to=strict, received_at=noon + timedelta(seconds=2))
    strict.tags.add(Tag(id_tag="A", max_concurrent=2))  # so that the other is accepted too, as if it had raced
    other = send(start, "CP002", to=strict, received_at=noon + timedelta(seconds=1))
    assert (first.id_tag_info.status, other.id_tag_info.status) == ("Accepted", "Accepted")
    assert send(start, to=strict, received_at=noon + timedelta(seconds=3)) == first
    assert strict.transactions.get(first.transaction_id).authorization == "Accepted"


def test_a_start_that_waited_is_answered_as_its_retry_was_meanwhile(strict, send, start, monkeypatch):
    starting = strict._starting
    elsewhere = strict.transactions.get(send(replace(start, connector_id=2), to=strict).transaction_id)

    def give_way_in_a_retry(transaction):
        """The other one, which has ended when it is looked for again."""
        monkeypatch.setattr(starting, "_others", lambda _: [])
        key = start_key(transaction.charge_box_identity, start)
        revise(strict.store, TRANSACTIONS, key, lambda found: {**found, "id_tag_info": {"status": "ConcurrentTx"}})
        return [replace(elsewhere, start_received_at=transaction.start_received_at + timedelta(seconds=1))]

    monkeypatch.setattr(starting, "_allowed", lambda begun: begun)
    monkeypatch.setattr(starting, "_others", give_way_in_a_retry)
    assert send(start, to=strict).id_tag_info.status == "ConcurrentTx"


def refuse_alone(*_):
    raise NotAlone("as if another start had come at the same moment")


def test_a_retry_with_a_blocked_tag_is_told_so_again_also_where_the_tag_is_in_use(strict, send, start, noon):
    assert send(start, to=strict).id_tag_info.status == "Accepted"
    strict.tags.block("A")
    for _ in range(2):
        elsewhere = send(replace(start, connector_id=2), to=strict, received_at=noon)
        assert elsewhere.id_tag_info.status == "Blocked"


@pytest.mark.parametrize("is_ours", [True, False], ids=["our handler", "somebody else's"])
def test_a_start_is_on_disk_and_told_however_it_is_stored(
    make_central_system, send, start, tmp_path, monkeypatch, is_ours
):
    folder = tmp_path / "own" / "central_system"
    folder.mkdir(parents=True)
    if not is_ours:
        shutil.copy(bundled("handlers") / "central_system" / "start_transaction.py", folder)
    system = make_central_system(tmp_path / "own", AUTHORIZATION__UNKNOWN_TAGS="accept")
    durable = []
    for verb in ("create", "create_alone", "create_and_append"):
        monkeypatch.setattr(system.store, verb, noting(getattr(system.store, verb), durable))
    starts = [start, replace(start, meter_start=2000), replace(start, connector_id=2), replace(start, id_tag="B")]
    answers = [send(one, to=system) for one in starts]
    assert [answer.id_tag_info.status for answer in answers] == ["Accepted", "Accepted", "ConcurrentTx", "Accepted"]
    assert durable == [True] * len(durable)
    told = system.events.list(kinds=["transaction.started"]).items
    assert [event.data["transaction_id"] for event in told] == [answer.transaction_id for answer in answers]


def noting(verb, durable):
    def noted(collection, *arguments, **values):
        if collection is TRANSACTIONS:
            durable.append(values.get("durable"))
        return verb(collection, *arguments, **values)

    return noted


def test_both_versions_start_alike(central_system, send, start):
    answer = send(start, version=Version.V12)
    assert central_system.transactions.get(answer.transaction_id).version == "1.2"


def test_transactions_are_listed_by_station_tag_state_and_time(central_system, send, start, noon):
    for number in range(4):
        moved = replace(start, timestamp=noon + timedelta(hours=number), id_tag="A" if number % 2 else "B")
        send(moved, f"CP{number // 2}")
    listed = central_system.transactions.list

    def hours(**conditions):
        return [(t.begun_at - noon) // timedelta(hours=1) for t in listed(**conditions).items]

    assert hours() == [0, 1, 2, 3]
    assert hours(descending=True) == [3, 2, 1, 0]
    assert hours(id_tag="a") == [1, 3]
    assert hours(charge_box_identity="CP1") == [2, 3]
    assert hours(charge_box_identity="CP1", id_tag="a") == [3]
    assert hours(state="open") == [1, 3]
    assert hours(state="closed", id_tag="b", since=noon + timedelta(hours=1)) == [2]
    assert hours(since=noon + timedelta(hours=1), until=noon + timedelta(hours=3)) == [1, 2]
    first = listed(limit=3)
    assert len(first.items) == 3
    assert [t.charge_box_identity for t in listed(limit=3, after=first.next).items] == ["CP1"]
