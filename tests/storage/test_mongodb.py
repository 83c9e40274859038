"""The MongoDB store on a real mongod: the contract on a standalone server and on a replica set, and their failures."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from storage_contract import READINGS, SAMPLES, STATES, STATIONS, StorageContract
from storage_servers import MongoServer

from ocpp_soap import storage
from ocpp_soap.errors import AlreadyExists, ConfigurationError, StoreUnavailable
from ocpp_soap.storage import Collection, Storage, mongodb_commits
from ocpp_soap.storage.mongodb import MongoStorage


def settings_of(server: MongoServer, **changes: Any) -> Any:
    chosen = {"url": server.url(f"test_{uuid4().hex}"), "timeout": 20.0, "retention_days": {}, "telemetry_log": ""}
    return SimpleNamespace(backend="mongodb", mongodb=SimpleNamespace(**chosen | changes))


class MongoContract(StorageContract):
    GAVE_TOKENS_BEFORE = True
    LARGEST = 15_000_000
    TOO_LARGE = 17_000_000
    LOOKS_AFTERWARDS = True

    @pytest.fixture
    def gone(self, server: MongoServer, request: pytest.FixtureRequest, store: Storage) -> Callable[[], None]:
        def stop() -> None:
            request.addfinalizer(server.start)
            server.stop(signal.SIGKILL)
            store._timeout = 0.3  # type: ignore[attr-defined]
            for client in store._clients.values():  # type: ignore[attr-defined]
                client._timeout = 0.3

        return stop


class TestStandalone(MongoContract):
    @pytest.fixture
    def server(self, standalone: MongoServer) -> MongoServer:
        return standalone

    @pytest.fixture
    def settings(self, server: MongoServer) -> Any:
        return settings_of(server)


class TestReplicaSet(MongoContract):
    LARGEST = 900_000

    @pytest.fixture
    def server(self, replica_set: MongoServer) -> MongoServer:
        return replica_set

    @pytest.fixture
    def settings(self, server: MongoServer) -> Any:
        return settings_of(server)


class TestWithTelemetryLog(TestReplicaSet):
    @pytest.fixture
    def settings(self, server: MongoServer, tmp_path: Path) -> Any:
        return settings_of(server, telemetry_log=str(tmp_path / "log"))


class Load:
    """Threads that write without a pause, and remember what was acknowledged."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.created: set[str] = set()
        self.numbers: list[int] = []
        self.appended: set[str] = set()
        self.refused = 0
        self.slowest = 0.0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(4)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, thread: int) -> None:
        with closing(storage.open(self.settings)) as store:
            number = 0
            while not self._stop.is_set():
                number += 1
                key = f"{thread}-{number}"
                begin = time.monotonic()
                try:
                    store.create(STATIONS, key, {"power": number}, durable=True)
                    self.created.add(key)
                    self.numbers.append(store.increment("transactions"))
                    assert store.append(READINGS, [(f"{key}-{place}", {"station": key}) for place in range(3)]) == 3
                    self.appended |= {f"{key}-{place}" for place in range(3)}
                    assert store.replace(STATIONS, key, {"power": -1}, revision=1).revision == 2
                except StoreUnavailable:
                    self.refused += 1
                self.slowest = max(self.slowest, time.monotonic() - begin)

    def wait(self, writes: int = 15) -> None:
        """Until so many more writes were acknowledged."""
        wanted = len(self.created) + writes
        give_up = time.monotonic() + 60
        while len(self.created) < wanted:
            assert time.monotonic() < give_up
            time.sleep(0.02)

    def check(self) -> None:
        """Nothing that was acknowledged is missing or doubled."""
        with closing(storage.open(self.settings)) as store:
            stored = {item.key for item in store.find(STATIONS, limit=1_000_000).items}
            readings = [item.key for item in store.find(READINGS, limit=1_000_000).items]
        assert self.created <= stored
        assert self.appended <= set(readings)
        assert len(set(readings)) == len(readings)
        assert len(set(self.numbers)) == len(self.numbers)


def test_a_primary_that_steps_down_is_waited_for(replica_set: MongoServer) -> None:
    with Load(settings_of(replica_set)) as load:
        load.wait()
        replica_set.step_down(2)
        load.wait()
    load.check()
    assert load.refused == 0
    assert load.slowest > 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("kind", ["standalone", "replica_set"])
