"""Commits of the file store by the process that tends it."""

from __future__ import annotations

import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tending import OPEN, SESSIONS, Tender, commit_socket, eventually

from ocpp_soap.errors import AlreadyExists, NotAlone, NotFound, RevisionConflict, StoreUnavailable
from ocpp_soap.storage import sqlite_commit_socket, sqlite_committed, sqlite_committing, sqlite_turns
from ocpp_soap.storage.base import Other
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.group_commit import Write
from ocpp_soap.storage.sqlite_rows import can_be_widened, widened


@pytest.fixture
def store(path: Path, tender: Tender) -> Iterator[FileStorage]:
    with closing(FileStorage(path)) as opened:
        yield opened


@pytest.fixture
def own(store: FileStorage, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the process of the test commits itself."""
    commits = store._process().commits
    committed: list[Any] = []

    def commit(batch: Sequence[Write], commit: Callable[[Sequence[Write]], None] = commits._commit) -> None:
        committed.extend(write.work for write in batch)
        commit(batch)

    monkeypatch.setattr(commits, "_commit", commit)
    return committed


def test_who_tends_the_store_commits_for_all(store: FileStorage, own: list[Any]) -> None:
    stored = store.create(SESSIONS, "s1", {**OPEN, "meter": 1}, durable=True)
    stored = store.replace(SESSIONS, "s1", {"state": "closed", "meter": None}, revision=stored.revision, durable=True)
    assert [store.increment("sessions", 5), store.increment("sessions")] == [5, 6]
    assert (stored.revision, own) == (2, [])
    assert store.get(SESSIONS, "s1") == stored
    assert store.find(SESSIONS, {"meter": None}).items[-1].key == "s1"


def test_what_is_refused_is_told_as_without_it(store: FileStorage) -> None:
    with pytest.raises(AlreadyExists):
        store.create(SESSIONS, "first", {})
    with pytest.raises(NotFound):
        store.replace(SESSIONS, "none", {}, revision=1)
    with pytest.raises(RevisionConflict, match="has revision 1, not 7"):
        store.replace(SESSIONS, "first", {}, revision=7)
    with pytest.raises(NotAlone):
        store.create_alone(SESSIONS, "s1", OPEN, [Other(SESSIONS, OPEN)])
    assert store.count(SESSIONS) == 1


def test_a_text_that_is_none_is_refused_as_without_it(store: FileStorage) -> None:
    with pytest.raises((ValueError, StoreUnavailable)):
        store.create(SESSIONS, "\ud800", {})


def test_of_many_that_start_at_once_one_is_alone(store: FileStorage, own: list[Any]) -> None:
    outcomes: list[str] = []

    def start(number: int) -> None:
        try:
            store.create_alone(SESSIONS, f"s{number}", {"station": "CP2", "state": "open"}, others, durable=True)
            outcomes.append("alone")
        except NotAlone:
            outcomes.append("not alone")

    others = [Other(SESSIONS, {"station": "CP2", "state": "open"}), Other(SESSIONS, "nobody")]
    threads = [threading.Thread(target=start, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["alone"] + ["not alone"] * 11


def test_when_it_is_killed_each_commits_itself_and_later_the_next_one_does(
    path: Path, tender: Tender, store: FileStorage, own: list[Any]
) -> None:
    store.create(SESSIONS, "s1", OPEN, durable=True)
    tender.end(signal.SIGKILL)
    store.create(SESSIONS, "s2", OPEN, durable=True)
    assert len(own) == 1
    second = Tender(path)
    time.sleep(sqlite_commit_socket.PAUSE_AFTER_FAILURE)
    store.create(SESSIONS, "s3", OPEN, durable=True)
    second.end()
    store.create(SESSIONS, "s4", OPEN, durable=True)
    assert len(own) == 2
    assert [item.key for item in store.find(SESSIONS).items] == ["first", "s1", "s2", "s3", "s4"]


@pytest.mark.parametrize("attempt", range(3))
def test_killed_at_any_moment_it_leaves_each_write_done_once(path: Path, attempt: int) -> None:
    with closing(FileStorage(path)) as store:
        store.create(SESSIONS, "first", OPEN)
        tender = Tender(path)
        problems: list[Exception] = []
        done: list[int] = []

        def write(thread: int) -> None:
            stored = store.create(SESSIONS, f"t{thread}", {"meter": 0}, durable=True)
            for number in range(60):
                try:
                    store.create(SESSIONS, f"{thread}-{number}", {"meter": number}, durable=True)
                    stored = store.replace(
                        SESSIONS, f"t{thread}", {"meter": number}, revision=stored.revision, durable=True
                    )
                    done.append(number)
                except Exception as error:
                    problems.append(error)

        threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(done) > 40 * (attempt + 1))
        tender.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(done) == 8 * 60
        assert store.count(SESSIONS) == 1 + 8 + 8 * 60
        assert {store.get(SESSIONS, f"t{thread}").revision for thread in range(8)} == {61}  # type: ignore[union-attr]


def test_what_got_no_answer_but_a_receipt_is_done(
    store: FileStorage, own: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between its commit and its answer: seen from here, it commits and the answer is lost."""
    store.create(SESSIONS, "s1", OPEN)
    ask = sqlite_committed._Line.ask

    def lose(line: sqlite_committed._Line, request: bytes) -> tuple[bool, int]:
        ask(line, request)
        raise ConnectionResetError

    monkeypatch.setattr(sqlite_committed._Line, "ask", lose)
    assert store.create(SESSIONS, "s2", OPEN, durable=True).revision == 1
    assert own == []
    store._process()._committed._way.again_at = 0.0
    assert (store.increment("sessions"), len(own)) == (2, 1), "the number that got lost is skipped"
    store._process()._committed._way.again_at = 0.0
    with pytest.raises(AlreadyExists):
        store.create(SESSIONS, "s2", OPEN, durable=True)
    assert len(own) == 2


def test_receipts_of_those_who_are_gone_are_forgotten(path: Path, store: FileStorage) -> None:
    for number in range(5):
        with closing(FileStorage(path)) as other:
            other.create(SESSIONS, f"s{number}", OPEN)
    store.create(SESSIONS, "last", OPEN)
    with store._process().reader() as connection:
        assert connection.execute("SELECT count(*) FROM receipts").fetchone()[0] <= 2


def test_who_hangs_is_told_of(
    tender: Tender, store: FileStorage, own: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_commit_socket, "LONGEST_WAIT", 0.2)
    tender.send(signal.SIGSTOP)
    with pytest.raises(StoreUnavailable, match="hangs"):
        store.create(SESSIONS, "s1", OPEN, durable=True)
    store.create(SESSIONS, "s2", OPEN, durable=True)
    assert len(own) == 1


def test_who_keeps_the_file_locked_is_told_of_and_not_who_commits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_turns, "ASKED_BUSY_SECONDS", 0.2)
    with closing(FileStorage(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as browser:
        store.create(SESSIONS, "first", OPEN)
        tender = Tender(path)
        browser.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match=rf"{path}: another program keeps it locked: end that program"):
            store.create(SESSIONS, "s1", OPEN, durable=True)
        browser.execute("ROLLBACK")
        assert store.create(SESSIONS, "s1", OPEN, durable=True).revision == 1
        assert store.count(SESSIONS) == 2
        tender.end()


def test_who_asks_hears_of_a_lock_before_it_gives_up() -> None:
    assert 3 * sqlite_turns.ASKED_BUSY_SECONDS < sqlite_commit_socket.LONGEST_WAIT


def test_only_one_process_commits_and_the_next_takes_over(path: Path, tender: Tender, store: FileStorage) -> None:
    stop = threading.Event()
    second = FileStorage(path)
    waiting = threading.Thread(target=second.tend, args=(stop,), daemon=True)
    waiting.start()
    made = commit_socket(path).stat().st_ctime_ns
    store.create(SESSIONS, "s1", OPEN)
    time.sleep(0.3)
    assert commit_socket(path).stat().st_ctime_ns == made
    tender.end(signal.SIGKILL)
    eventually(lambda: commit_socket(path).exists() and commit_socket(path).stat().st_ctime_ns != made)
    stop.set()
    waiting.join()
    second.close()
    assert not commit_socket(path).exists()


def test_who_ends_leaves_the_socket_of_the_next_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close = sqlite_committing.Committing.close

    def slowly(committing: sqlite_committing.Committing) -> None:
        time.sleep(0.5)
        close(committing)

    with closing(FileStorage(path)) as store, monkeypatch.context() as slow:
        store.create(SESSIONS, "first", OPEN)
        slow.setattr(sqlite_committing.Committing, "close", slowly)
        tender = Tender(path)
    second = Tender(path)
    time.sleep(0.3)
    tender.end()
    eventually(second.answers)
    second.end()


def test_only_who_may_write_the_file_may_ask(path: Path, store: FileStorage) -> None:
    assert commit_socket(path).stat().st_mode & 0o777 == path.stat().st_mode & 0o777


def test_nonsense_ends_the_connection_and_nothing_else(path: Path, store: FileStorage) -> None:
    for nonsense in (b"\0\0\0\x04{}{}", b"\0\0\0\x02[]", b"\0\0\0\x0d[1,2,3,null,5]"[:17], b"\xff"):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(commit_socket(path)))
            peer.sendall(nonsense)
            peer.shutdown(socket.SHUT_WR)
            assert peer.recv(10) == b""
    assert store.create(SESSIONS, "s1", OPEN).revision == 1


