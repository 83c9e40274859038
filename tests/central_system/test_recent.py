"""Look-ups of a moment ago: how stale they may be, and what they cost the store."""

from __future__ import annotations

import os
import time

import pytest

from ocpp_soap.central_system import Tag, recent
from ocpp_soap.central_system.collections import TAGS
from ocpp_soap.central_system.recent import STALENESS, Recent
from ocpp_soap.errors import SecurityError, StoreUnavailable
from ocpp_soap.messages import AuthorizeRequest, HeartbeatRequest
from ocpp_soap.storage.file import FileStorage

SECONDS = 0.2


class CountedStorage(FileStorage):
    """A file store that tells what was read, and that can be made to be unavailable."""

    def __init__(self, path):
        super().__init__(path)
        self.reads = []
        self.is_available = True
        self.while_reading = lambda: None

    def get(self, collection, key):
        self._read(key)
        return super().get(collection, key)

    def get_again(self, collection, known):
        self._read(sorted(known))
        found = super().get_again(collection, known)
        self.while_reading()
        return found

    def _read(self, what):
        if not self.is_available:
            raise StoreUnavailable("gone")
        self.reads.append(what)


@pytest.fixture
def store(tmp_path):
    made = CountedStorage(tmp_path / "store.db")
    yield made
    made.close()


@pytest.fixture
def look_up(store):
    return Recent(store, TAGS, Tag, seconds=SECONDS)


@pytest.fixture
def put(store):
    def put_it(*names, **values):
        store.put(TAGS, {name: {"id_tag": name, **values} for name in names})

    return put_it


def half_way(times=1):
    time.sleep(SECONDS / 2 * times + 0.01)


def test_what_was_read_is_not_read_again_until_it_is_stale(store, look_up):
    for _ in range(3):
        assert look_up.get("a") is None
    assert store.reads == ["a"]


def test_what_is_asked_for_again_is_read_again_in_one_go(store, look_up, put):
    put("a", "b", "c")
    for _ in range(2):
        assert [look_up.get(name).id_tag for name in "abc"] == ["a", "b", "c"]
        assert look_up.get("unknown") is None
    put("b", status="Blocked")
    put("unknown")
    store.reads.clear()
    half_way()
    assert [look_up.get(name).status for name in ("a", "b", "c", "unknown")] == [
        "Accepted",
        "Blocked",
        "Accepted",
        "Accepted",
    ]
    assert store.reads == [["a", "b", "c", "unknown"]]


def test_a_record_is_made_anew_only_when_it_has_changed(store, look_up, put, monkeypatch):
    put("a", "b", "gone")
    made = []
    monkeypatch.setattr(recent, "record_of", lambda cls, document: made.append(document["id_tag"]) or Tag(**document))

    def ask():
        return [tag and tag.status for tag in map(look_up.get, ("a", "b", "gone"))]

    ask()
    for _ in range(2):
        assert ask() == ["Accepted"] * 3
        half_way()
    assert ask() == ["Accepted"] * 3
    made.clear()
    half_way()
    assert (ask(), made) == (["Accepted"] * 3, [])
    put("b", status="Blocked")
    store.delete(TAGS, "gone")
    half_way()
    assert (ask(), made) == (["Accepted", "Blocked", None], ["b"])
    put("gone")
    half_way()
    assert (ask(), made) == (["Accepted", "Blocked", "Accepted"], ["b", "gone"])


def test_a_change_that_was_taken_back_counts(store, look_up, put):
    put("a")
    for _ in range(2):
        look_up.get("a")
    half_way()
    look_up.get("a")
    put("a", status="Blocked")
    half_way(3)
    assert look_up.get("a").status == "Blocked"
    put("a")
    half_way()
    assert look_up.get("a").status == "Accepted"


def test_what_is_asked_for_once_is_not_read_again(store, look_up):
    look_up.get("a")
    half_way()
    look_up.get("b")
    half_way()
    look_up.get("c")
    assert store.reads == ["a", "b", "c"]


def test_what_nobody_asks_for_any_more_is_dropped(store, look_up):
    store.again_for_one = 2
    for name in "abcd":
        look_up.get(name)
        half_way()
    look_up.get("e")
    assert set(look_up._entries) == {"d", "e"}


def test_what_nobody_refreshed_in_time_does_not_count(store, look_up, put):
    put("a")
    for _ in range(2):
        look_up.get("a")
    put("a", status="Blocked")
    half_way(2)
    assert look_up.get("a").status == "Blocked"
    assert store.reads == ["a", ["a"]]


def test_many_are_read_again_in_parts(store, look_up, put, monkeypatch):
    monkeypatch.setattr(recent, "AT_LEAST", 2)
    names = [f"n{number}" for number in range(6)]
    put(*names)
    for _ in range(2):
        for name in names:
            look_up.get(name)
    store.reads.clear()
    half_way()
    for _ in range(3):
        look_up.get("n0")
        time.sleep(SECONDS / 2 / recent.PARTS)
    assert store.reads == [["n0", "n1"], ["n2", "n3"], ["n4", "n5"]]