def test_a_server_that_restarts_under_load_is_waited_for(
    kind: str, how: signal.Signals, request: pytest.FixtureRequest
) -> None:
    server: MongoServer = request.getfixturevalue(kind)
    with Load(settings_of(server, timeout=30.0)) as load:
        load.wait()
        server.stop(how)
        server.start()
        load.wait()
    load.check()
    assert load.refused == 0


def test_a_server_that_stays_away_is_an_error_within_the_time(standalone: MongoServer) -> None:
    with closing(storage.open(settings_of(standalone, timeout=0.7))) as store:
        store.create(STATIONS, "CP1", {})
        standalone.stop()
        try:
            begin = time.monotonic()
            with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.7 s"):
                store.create(STATIONS, "CP2", {})
            assert 0.5 < time.monotonic() - begin < 2
        finally:
            standalone.start()


def test_closing_does_not_wait_for_a_server_that_is_away(standalone: MongoServer) -> None:
    store = storage.open(settings_of(standalone))
    store.create(STATIONS, "CP1", {})
    standalone.stop()
    try:
        begin = time.monotonic()
        store.close()
        assert time.monotonic() - begin < 5
    finally:
        standalone.start()


def test_the_microseconds_stand_beside_a_native_date(standalone: MongoServer) -> None:
    settings = settings_of(standalone)
    moment = datetime(2012, 6, 1, 12, 0, 0, 123456, tzinfo=timezone.utc)
    with closing(storage.open(settings)) as store:
        store.create(STATIONS, "CP1", {"seen": moment, "vendor": "A", "a.b": 1})
    with pymongo.MongoClient(settings.mongodb.url) as client:
        found = client.get_default_database()["stations"].find_one({"vendor": "A"})
    assert found is not None
    assert found["seen"] == datetime(2012, 6, 1, 12, 0, 0, 123000)
    assert (found["_us"], found["a%2Eb"], found["_revision"]) == ({"seen": 456}, 1, 1)


def test_a_document_that_another_program_inserted_is_found_and_replaced(standalone: MongoServer) -> None:
    settings = settings_of(standalone)
    requests = Collection("tag_requests", indexes=(("state",),))
    with pymongo.MongoClient(settings.mongodb.url) as client:
        client.get_default_database()["tag_requests"].insert_one({"_id": "1", "state": "ReceivedFromModbus"})
    with closing(storage.open(settings)) as store:
        (found,) = store.find(requests, {"state": "ReceivedFromModbus"}).items
        assert (found.key, found.revision, found.document) == ("1", 0, {"state": "ReceivedFromModbus"})
        assert store.replace(requests, "1", {"state": "Sent"}, revision=0).revision == 1