def test_who_ends_while_its_request_waits_ends_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_committing, "GATHERING", 0.2)
    committed: list[Any] = []
    (path.parent / "log").mkdir()
    committing = sqlite_committing.Committing(path.parent / "log", 0o600, committed.extend)
    committing.listen()
    committing._several = True
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path.parent / "log" / sqlite_commit_socket.NAME))
        committing.serve(0)
        request = b'["peer",1,"INSERT INTO t VALUES (?)",[1],true]'
        peer.sendall(sqlite_commit_socket.HEAD.pack(len(request)) + request)
    committing.serve(0)
    assert [write.durable for write in committed] == [False, True, False], "old receipts, the request, its receipt"
    committing.close()


def test_where_no_socket_can_be_each_commits_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(socket.socket, "bind", lambda *_: (_ for _ in ()).throw(OSError("not supported")))
    stop = threading.Event()
    with closing(FileStorage(path)) as store, closing(FileStorage(path)) as tending:
        store.create(SESSIONS, "first", OPEN)
        thread = threading.Thread(target=tending.tend, args=(stop,), daemon=True)
        thread.start()
        time.sleep(0.3)
        assert store.create(SESSIONS, "s1", OPEN).revision == 1
        stop.set()
        thread.join()


def test_a_path_of_any_length_has_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    path = folder / "test.sqlite"
    stop = threading.Event()
    with closing(FileStorage(path)) as tending:
        tending.create(SESSIONS, "first", OPEN)
        thread = threading.Thread(target=tending.tend, args=(stop,), daemon=True)
        thread.start()
        eventually(commit_socket(path).exists)
        stop.set()
        thread.join()