def test_a_busy_sender_is_read_again_for_some_rounds_of_others(store, look_up, put, monkeypatch):
    monkeypatch.setattr(recent, "ROUNDS", 2)
    for _ in range(2):
        look_up.get("a")
    for other in "bcd":
        half_way()
        look_up.get(other)
    assert store.reads == ["a", ["a"], "b", ["a"], "c", "d"]


def test_where_reading_again_costs_as_much_only_what_is_in_use_is_read_again(store, look_up, put):
    store.again_for_one = 1
    put("a")
    for _ in range(2):
        look_up.get("a")
    for other in "bcd":
        half_way()
        look_up.get(other)
    assert store.reads == ["a", ["a"], "b", "c", "d"]


def test_who_comes_again_after_a_while_is_read_again_for_longer(store, look_up, put, monkeypatch):
    monkeypatch.setattr(recent, "ROUNDS", 1)
    store.again_for_one = 4
    put("a", "o")

    def pass_by(halves):
        store.reads.clear()
        for _ in range(halves):
            half_way()
            look_up.get("o")
        return [what for what in store.reads if what == "a" or "a" in what]

    look_up.get("a")
    assert pass_by(3) == []
    look_up.get("a")
    assert store.reads[-1] == "a"
    assert len(pass_by(3)) == 1
    look_up.get("a")
    assert store.reads[-1] == "a"
    assert len(pass_by(6)) == 4
    assert look_up.get("a").id_tag == "a"


def test_what_counts_is_dropped_last(look_up, monkeypatch):
    monkeypatch.setattr(recent, "MOST_ENTRIES", 4)
    for name in "abc":
        look_up.get(name)
    half_way(2)
    for name in "ade":
        look_up.get(name)
    assert set(look_up._entries) == {"a", "d", "e"}


def test_the_others_go_on_while_one_reads_again(store, look_up, put):
    put("a")
    for _ in range(2):
        look_up.get("a")
    seen = []
    store.while_reading = lambda: seen.append(look_up.get("a").id_tag)
    half_way()
    look_up.get("a")
    assert seen == ["a"]
    assert store.reads == ["a", ["a"]]


def test_what_is_forgotten_while_it_is_read_again_is_read_anew(store, look_up, put):
    put("a")
    for _ in range(2):
        look_up.get("a")

    def change():
        put("a", status="Blocked")
        look_up.forget("a")

    store.while_reading = change
    half_way()
    assert look_up.get("a").status == "Blocked"


def test_an_unavailable_store_is_said_at_the_next_reading(store, look_up):
    for _ in range(2):
        look_up.get("a")
    store.is_available = False
    assert look_up.get("a") is None
    half_way()
    with pytest.raises(StoreUnavailable):
        look_up.get("a")
    half_way()
    with pytest.raises(StoreUnavailable):
        look_up.get("a")
    store.is_available = True
    assert look_up.get("a") is None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_during_a_refresh_reads_for_itself(store, look_up, put):
    put("a")
    for _ in range(2):
        look_up.get("a")
    children = []
    store.while_reading = lambda: children.append(os.fork())
    half_way()
    look_up.get("a")
    if not children[0]:
        failed = 1
        try:
            half_way(2)
            failed = look_up.get("a").status != "Accepted"
        finally:
            os._exit(failed)
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0


def test_what_is_remembered_is_bounded(monkeypatch, look_up):
    monkeypatch.setattr(recent, "MOST_ENTRIES", 10)
    for number in range(100):
        look_up.get(str(number))
        assert len(look_up._entries) <= 10


def test_a_change_counts_at_once_in_its_own_process(make_central_system, send):
    system = make_central_system()
    system.tags.add(Tag(id_tag="A"))
    assert send(AuthorizeRequest(id_tag="A"), to=system).id_tag_info.status == "Accepted"
    system.tags.block("A")
    assert send(AuthorizeRequest(id_tag="A"), to=system).id_tag_info.status == "Blocked"
    system.tags.remove("A")
    assert send(AuthorizeRequest(id_tag="A"), to=system).id_tag_info.status == "Invalid"
    system.stations.block("CP001")
    with pytest.raises(SecurityError):
        send(HeartbeatRequest(), to=system)


def test_a_change_of_another_process_counts_within_the_bound(make_central_system, send):
    serving, operator = make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept"), make_central_system()
    for _ in range(2):
        assert send(AuthorizeRequest(id_tag="A"), to=serving).id_tag_info.status == "Accepted"
    operator.tags.add(Tag(id_tag="A", status="Blocked"))
    operator.stations.set_heartbeat_interval("CP001", 60)
    time.sleep(STALENESS)
    assert send(AuthorizeRequest(id_tag="A"), to=serving).id_tag_info.status == "Blocked"
    assert serving.stations.recall("CP001").heartbeat_interval == 60


def test_what_is_called_is_never_stale(make_central_system, send):
    serving, operator = make_central_system(), make_central_system()
    send(HeartbeatRequest(), to=serving)
    operator.stations.set_url("CP001", "http://192.0.2.1/")
    assert serving.stations.get("CP001").callback_url == "http://192.0.2.1/"
