"""The way of telemetry to a real mongod through the logs of this machine."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import pymongo
import pytest
from killed import in_child
from storage_contract import NOON, SAMPLES, STATES, STATIONS
from storage_servers import MongoServer
from tending import eventually

from ocpp_soap.errors import AlreadyExists, ConfigurationError
from ocpp_soap.storage import mongodb_telemetry
from ocpp_soap.storage.mongodb import MongoStorage
from ocpp_soap.storage.process_logs import OwnLog


class Place:
    """A database and the folder of its logs."""

    def __init__(self, server: MongoServer, folder: Path, name: str = "") -> None:
        self.url = server.url(name or f"test_{uuid4().hex}")
        self.folder = folder
        self.mongo: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(self.url)
        self.database = self.mongo.get_default_database()
        with closing(self.store()) as store:
            for collection in (SAMPLES, STATES, STATIONS):
                store.count(collection)  # so that the collections are there

    def store(self) -> MongoStorage:
        return MongoStorage(self.url, telemetry_log=self.folder)

    def logs(self) -> list[Path]:
        found = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # stored and removed meanwhile
                if path.name.startswith("test_") and path.stat().st_size:
                    found.append(path)
        return sorted(found)

    def in_mongodb(self) -> list[str]:
        """The keys of the samples that MongoDB has, whatever waits in logs."""
        return sorted(row["_id"] for row in self.database["samples"].find({}, {"_id": 1}))


@pytest.fixture
def place(replica_set: MongoServer, tmp_path: Path) -> Iterator[Place]:
    made = Place(replica_set, tmp_path / "log")
    yield made
    made.mongo.close()


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs are stored when somebody looks."""
    monkeypatch.setattr(mongodb_telemetry, "FOLD_SECONDS", 60.0)


def samples(*numbers: int) -> list[tuple[str, dict[str, Any]]]:
    return [(f"s{number}", {"station": "CP1", "at": NOON, "n": number}) for number in numbers]


def killed(place: Place, work: Callable[[MongoStorage], None]) -> None:
    """Do some work in a process that is killed before it can store what is in its log."""

    def slowly() -> None:
        mongodb_telemetry.FOLD_SECONDS = 60.0
        work(place.store())

    in_child(slowly)


@pytest.mark.usefixtures("slowly")
def test_telemetry_is_in_the_log_first_and_in_mongodb_when_somebody_looks(place: Place) -> None:
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1)}, put={STATES: {"CP1": {"station": "CP1", "at": NOON}}})
        assert place.in_mongodb() == []
        assert len(place.logs()) == 1
        assert store.get(STATES, "CP1") is not None
        assert place.in_mongodb() == ["s1"]
        assert place.logs() == []


def test_telemetry_reaches_mongodb_by_itself(place: Place) -> None:
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1)})
        eventually(lambda: place.in_mongodb() == ["s1"] and not place.logs())


def test_another_process_of_the_machine_sees_what_was_written_a_moment_ago(place: Place) -> None:
    with closing(place.store()) as store, closing(place.store()) as other:
        for number in range(5):
            store.write(append={SAMPLES: samples(number)})
            assert len(other.find(SAMPLES).items) == number + 1


@pytest.mark.usefixtures("slowly")
def test_at_the_end_nothing_is_left_in_a_log(place: Place) -> None:
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1, 2)})
    assert place.in_mongodb() == ["s1", "s2"]
    assert list(place.folder.iterdir()) == []


def test_what_a_killed_process_left_is_stored_by_the_next(place: Place) -> None:
    killed(place, lambda store: store.write(append={SAMPLES: samples(1)}))
    assert len(place.logs()) == 1
    with closing(place.store()) as store:
        assert store.count(SAMPLES) == 1
    assert place.logs() == []


def test_the_log_of_a_living_process_is_left_to_it(place: Place) -> None:
    log = OwnLog(place.folder, f"{place.database.name}-", 0o600)
    log.append(b"half a fra")
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1)})
        eventually(lambda: place.in_mongodb() == ["s1"] and len(place.logs()) == 1)
        assert place.logs() == [log.path]
        log.close()
        eventually(lambda: not place.logs())