def test_what_was_the_same_before_is_not_written_unless_it_was_not(store: FileStorage) -> None:
    stored = store.create(SESSIONS, "s1", {"station": "CP1", "state": "open", "meter": 5})
    with pytest.raises(RevisionConflict):
        store.replace(SESSIONS, "s1", {"station": "CP2", "state": "x"}, revision=1, before={"station": "CP2"})
    closed = {**stored.document, "state": "closed"}
    stored = store.replace(SESSIONS, "s1", closed, revision=1, before=stored.document)
    assert store.find(SESSIONS, {"station": "CP1", "state": "closed"}).items == [stored]
    assert store.find(SESSIONS, {"meter": 5}).items == [stored]


def test_statements_for_one_row_become_statements_for_several() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (key TEXT UNIQUE, revision INT, document TEXT, f_key TEXT)")
        insert = "INSERT INTO t (key, revision, document, f_key) VALUES (?, 1, ?, ?) ON CONFLICT (key) DO NOTHING"
        update = "UPDATE t SET document = ?, f_key = ?, revision = revision + 1 WHERE key = ? AND revision = ?"
        connection.execute(widened(insert, 3), ("a", "A", "x", "b", "B", "y", "c", "C", "z"))
        changed = connection.execute(widened(update, 3), ("A2", "x2", "a", 1, "B2", "y2", "b", 7, "C2", "z2", "c", 1))
        assert changed.rowcount == 2
        rows = connection.execute("SELECT * FROM t ORDER BY key").fetchall()
        assert rows == [("a", 2, "A2", "x2"), ("b", 1, "B", "y"), ("c", 2, "C2", "z2")]
    assert not can_be_widened("INSERT INTO t (key) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM t) ON CONFLICT DO NOTHING")
