"""Writes to the file store that are begun: another process commits them, and no thread waits for any."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tending import OPEN, SESSIONS, Tender, eventually

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.pending import Pending
from ocpp_soap.storage import Collection, sqlite_begun, sqlite_commit_socket, sqlite_process
from ocpp_soap.storage.file import FileStorage

EVENTS = Collection("events", append_only=True, telemetry=True)
PLAIN = Collection("plain", append_only=True)


@pytest.fixture
def store(path: Path, tender: Tender) -> Iterator[FileStorage]:
    with closing(FileStorage(path)) as opened:
        yield opened


class Requests:
    """Requests that each create a session and an event, and what each was told."""

    def __init__(self, store: FileStorage) -> None:
        self.store = store
        self.told: dict[str, bool] = {}
        self.begun: list[str] = []

    def create(self, key: str, events: Collection = EVENTS) -> None:
        pending = Pending()
        self.store.create_and_append(
            SESSIONS, key, OPEN, {events: [(f"event of {key}", {})]}, durable=True, pending=pending
        )
        if pending.is_begun:
            self.begun.append(key)
        pending.when_over(lambda is_stored: self.told.__setitem__(key, is_stored))

    def all_told(self, count: int) -> dict[str, bool]:
        eventually(lambda: len(self.told) == count)
        return self.told


def test_what_is_begun_is_committed_by_who_tends_the_store(store: FileStorage) -> None:
    requests = Requests(store)
    for number in range(20):
        requests.create(f"s{number}")
    assert requests.all_told(20) == {f"s{number}": True for number in range(20)}
    assert len(requests.begun) == 20
    assert store.count(SESSIONS) == 21
    assert {item.key for item in store.find(EVENTS).items} == {f"event of s{number}" for number in range(20)}


def test_what_is_refused_is_told_and_leaves_no_event(store: FileStorage) -> None:
    requests = Requests(store)
    for key in ("s1", "first", "s2"):
        requests.create(key)
    assert requests.all_told(3) == {"s1": True, "first": False, "s2": True}
    assert [item.key for item in store.find(EVENTS).items] == ["event of s1", "event of s2"]


def test_no_more_than_so_many_are_begun_at_once_and_the_others_are_waited_for(
    tender: Tender, store: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_begun, "MOST_BEGUN", 3)
    requests = Requests(store)
    requests.create("s0")
    requests.all_told(1)
    tender.send(signal.SIGSTOP)
    threads = [threading.Thread(target=requests.create, args=(f"s{number}",)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(requests.begun) == 4)
    time.sleep(0.05)
    tender.send(signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert set(requests.all_told(6).values()) == {True}
    assert len(requests.begun) == 4


@pytest.mark.parametrize("key", ["\ud800", "s1"])
def test_what_cannot_be_sent_or_kept_in_a_log_is_not_begun(store: FileStorage, key: str) -> None:
    requests = Requests(store)
    if key == "s1":
        requests.create(key, PLAIN)
        assert requests.told == {"s1": True}
        assert store.count(PLAIN) == 1
    else:
        with pytest.raises((ValueError, StoreUnavailable)):
            requests.create(key)
    assert requests.begun == []


@pytest.mark.parametrize("attempt", range(3))
def test_when_it_is_killed_nothing_is_told_to_be_stored_that_is_not(
    path: Path, store: FileStorage, tender: Tender, attempt: int
) -> None:
    requests = Requests(store)
    keys = iter(range(10_000))
    ended = threading.Event()

    def send() -> None:
        while not ended.is_set():
            requests.create(f"s{next(keys)}")
            time.sleep(0.0005)

    thread = threading.Thread(target=send)
    thread.start()
    eventually(lambda: len(requests.told) > 100 * (attempt + 1))
    tender.end(signal.SIGKILL)
    eventually(lambda: len(requests.told) > len(requests.begun))
    ended.set()
    thread.join()
    sent = next(keys)
    told = requests.all_told(sent)
    stored = {item.key for item in _all(store, SESSIONS)}
    assert {key for key, is_stored in told.items() if is_stored} <= stored
    events = {item.key for item in _all(store, EVENTS)}
    assert {f"event of {key}" for key, is_stored in told.items() if is_stored} == events


def test_after_a_moment_writes_are_begun_again_with_the_next_one(
    path: Path, store: FileStorage, tender: Tender
) -> None:
    requests = Requests(store)
    requests.create("s1")
    requests.all_told(1)
    tender.end(signal.SIGKILL)
    second = Tender(path)
    requests.create("s2")
    time.sleep(sqlite_commit_socket.PAUSE_AFTER_FAILURE)
    requests.create("s3")
    assert requests.all_told(3)["s3"]
    assert requests.begun[-1] == "s3"
    second.end()


def test_who_hangs_is_waited_for_no_longer_than_an_answer_may_take(
    tender: Tender, store: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_commit_socket, "LONGEST_WAIT", 0.2)
    requests = Requests(store)
    tender.send(signal.SIGSTOP)
    requests.create("s1")
    assert requests.all_told(1) == {"s1": False}


def test_telemetry_that_cannot_be_kept_is_told_as_not_stored(
    store: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store._process()._beginning, "_keep", full)
    requests = Requests(store)
    requests.create("s1")
    assert requests.all_told(1) == {"s1": False}
    assert store.get(SESSIONS, "s1") is not None


def test_an_answer_that_cannot_be_sent_holds_up_no_other(store: FileStorage) -> None:
    def fail(_: bool) -> None:
        raise ConnectionResetError

    pending = Pending()
    store.create_and_append(SESSIONS, "s1", OPEN, {}, pending=pending)
    pending.when_over(fail)
    requests = Requests(store)
    requests.create("s2")
    assert requests.all_told(1) == {"s2": True}


def test_a_store_that_is_closed_has_told_everybody(path: Path, tender: Tender) -> None:
    with closing(FileStorage(path)) as store:
        requests = Requests(store)
        for number in range(30):
            requests.create(f"s{number}")
    assert set(requests.told.values()) == {True}
    assert len(requests.told) == 30


def _all(store: FileStorage, collection: Collection) -> Iterator[Any]:
    after = None
    while True:
        page = store.find(collection, limit=1000, after=after)
        yield from page.items
        after = page.next
        if after is None:
            return


def test_nothing_is_begun_for_whose_answers_the_system_gives_no_thread(
    store: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    requests = Requests(store)
    store.create(SESSIONS, "s1", OPEN)
    store.count(EVENTS)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        requests.create("s2", PLAIN)
        pending = Pending()
        store.create_and_append(SESSIONS, "s3", OPEN, {}, durable=True, pending=pending)
        assert not pending.is_begun
    assert store.count(SESSIONS) == 4
    time.sleep(sqlite_commit_socket.PAUSE_AFTER_FAILURE)
    requests.create("s5")
    assert requests.begun == ["s5"]
    assert requests.all_told(2)["s5"]


def test_nothing_is_waited_for_where_the_file_turns_out_to_be_gone_when_a_write_is_to_begin(
    path: Path, store: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create(SESSIONS, "s1", OPEN)
    path.rename(f"{path}.gone")
    monkeypatch.setattr(sqlite_process, "LOOK_SECONDS", -1)
    pending, told = Pending(), []
    with pytest.raises(StoreUnavailable, match="is gone"):
        store.create_and_append(SESSIONS, "s2", OPEN, {}, durable=True, pending=pending)
    pending.when_over(told.append)
    assert told == [True]
    assert not pending.is_begun
