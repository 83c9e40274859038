"""When a station was last heard: noted at once, stored in batches."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from waiting import wait_until

from ocpp_soap.central_system.contacts import LONGEST_DELAY, Contacts
from ocpp_soap.errors import StoreClosed
from ocpp_soap.messages import HeartbeatRequest
from ocpp_soap.storage.file import FileStorage


@pytest.fixture
def store(tmp_path):
    store = FileStorage(tmp_path / "store.db")
    yield store
    store.close()


def test_every_message_counts_as_a_sign_of_life(central_system, send):
    send(HeartbeatRequest())
    at = central_system.stations.show("CP001").last_seen
    send(HeartbeatRequest())
    assert central_system.stations.show("CP001").last_seen == at + timedelta(seconds=1)


def test_the_time_is_stored_within_the_interval(store, noon):
    contacts = Contacts(store, interval=0.05)
    contacts.seen("CP001", noon, "192.0.2.7")
    other_process = Contacts(store)
    wait_until(lambda: other_process.of(["CP001"]) == {"CP001": (noon, "192.0.2.7")})
    contacts.close()


def test_the_interval_keeps_the_promise_of_the_design():
    assert LONGEST_DELAY <= 10


def test_what_is_noted_is_stored_at_close(store, noon):
    contacts = Contacts(store)
    for number in range(10):
        contacts.seen(f"CP{number}", noon)
    contacts.close()
    contacts.close()
    assert len(Contacts(store).of(f"CP{number}" for number in range(12))) == 10


def test_a_store_that_failed_is_tried_again(tmp_path, noon):
    closed = FileStorage(tmp_path / "closed.db")
    closed.close()
    contacts = Contacts(closed)
    contacts._pending["CP001"] = (noon, "")
    with pytest.raises(StoreClosed):
        contacts.flush()
    assert "CP001" in contacts._pending


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_a_thread_and_notes_of_its_own(store, tmp_path, noon):
    contacts = Contacts(store, interval=60)
    contacts.seen("PARENT", noon)
    child = os.fork()
    if child == 0:
        # Only the notes are looked at: a store is never used on both sides of a fork.
        contacts.seen("CHILD", noon)
        os._exit(0 if list(contacts._pending) == ["CHILD"] and contacts._writing._thread.is_alive() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(contacts._pending) == ["PARENT"]
    contacts.close()