def test_what_is_stored_twice_is_there_once(place: Place, tmp_path: Path) -> None:
    states = [{"CP1": {"station": "CP1", "at": NOON.replace(hour=hour), "hour": hour}} for hour in (1, 2)]

    def work(store: MongoStorage) -> None:
        for state in states:
            store.write(append={SAMPLES: samples(1, 2)}, put={STATES: state})

    killed(place, work)
    (log,) = place.logs()
    shutil.copy(log, tmp_path / "copy")
    with closing(place.store()) as store:
        assert store.count(SAMPLES) == 2
        shutil.copy(tmp_path / "copy", log)
        eventually(lambda: not place.logs())
        assert store.count(SAMPLES) == 2
        found = store.get(STATES, "CP1")
        assert found is not None
        assert found.document["hour"] == 2


@pytest.mark.parametrize("suffix", ["", "-staging", "-1"], ids=["other name", "longer name", "name with a number"])
def test_a_log_of_another_database_is_left_alone(replica_set: MongoServer, tmp_path: Path, suffix: str) -> None:
    elsewhere = Place(replica_set, tmp_path / "log")
    place = Place(replica_set, tmp_path / "log", f"{elsewhere.database.name}{suffix}" if suffix else "")
    killed(place, lambda store: store.write(append={SAMPLES: samples(1)}))
    with closing(elsewhere.store()) as store:
        assert store.count(SAMPLES) == 0
    assert len(place.logs()) == 1
    with closing(place.store()) as store:
        assert store.count(SAMPLES) == 1
    place.mongo.close()
    elsewhere.mongo.close()


def test_while_mongodb_is_away_telemetry_waits_in_its_log(
    place: Place, replica_set: MongoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongodb_telemetry, "_LONGEST_STORE", 0.5)
    store = place.store()
    store.write(append={SAMPLES: samples(1)})
    assert store.count(SAMPLES) == 1
    replica_set.stop(signal.SIGKILL)
    try:
        store.write(append={SAMPLES: samples(2)})
        store.close()
        assert len(place.logs()) == 1
    finally:
        replica_set.start()
    with closing(place.store()) as again:
        assert again.count(SAMPLES) == 2


@pytest.mark.usefixtures("slowly")
def test_what_a_process_wrote_is_stored_in_its_order_also_after_mongodb_was_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> list[Any]:
        raise pymongo.errors.AutoReconnect("away")

    with closing(place.store()) as store:
        telemetry = store._client().telemetry
        assert telemetry is not None
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(telemetry, "_store", away)
            for number in range(10):
                store.write(append={SAMPLES: samples(number)})
                assert not telemetry._fold_or_warn()
            assert len(place.logs()) == 10
        assert [item.document["n"] for item in store.find(SAMPLES, limit=20).items] == list(range(10))


def test_a_transaction_goes_to_mongodb_and_its_event_through_the_log(place: Place) -> None:
    def work(store: MongoStorage) -> None:
        store.create_and_append(STATIONS, "t1", {}, {SAMPLES: samples(1)})

    killed(place, work)
    assert place.database["stations"].find_one({"_id": "t1"}) is not None
    assert place.in_mongodb() == []
    with closing(place.store()) as store:
        with pytest.raises(AlreadyExists):
            store.create_and_append(STATIONS, "t1", {}, {SAMPLES: samples(2)})
        store.replace_and_append(STATIONS, "t1", {"n": 1}, {SAMPLES: samples(3)}, revision=1)
        assert {item.key for item in store.find(SAMPLES).items} == {"s1", "s3"}


def test_entries_with_what_was_found_go_through_the_log(place: Place) -> None:
    def work(store: MongoStorage) -> None:
        store.create(STATIONS, "CP1", {"vendor": "A"})
        store.append_found(SAMPLES, samples(1), STATIONS, {"vendor": "A"}, lambda found: {"found": len(found)})

    killed(place, work)
    assert place.in_mongodb() == []
    with closing(place.store()) as store:
        assert [item.document["found"] for item in store.find(SAMPLES).items] == [1]