def test_documents_that_another_program_inserted_without_a_key_are_paged_changed_and_removed(
    standalone: MongoServer,
) -> None:
    settings = settings_of(standalone)
    requests = Collection("requests", indexes=(("state", "created"),))
    with closing(MongoStorage.from_settings(settings)) as store, pymongo.MongoClient(settings.mongodb.url) as client:
        target = client.get_default_database()["requests"]
        ids = [target.insert_one({"state": "new", "created": n // 2}).inserted_id for n in range(5)]
        first = store.find(requests, {"state": "new"}, order="created", limit=2)
        others = store.find(requests, {"state": "new"}, order="created", after=first.next)
        found = [*first.items, *others.items]
        assert [stored.key for stored in found] == [str(identity) for identity in ids]
        changed = store.replace(requests, found[0].key, {"state": "old"}, revision=found[0].revision)
        assert target.find_one({"_id": ids[0]}, {"state": 1}) == {"_id": ids[0], "state": "old"}
        assert store.get(requests, changed.key) == changed
        assert set(store.get_many(requests, [stored.key for stored in found])) == {str(identity) for identity in ids}
        again = store.get_again(requests, dict.fromkeys(stored.key for stored in found))
        assert {key: one.stored for key, one in again.items()} == store.get_many(requests, again)
        target.update_one({"_id": ids[2]}, {"$set": {"state": "mended"}})
        changes = store.get_again(requests, {key: one.state for key, one in again.items()})
        assert {key for key, one in changes.items() if one.stored is not None} == {str(ids[2])}
        assert store.delete(requests, found[1].key)
        assert target.count_documents({}) == 4


WRITES: dict[str, Callable[[Storage], object]] = {
    "create": lambda store: store.create(STATIONS, "CP2", {"vendor": "ACME"}),
    "replace": lambda store: store.replace(STATIONS, "CP3", {"vendor": "ACME"}, revision=1),
    "put": lambda store: store.put(STATIONS, {"CP2": {"vendor": "ACME"}}),
    "write": lambda store: store.write(put={STATIONS: {"CP2": {"vendor": "ACME"}}}),
    "append": lambda store: store.append(READINGS, [("b", {"n": 1})]),
    "write of entries": lambda store: store.write(append={READINGS: [("b", {"n": 1})]}),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_what_an_index_of_somebody_else_refuses_is_an_error_that_names_it(
    standalone: MongoServer, write: Callable[[Storage], object]
) -> None:
    url = standalone.url(f"test_{uuid4().hex}")
    with closing(MongoStorage(url)) as store, pymongo.MongoClient[dict[str, Any]](url) as client:
        store.put(STATIONS, {"CP1": {"vendor": "ACME"}, "CP3": {"vendor": "B"}})
        store.append(READINGS, [("a", {"n": 1})])
        database = client.get_default_database()
        database["stations"].create_index("vendor", name="mine", unique=True)
        database["readings"].create_index("n", name="mine", unique=True)
        with pytest.raises(StoreUnavailable, match=r"^MongoDB: E11000 duplicate key error .* index: mine "):
            write(store)
        assert (store.count(STATIONS), store.count(READINGS)) == (2, 1)
        assert store.append(READINGS, [("a", {"n": 1})]) == 0


def test_every_search_uses_its_index_without_sorting(standalone: MongoServer) -> None:
    settings = settings_of(standalone)
    with closing(storage.open(settings)) as store:
        store.put(STATIONS, {f"CP{number}": {"vendor": "A", "power": number} for number in range(50)})
        with pymongo.MongoClient(settings.mongodb.url) as client:
            database = client.get_default_database()
            database.command({"profile": 2})
            for where, order in [({"vendor": "A"}, None), ({"vendor": "A"}, "seen"), (None, "power"), (None, None)]:
                page = store.find(STATIONS, where, order=order, limit=5, descending=True)
                store.find(STATIONS, where, order=order, limit=5, after=page.next)
            store.count(STATIONS, {"vendor": "B"})
            database.command({"profile": 0})
            plans = list(database["system.profile"].find({"ns": {"$regex": "stations"}}))
    assert len(plans) == 9
    assert {plan["planSummary"].split()[0] for plan in plans} <= {"IXSCAN", "COUNT_SCAN", "IDHACK"}
    assert not [plan for plan in plans if plan.get("hasSortStage") or plan["keysExamined"] > 10]


def test_more_than_one_answer_holds_is_found(standalone: MongoServer) -> None:
    with closing(storage.open(settings_of(standalone))) as store:
        for number in range(3):
            store.put(STATIONS, {f"CP{number}": {"vendor": "A", "text": "x" * 8_000_000}})
        found = store.find(STATIONS, {"vendor": "A"}).items
        assert [(item.key, len(item.document["text"])) for item in found] == [(f"CP{n}", 8_000_000) for n in range(3)]


def test_retention_is_an_index_of_mongodb_and_can_change(standalone: MongoServer) -> None:
    settings = settings_of(standalone)
    with pymongo.MongoClient(settings.mongodb.url) as client:
        readings = client.get_default_database()["readings"]
        for days, seconds in ((30, 2_592_000), (2, 172_800)):
            settings.mongodb.retention_days = {"readings": days}
            with closing(storage.open(settings)) as store:
                store.append(READINGS, [(f"{days}", {})])
            assert readings.index_information()["expiry"]["expireAfterSeconds"] == seconds
        settings.mongodb.retention_days = {}
        with closing(storage.open(settings)) as store:
            store.append(READINGS, [("none", {})])
        assert "expiry" not in readings.index_information()


def test_a_forked_process_connects_for_itself(standalone: MongoServer) -> None:
    with closing(storage.open(settings_of(standalone))) as store:
        store.create(STATIONS, "parent", {})
        store.increment("transactions")
        child = multiprocessing.get_context("fork").Process(target=_write_in_child, args=(store,))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        assert store.count(STATIONS) == 11
        found = store.get(STATIONS, "child")
        assert found is not None
        assert store.increment("transactions") < found.document["number"]


def _write_in_child(store: Storage) -> None:
    for number in range(9):
        store.create(STATIONS, f"child-{number}", {})
    store.create(STATIONS, "child", {"number": store.increment("transactions")})
    store.close()


@pytest.mark.parametrize(
    "url", ["mongodb://", "http://localhost", "mongodb://localhost/?w=nonsense&unknown", "mongodb://a:b:c@h"]
)
def test_a_url_that_cannot_be_used_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"storage\.mongodb\.url"):
        MongoStorage(url).check()


@pytest.mark.parametrize("option", ["tlsCAFile", "tlsCertificateKeyFile", "tlsCRLFile"])
def test_a_tls_file_that_cannot_be_used_is_named_with_its_option(option: str, tmp_path: Path) -> None:
    (tmp_path / "no certificate").write_text("text")
    for name in ("absent", "no%20certificate", ""):
        url = f"mongodb://ocpp:secret@localhost/?tls=true&{option}={tmp_path}/{name}"
        with pytest.raises(ConfigurationError, match=r"storage\.mongodb\.url: .*; check ") as refused:
            MongoStorage(url).check()
        assert str(refused.value).endswith(f"; check {option}={tmp_path}/{name.replace('%20', ' ')}")
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("options", "reason"), [("w=0", "w=0 does not tell"), ("fsync=true", "both j and fsync")])
def test_a_write_concern_that_cannot_be_is_a_configuration_error(options: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"storage\.mongodb\.url: .*{reason}"):
        MongoStorage(f"mongodb://localhost/?{options}").check()


def test_the_url_decides_the_write_concern(standalone: MongoServer) -> None:
    for options, wanted in (("", {"w": "majority", "j": True}), ("?w=1&journal=false", {"w": 1, "j": False})):
        with closing(MongoStorage(standalone.url("test") + options)) as store:
            assert store._client().database.write_concern.document == wanted


def test_a_write_whose_answer_was_lost_is_recognised(standalone: MongoServer) -> None:
    """The server stores the document but reports a failure: the next attempt finds its own write."""
    lost = {"failCommands": ["insert", "update"], "writeConcernError": {"code": 64, "errmsg": "too late"}}
    with (
        closing(storage.open(settings_of(standalone))) as store,
        pymongo.MongoClient(standalone.url("admin")) as client,
    ):
        store.append(READINGS, [("a", {})])
        store.create(STATIONS, "CP0", {})

        def lose_the_next_answer() -> None:
            client["admin"].command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": lost})

        lose_the_next_answer()
        assert store.create(STATIONS, "CP1", {}).revision == 1
        lose_the_next_answer()
        assert store.replace(STATIONS, "CP1", {"power": 1}, revision=1).revision == 2
        lose_the_next_answer()
        assert store.append(READINGS, [("a", {}), ("b", {}), ("c", {})]) == 2
        lose_the_next_answer()
        with pytest.raises(AlreadyExists):
            store.create(STATIONS, "CP1", {})


@pytest.mark.parametrize(("series", "latest"), [(READINGS, STATIONS), (SAMPLES, STATES)])
def test_of_the_steps_of_a_write_to_a_replica_set_only_the_last_is_waited_for(
    replica_set: MongoServer, monkeypatch: pytest.MonkeyPatch, series: Collection, latest: Collection
) -> None:
    asked: list[Any] = []
    elected = ["one", "another"]
    answer = mongodb_commits._answer

    def noted(target: Any, kind: Any, rows: Any, concern: Any) -> dict[str, Any]:
        asked.append((kind[0], concern))
        details = answer(target, kind, rows, concern)
        if elected:
            details["elections"] = {elected.pop()}
        return details

    monkeypatch.setattr(mongodb_commits, "_answer", noted)
    with closing(storage.open(settings_of(replica_set))) as store:
        store.check()
        store.write(append={series: [("a", {})]}, put={latest: {"CP1": {}}})
        assert store.count(series) == store.count(latest) == 1
    once = [("insert", {"w": 1}), ("update", {"w": "majority", "j": True})]
    assert asked == once * 2


def test_what_stands_in_the_way_of_a_write_to_a_replica_set_is_waited_for_too(
    replica_set: MongoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    answer = mongodb_commits._answer

    def noted(target: Any, kind: Any, rows: Any, concern: Any) -> dict[str, Any]:
        asked.append((kind[0], concern))
        return answer(target, kind, rows, concern)

    with closing(storage.open(settings_of(replica_set))) as store:
        store.create(STATIONS, "CP1", {})
        monkeypatch.setattr(mongodb_commits, "_answer", noted)
        with pytest.raises(AlreadyExists):
            store.create_and_append(STATIONS, "CP1", {}, {READINGS: [("a", {})]})
        assert store.count(READINGS) == 0
    assert asked == [("insert", {"w": 1}), ("insert", {"w": "majority", "j": True})]
