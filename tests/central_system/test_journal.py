"""The message journal, and the envelopes that are kept because energy flowed."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from ocpp_soap.central_system.access import Requirements
from ocpp_soap.central_system.collections import KEPT_PARTS
from ocpp_soap.central_system.journal import Journal
from ocpp_soap.central_system.limits import RateLimit
from ocpp_soap.dispatch import Exchanged, MessageWarning
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.messages import (
    HeartbeatRequest,
    MeterValue,
    MeterValuesRequest,
    Role,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
    Version,
)
from ocpp_soap.soap.replay import Replay
from ocpp_soap.soap.settings import server_settings

START = b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><startTransactionRequest/></e:Body>'


@pytest.fixture
def exchanged(noon):
    def make(**values):
        known = {"charge_box_identity": "CP001", "action": "Authorize", "version": Version.V15, "request": b"<a/>"}
        fixed = {"received_at": noon, "seconds": 0.0125, "status": 200, "outcome": "ok", "response": b"<answer/>"}
        return Exchanged(**{**known, **fixed, **values})

    return make


@pytest.fixture
def journal(central_system):
    return central_system.journal


def test_a_message_is_noted_with_who_when_what_how_long_and_how_it_ended(journal, exchanged, noon):
    warning = MessageWarning("too_long", "idTag", "x")
    journal.add(exchanged(peer="10.0.0.1", outcome="ProtocolError", status=400, warnings=[warning]))
    journal.flush()
    (entry,) = journal.list().items
    assert (entry.charge_box_identity, entry.at, entry.action, entry.direction) == ("CP001", noon, "Authorize", "in")
    assert (entry.outcome, entry.status, entry.milliseconds) == ("ProtocolError", 400, 12.5)
    assert (entry.bytes_in, entry.bytes_out, entry.peer, entry.version) == (4, 9, "10.0.0.1", "1.5")
    assert entry.warnings == [{"kind": "too_long", "where": "idTag", "sent": "x"}]
    assert (entry.request, entry.response) == (None, None)
    assert journal.get(entry.id) == entry


def test_envelopes_are_kept_only_when_that_is_on(make_central_system, exchanged):
    journal = make_central_system(JOURNAL__ENVELOPES="true").journal
    journal.add(exchanged(request=b"<a>\xff</a>"))
    journal.flush()
    (entry,) = journal.list().items
    assert (entry.request, entry.response) == ("<a>\N{REPLACEMENT CHARACTER}</a>", "<answer/>")


def test_a_journal_that_is_off_keeps_nothing(make_central_system, exchanged):
    journal = make_central_system(JOURNAL__ENABLED="false").journal
    journal.add(exchanged())
    journal.add(exchanged(action="Heartbeat"))
    journal.flush()
    assert journal.list().items == []


def test_heartbeats_are_counted_unless_something_was_odd(journal, exchanged):
    for _ in range(5):
        journal.add(exchanged(action="Heartbeat"))
    journal.add(exchanged(action="Heartbeat", warnings=[MessageWarning("wsa_namespace")]))
    journal.add(exchanged(action="Heartbeat", outcome="SecurityError"))
    journal.flush()
    entries = journal.list(action="Heartbeat").items
    assert sorted(entry.count for entry in entries) == [1, 1, 5]


def test_entries_are_found_by_station_action_outcome_and_time_in_pages(journal, exchanged, noon):
    for minute in range(6):
        journal.add(
            exchanged(
                received_at=noon + timedelta(minutes=minute),
                charge_box_identity=f"CP{minute % 2}",
                action=("Authorize", "MeterValues", "Authorize")[minute % 3],
                outcome="ok" if minute < 5 else "ProtocolError",
            )
        )
    journal.flush()

    def minutes(**conditions):
        return [(entry.at - noon) // timedelta(minutes=1) for entry in journal.list(**conditions).items]

    assert minutes() == [0, 1, 2, 3, 4, 5]
    assert minutes(descending=True, limit=2) == [5, 4]
    assert minutes(charge_box_identity="CP1") == [1, 3, 5]
    assert minutes(charge_box_identity="CP1", action="Authorize") == [3, 5]
    assert minutes(outcome="ProtocolError") == [5]
    assert minutes(since=noon + timedelta(minutes=2), until=noon + timedelta(minutes=4)) == [2, 3]
    first = journal.list(limit=4)
    assert len(journal.list(limit=4, after=first.next).items) == 2


def test_entries_are_stored_by_themselves_within_seconds(central_system, exchanged):
    central_system.journal.add(exchanged())
    deadline = time.monotonic() + 5
    while not central_system.journal.list().items:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_old_entries_end(central_system, exchanged, noon):
    journal = Journal(central_system.store, enabled=True, envelopes=False, keep_days=30)
    journal.add(exchanged(received_at=noon - timedelta(days=31)))
    journal.add(exchanged(received_at=noon - timedelta(days=29)))
    journal.flush()
    journal.forget_old(noon)
    assert [entry.at for entry in journal.list().items] == [noon - timedelta(days=29)]
    journal.close()


def test_old_entries_end_also_after_our_clock_was_set_back(central_system, exchanged):
    journal = Journal(central_system.store, enabled=True, envelopes=False, keep_days=30)
    journal._writing.begin = lambda: None
    journal.add(exchanged(received_at=datetime.now(timezone.utc) - timedelta(days=31)))
    journal._cleaned_at += timedelta(days=365)
    journal._write()
    assert journal.list().items == []
    journal.close()


def test_a_clock_that_was_set_ahead_has_ten_minutes_to_be_set_right_before_old_entries_end(central_system, exchanged):
    journal = Journal(central_system.store, enabled=True, envelopes=False, keep_days=30)
    journal._writing.begin = lambda: None
    journal.add(exchanged(received_at=datetime.now(timezone.utc) - timedelta(days=31)))
    journal._cleaned_at -= timedelta(days=365)
    journal._write()
    assert len(journal.list().items) == 1
    journal._cleaned_at -= timedelta(minutes=11)
    journal._cleaned_after -= 11 * 60
    journal._write()
    assert journal.list().items == []
    journal.close()


def test_envelopes_that_wait_for_the_store_are_bounded_and_stored_in_small_portions(
    make_central_system, exchanged, monkeypatch
):
    monkeypatch.setattr("ocpp_soap.central_system.journal.MOST_TEXT", 5_000)
    monkeypatch.setattr("ocpp_soap.central_system.journal.BATCH_TEXT", 2_500)
    system = make_central_system(JOURNAL__ENVELOPES="true")
    system.journal._writing.begin = lambda: None
    portions = []
    write = system.store.write

    def counting(append):
        portions.extend(map(len, append.values()))
        write(append=append)

    monkeypatch.setattr(system.store, "write", counting)
    for _ in range(8):
        system.journal.add(exchanged(request=b"x" * 1000, response=b""))
    system.journal.flush()
    assert portions == [2, 2, 4]
    assert [entry.request is not None for entry in system.journal.list().items] == [True] * 6 + [False] * 2


def test_a_store_that_fails_loses_no_entry(journal, exchanged, central_system, monkeypatch):
    journal.add(exchanged())
    with monkeypatch.context() as patched:
        patched.setattr(central_system.store, "write", unavailable)
        with pytest.raises(StoreUnavailable):
            journal.flush()
    journal.flush()
    assert len(journal.list().items) == 1


def unavailable(*_, **__):
    raise StoreUnavailable("disk full")


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction", "MeterValues"])
def test_what_reports_energy_and_gets_a_fault_is_kept_as_it_came(central_system, exchanged, noon, action):
    body = b"\xef\xbb\xbf<broken \xff" + bytes(range(256)) * 10
    faulted = exchanged(action=action, outcome="ProtocolError", status=400, request=body, url_identity="CP001")
    for _ in range(2):
        central_system.observe(faulted)
    (envelope,) = central_system.kept.list().items
    assert (envelope.charge_box_identity, envelope.action, envelope.outcome) == ("CP001", action, "ProtocolError")
    assert (envelope.at, envelope.state, envelope.size, envelope.url_identity) == (noon, "kept", len(body), "CP001")
    assert central_system.kept.body(envelope) == body


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_start_that_could_not_even_be_read_is_kept(central_system, exchanged, encoding):
    body = START.decode().encode(encoding)
    central_system.observe(exchanged(action="", version=None, outcome="ProtocolError", request=body))
    assert [envelope.action for envelope in central_system.kept.list().items] == ["StartTransaction"]


def test_nothing_else_is_kept(central_system, exchanged):
    central_system.observe(exchanged(action="StartTransaction", request=START))
    central_system.observe(exchanged(action="StartTransaction", outcome="retry_later", status=503, request=START))
    central_system.observe(exchanged(action="Authorize", outcome="ProtocolError"))
    central_system.observe(exchanged(action="", outcome="ProtocolError", request=b"<html/>"))
    assert central_system.kept.list().items == []


def test_strangers_cannot_fill_the_disk_but_known_stations_are_always_kept(central_system, exchanged, send):
    send(HeartbeatRequest(), "KNOWN")
    central_system.kept._strangers = RateLimit(2)
    for number in range(4):
        for sender in ("STRANGER", "KNOWN"):
            body = START + str(number).encode()
            central_system.observe(
                exchanged(charge_box_identity=sender, action="StartTransaction", outcome="SecurityError", request=body)
            )
    senders = [envelope.charge_box_identity for envelope in central_system.kept.list().items]
    assert (senders.count("STRANGER"), senders.count("KNOWN")) == (2, 4)


@pytest.mark.parametrize("sent_as", ["CP001", "cp001"])
@pytest.mark.parametrize(("action", "outcome"), [("StartTransaction", "SecurityError"), ("", "ProtocolError")])
def test_what_does_not_prove_its_station_is_kept_as_a_strangers_and_marked(
    central_system, exchanged, sent_as, action, outcome
):
    central_system.stations.allow("CP001")
    central_system.access.require("CP001", Requirements(username="cp", networks=["10.0.0.0/8"]), "secret")
    central_system.kept._strangers = RateLimit(2)
    proof = {"username": "cp", "password": "secret", "peer": "10.0.0.1"}
    for wrong in ({}, {"peer": "127.0.0.1"}, {"password": "Secret"}, {"username": ""}):
        for number in range(2):
            sent = {"action": action, "outcome": outcome, "request": START + b"%d" % number, **proof, **wrong}
            central_system.observe(exchanged(charge_box_identity=sent_as, **sent))
    found = [envelope.is_unproven for envelope in central_system.kept.list().items]
    assert sorted(found) == [False, False, True, True]


def test_a_big_envelope_is_kept_in_parts(central_system, exchanged):
    import random

    body = random.Random(7).randbytes(2_000_000)
    central_system.observe(exchanged(action="StopTransaction", outcome="InternalError", request=body))
    (envelope,) = central_system.kept.list().items
    assert envelope.parts == 4
    assert central_system.kept.body(envelope) == body
    assert central_system.kept.remove(envelope.id)
    assert not central_system.kept.remove(envelope.id)
    assert central_system.store.count(KEPT_PARTS) == 0


def test_an_envelope_that_cannot_be_kept_is_not_answered_with_its_fault(central_system, exchanged, monkeypatch):
    monkeypatch.setattr(central_system.store, "put", unavailable)
    with pytest.raises(StoreUnavailable):
        central_system.observe(exchanged(action="StartTransaction", outcome="InternalError", request=START))


def test_a_replayed_envelope_is_told_apart(central_system, exchanged, noon):
    central_system.observe(exchanged(action="StartTransaction", outcome="InternalError", request=START))
    (envelope,) = central_system.kept.list(state="kept").items
    replayed = central_system.kept.replayed(envelope.id, noon)
    assert (replayed.state, replayed.replayed_at) == ("replayed", noon)
    assert central_system.kept.list(state="kept").items == []
    assert central_system.kept.get(envelope.id) == replayed


STOP = """<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:c="urn://Ocpp/Cs/2012/06/">
  <e:Header><c:chargeBoxIdentity>CP001</c:chargeBoxIdentity></e:Header>
  <e:Body><c:stopTransactionRequest><c:transactionId>7</c:transactionId><c:timestamp>2026-01-05T11:00:00Z</c:timestamp>
    <c:meterStop>50</c:meterStop></c:stopTransactionRequest></e:Body></e:Envelope>"""


def test_what_was_kept_can_be_replayed_without_its_proof_and_is_no_sign_of_life(central_system, exchanged, noon):
    central_system.stations.allow("CP001")
    central_system.access.require("CP001", Requirements(networks=["10.0.0.0/8"]))
    settings = server_settings(central_system.settings, Role.CENTRAL_SYSTEM)
    as_new = Replay(Role.CENTRAL_SYSTEM, central_system.receive, settings)(STOP.encode(), received_at=noon)
    assert as_new.outcome == "SecurityError"
    again = Replay(Role.CENTRAL_SYSTEM, central_system.receive_again, settings)(STOP.encode(), received_at=noon)
    assert again.outcome == "ok"
    (orphan,) = central_system.transactions.list(state="orphan").items
    assert (orphan.meter_stop, orphan.stop_received_at) == (50, noon)
    assert central_system.stations.show("CP001").last_seen is None


def test_replayed_meter_values_belong_to_the_session_that_was_open_when_they_came(central_system, make_call, noon):
    def receive(minute, request, by=central_system.receive):
        return by(make_call(request, version=Version.V12, received_at=noon + timedelta(minutes=minute)))

    def start(minute, by=central_system.receive):
        request = StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=minute)
        return receive(minute, request, by).transaction_id

    stopped, later = start(10), start(40)
    receive(20, StopTransactionRequest(transaction_id=stopped, timestamp=noon, meter_stop=20))
    replayed = start(30, central_system.receive_again)
    for minute in (5, 15, 25, 35, 45):
        time = noon + timedelta(minutes=minute)
        values = [MeterValue(timestamp=time, value=[SampledValue(value="7")])]
        receive(minute, MeterValuesRequest(connector_id=1, values=values), central_system.receive_again)
    stored = central_system.meter_values.list(charge_box_identity="CP001").items
    assert [record.transaction_id for record in stored] == [None, stopped, None, replayed, later]


@pytest.fixture
def receive(central_system, make_call, noon):
    """Answer a request that came at a minute, as CP001; with ``again`` one that was kept then and is replayed now."""

    def receive_it(minute, request, *, again=False):
        call = make_call(request, version=Version.V12, received_at=noon + timedelta(minutes=minute))
        return central_system.receive_again(call) if again else central_system.receive(call)

    return receive_it


@pytest.fixture
def start(receive, noon):
    """Begin a transaction of connector 1 at a minute."""

    def start_at(minute, **values):
        time = noon + timedelta(minutes=minute)
        request = StartTransactionRequest(connector_id=1, id_tag="A", timestamp=time, meter_start=minute)
        return receive(minute, request, **values).transaction_id

    return start_at


@pytest.fixture
def belongs_to(central_system, receive, noon):
    """The transaction of meter values that came at a minute, named none and are replayed now."""

    def measure(minute):
        values = [MeterValue(timestamp=noon + timedelta(minutes=minute), value=[SampledValue(value="7")])]
        receive(minute, MeterValuesRequest(connector_id=1, values=values), again=True)
        return central_system.meter_values.list(charge_box_identity="CP001", descending=True).items[0].transaction_id

    return measure


def test_a_replayed_start_is_closed_by_one_that_came_after_it_also_if_that_has_ended(
    central_system, receive, start, belongs_to, noon
):
    later = start(20)
    receive(30, StopTransactionRequest(transaction_id=later, timestamp=noon, meter_stop=30))
    replayed = start(10, again=True)
    found = central_system.transactions.get(replayed)
    assert (found.state, found.inferred, found.inferred_at) == ("closed", True, noon + timedelta(minutes=20))
    assert belongs_to(15) == replayed
    receive(40, StopTransactionRequest(transaction_id=replayed, timestamp=noon, meter_stop=15))
    assert central_system.transactions.get(replayed).energy == 5


def test_a_replayed_start_stays_open_if_none_came_after_it_on_its_connector(central_system, receive, start, noon):
    receive(5, StopTransactionRequest(transaction_id=start(1), timestamp=noon, meter_stop=30))
    receive(20, StartTransactionRequest(connector_id=2, id_tag="A", timestamp=noon, meter_start=20))
    assert central_system.transactions.get(start(10, again=True)).state == "open"


def test_replayed_meter_values_that_came_after_their_session_was_closed_by_hand_belong_to_none(
    central_system, start, belongs_to, noon, monkeypatch
):
    class Clock:
        now = staticmethod(lambda _: noon + timedelta(minutes=20))

    monkeypatch.setattr("ocpp_soap.central_system.open_sessions.datetime", Clock)
    closed = start(10)
    central_system.open_sessions.close(closed, "scrapped")
    assert [belongs_to(15), belongs_to(25)] == [closed, None]


def test_replayed_meter_values_find_their_session_however_many_came_after_it(central_system, start, belongs_to):
    sessions = [start(minute) for minute in range(0, 204, 2)]
    assert [belongs_to(1), belongs_to(203)] == [sessions[0], sessions[-1]]