@pytest.mark.usefixtures("slowly")
def test_what_is_written_durably_does_not_go_through_the_log(place: Place) -> None:
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1)}, durable=True)
        store.append(SAMPLES, samples(2))
        assert place.in_mongodb() == ["s1", "s2"]


@pytest.mark.usefixtures("slowly")
def test_where_too_much_waits_telemetry_goes_to_mongodb_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1)})
        monkeypatch.setattr(mongodb_telemetry, "MOST_BYTES", 0)
        store.write(append={SAMPLES: samples(2)}, put={STATES: {"CP1": {"at": NOON}}})
        store.append_found(SAMPLES, samples(3), STATIONS, {"vendor": "A"}, lambda _: {})
        assert place.in_mongodb() == ["s2", "s3"]
        assert store.count(SAMPLES) == 3


def test_where_no_log_can_be_written_telemetry_goes_to_mongodb_at_once(place: Place) -> None:
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1)})
        assert store.count(SAMPLES) == 1
        place.folder.rename(place.folder.with_name("away"))
        place.folder.write_text("")
        store.write(append={SAMPLES: samples(2)})
        assert place.in_mongodb() == ["s1", "s2"]
        place.folder.unlink()
        store.write(append={SAMPLES: samples(3)})
        eventually(lambda: place.in_mongodb() == ["s1", "s2", "s3"])


def test_what_mongodb_refuses_for_good_is_kept_in_a_file_and_holds_up_nothing(place: Place) -> None:
    place.database.command({"collMod": "samples", "validator": {"n": {"$ne": 2}}})
    with closing(place.store()) as store:
        store.write(append={SAMPLES: samples(1, 2, 3)})
        assert {item.key for item in store.find(SAMPLES).items} == {"s1", "s3"}
    (kept,) = bson.decode_all((place.folder / f"refused.{place.database.name}.bson").read_bytes())
    assert (kept["collection"], kept["refused"]["_id"]) == ("samples", "s2")
    assert "validation" in kept["reason"]


def test_what_meets_an_index_of_somebody_else_again_and_again_is_refused_for_good(place: Place) -> None:
    place.database["states"].create_index("number", unique=True)
    with closing(place.store()) as store:
        for number, key in enumerate(["CP1", "CP2", "CP3"]):
            store.write(put={STATES: {key: {"station": key, "at": NOON, "number": number % 2}}})
        eventually(lambda: not place.logs())
        assert {item.key for item in store.find(STATES).items} == {"CP1", "CP2"}
    (kept,) = bson.decode_all((place.folder / f"refused.{place.database.name}.bson").read_bytes())
    assert (kept["collection"], kept["refused"]["q"]["_id"]) == ("states", "CP3")


def test_new_keys_that_two_put_at_once_are_both_stored(place: Place) -> None:
    with closing(place.store()) as one, closing(place.store()) as other:
        for number in range(20):
            for store, hour in ((one, 1), (other, 2)):
                store.write(put={STATES: {f"CP{number}": {"station": "CP", "at": NOON.replace(hour=hour)}}})
        eventually(lambda: not place.logs())
        found = one.find(STATES, {"station": "CP"}).items
        assert [item.document["at"].hour for item in found] == [2] * 20


def test_a_folder_that_cannot_be_used_is_a_mistake_in_the_configuration(place: Place) -> None:
    file = place.folder / "file"
    file.write_text("")
    with pytest.raises(ConfigurationError, match=r"storage\.mongodb\.telemetry_log: .*file"):
        MongoStorage(place.url, telemetry_log=file).count(SAMPLES)


def test_check_tells_how_much_waits(place: Place) -> None:
    with closing(place.store()) as store:
        detail = store.check().detail
        assert (detail["telemetry_log"], detail["bytes_waiting"]) == (str(place.folder), 0)
