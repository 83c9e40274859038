"""Group commit on a real mongod: what waits is one command, and each thread learns of its own writes only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from storage_contract import NOON, READINGS, STATES, STATIONS
from storage_servers import MongoServer

from ocpp_soap.errors import AlreadyExists, NotAlone, NotFound, RevisionConflict, StoreUnavailable
from ocpp_soap.pending import Pending
from ocpp_soap.storage.base import Collection, Other
from ocpp_soap.storage.group_commit import GroupCommit
from ocpp_soap.storage.mongodb import MongoStorage

Work = Callable[[], Any]


class Blocked:
    """A store on which one command is held until so many writes wait behind it."""

    def __init__(self, server: MongoServer) -> None:
        self.url = url = server.url(f"test_{uuid4().hex}")
        self.store = MongoStorage(url, timeout=20.0)
        self.mongo: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url)
        self.database = self.mongo.get_default_database()
        self.group = self.store._client()._commits._group
        self.group._pause = 0.0

    def fail(self, command: str, **how: Any) -> Callable[[], Any]:
        """The next command of that name meets this; what is returned waits until it has."""
        data = {"failCommands": [command], "appName": "ocpp-soap", **how}
        point = {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": data}
        met = self.mongo.admin.command(point)["count"] + 1
        wait = {"waitForFailPoint": "failCommand", "timesEntered": met, "maxTimeMS": 10_000}
        return lambda: self.mongo.admin.command(wait)

    def together(self, command: str, first: Work, works: list[Work], then: Work = lambda: None) -> list[Any]:
        """What the works return or raise that run in threads and wait while the command of ``first`` is held.

        ``then`` is done while they wait.
        """
        self.fail(command, blockConnection=True, blockTimeMS=700)
        with ThreadPoolExecutor(len(works) + 1) as threads:
            held = threads.submit(first)
            self._wait(lambda group: group._led)
            futures = [threads.submit(work) for work in works]
            self._wait(lambda group: len(group._waiting) == len(works))
            then()
            held.result()
            return [future.exception() or future.result() for future in futures]

    def _wait(self, met: Callable[[GroupCommit], bool]) -> None:
        give_up = time.monotonic() + 10
        while not met(self.group):
            assert time.monotonic() < give_up
            time.sleep(0.001)

    def searches(self, work: Work) -> dict[str, int]:
        """How many commands that search MongoDB gets by ``work``."""

        def count() -> dict[str, int]:
            commands = self.mongo.admin.command("serverStatus")["metrics"]["commands"]
            return {name: int(commands[name]["total"]) for name in ("find", "aggregate")}

        before = count()
        work()
        return {name: after - before[name] for name, after in count().items()}

    def commands(self, work: Work) -> tuple[Any, list[Any]]:
        """The result of ``work``, and the commands by which MongoDB wrote meanwhile."""
        self.database.command({"profile": 2})
        result = work()
        self.database.command({"profile": 0})
        return result, [
            row["op"] for row in self.database["system.profile"].find({"op": {"$in": ["insert", "update"]}})
        ]


@pytest.fixture
def blocked(standalone: MongoServer) -> Iterator[Blocked]:
    found = Blocked(standalone)
    with closing(found.store), closing(found.mongo):
        yield found


def _kind(result: Any) -> Any:
    return type(result) if isinstance(result, Exception) else result


def test_creates_that_wait_are_one_command_and_each_is_told_of_its_own_key(blocked: Blocked) -> None:
    store = blocked.store
    for number in range(2):
        store.create(STATIONS, f"CP{number}", {"power": 0})
    works: list[Work] = [lambda n=n: store.create(STATIONS, f"CP{n}", {"power": 1}).revision for n in range(6)]  # type: ignore[misc]
    works.append(lambda: store.create(STATIONS, "CP5", {"power": 2}).revision)
    results, done = blocked.commands(lambda: blocked.together("insert", lambda: store.create(STATIONS, "x", {}), works))
    assert [_kind(result) for result in results[:5]] == [AlreadyExists, AlreadyExists, 1, 1, 1]
    assert {_kind(result) for result in results[5:]} == {1, AlreadyExists}
    assert [str(result) for result in results[:2]] == [
        f"stations: there is already a document 'CP{n}'" for n in range(2)
    ]
    assert len(done) == 2
    assert store.count(STATIONS) == 7


def test_appends_that_wait_are_one_command_and_each_counts_what_was_new(blocked: Blocked) -> None:
    store = blocked.store
    store.append(READINGS, [("0-1", {"n": 0})])
    works: list[Work] = [
        lambda n=n: store.append(READINGS, [(f"{n}-{place}", {"n": 1}) for place in range(3)])  # type: ignore[misc]
        for n in range(3)
    ]
    results, done = blocked.commands(
        lambda: blocked.together("insert", lambda: store.append(READINGS, [("x", {})]), works)
    )
    assert results == [2, 3, 3]
    assert len(done) == 2
    assert [item.key for item in store.find(READINGS).items if item.document.get("n") == 0] == ["0-1"]


def test_replaces_that_wait_are_told_who_found_another_revision_and_who_nothing(blocked: Blocked) -> None:
    store = blocked.store
    for number in range(4):
        store.create(STATIONS, f"CP{number}", {"power": 0})
    store.replace(STATIONS, "CP3", {"power": 1}, revision=1)
    works: list[Work] = [
        lambda n=n: store.replace(STATIONS, f"CP{n}", {"power": 7}, revision=1).revision  # type: ignore[misc]
        for n in range(5)
    ]
    results = blocked.together(
        "update",
        lambda: store.put(STATIONS, {"x": {}}),
        works,
        then=lambda: blocked.database["stations"].delete_one({"_id": "CP1"}),
    )
    assert [_kind(result) for result in results] == [2, NotFound, 2, RevisionConflict, NotFound]
    assert str(results[3]) == "stations: the document 'CP3' has revision 2, not 1"
    powers = {item.key: item.document.get("power") for item in store.find(STATIONS).items}
    assert powers == {"CP0": 7, "CP2": 7, "CP3": 1, "x": None}


def test_when_the_answer_to_a_group_is_lost_each_finds_its_own_write(blocked: Blocked) -> None:
    store = blocked.store
    store.create(STATIONS, "CP0", {"power": 0})
    store.append(READINGS, [("0-0", {})])
    lost = {"writeConcernError": {"code": 64, "errmsg": "too late"}}

    def create(number: int) -> Any:
        return store.create(STATIONS, f"CP{number}", {"power": 1}).revision

    works: list[Work] = [partial(create, number) for number in range(3)]
    results = blocked.together("insert", partial(create, 9), works, then=lambda: blocked.fail("insert", **lost))
    assert [_kind(result) for result in results] == [AlreadyExists, 1, 1]
    works = [
        lambda n=n: store.append(READINGS, [(f"{n}-{place}", {}) for place in range(2)])  # type: ignore[misc]
        for n in range(3)
    ]
    results = blocked.together(
        "insert", lambda: store.append(READINGS, [("x", {})]), works, then=lambda: blocked.fail("insert", **lost)
    )
    assert results == [1, 2, 2]
    assert (store.count(STATIONS), store.count(READINGS)) == (4, 7)


def test_a_group_that_is_refused_as_a_whole_is_done_one_by_one(blocked: Blocked) -> None:
    store = blocked.store
    store.create(STATIONS, "CP0", {})
    works: list[Work] = [lambda n=n: store.create(STATIONS, f"CP{n}", {}).revision for n in range(1, 4)]  # type: ignore[misc]
    refuse = {"errorCode": 2}
    results = blocked.together(
        "insert", lambda: store.create(STATIONS, "x", {}), works, then=lambda: blocked.fail("insert", **refuse)
    )
    assert results == [1, 1, 1]
    blocked.fail("insert", **refuse)
    with pytest.raises(StoreUnavailable):
        store.create(STATIONS, "CP4", {})


def test_what_cannot_be_stored_is_told_its_own_thread_only(blocked: Blocked) -> None:
    store = blocked.store
    works: list[Work] = [lambda: store.create(STATIONS, "CP1", {}).revision]
    bad = threading.Barrier(2)

    def refused() -> None:
        with pytest.raises(ValueError, match="cannot be stored"):
            store.create(STATIONS, "CP2", {"text": "\ud800"})
        bad.wait(10)

    threading.Thread(target=refused).start()
    assert blocked.together("insert", lambda: store.create(STATIONS, "x", {}), works, then=lambda: bad.wait(10)) == [1]


def test_of_the_steps_of_a_write_the_second_waits_for_the_first_and_is_not_done_without_it(blocked: Blocked) -> None:
    store = blocked.store
    store.append(READINGS, [("x", {})])
    store.put(STATIONS, {"x": {}})

    def write(number: int) -> None:
        store.write(append={READINGS: [(f"{number}", {})]}, put={STATIONS: {f"CP{number}": {"power": number}}})

    works: list[Work] = [partial(write, number) for number in range(5)]
    _, done = blocked.commands(lambda: blocked.together("insert", partial(write, 9), works))
    assert done == ["insert", "update", "insert", *["update"] * 5]
    assert store.count(STATIONS) == store.count(READINGS) == 7
    store._client()._timeout = 0.3
    blocked.fail("insert", errorCode=2)
    with pytest.raises(StoreUnavailable):
        write(10)
    assert store.get(STATIONS, "CP10") is None


def test_documents_and_what_is_appended_with_them_are_two_commands_for_all_that_wait(blocked: Blocked) -> None:
    store = blocked.store
    store.create(STATIONS, "CP0", {})
    store.append(READINGS, [("x", {})])

    def create(number: int) -> int:
        entries = {READINGS: [(f"{number}", {})]}
        return store.create_and_append(STATIONS, f"CP{number}", {"power": number}, entries).revision

    works: list[Work] = [partial(create, number) for number in range(4)]
    results, done = blocked.commands(lambda: blocked.together("insert", lambda: store.create(STATIONS, "y", {}), works))
    assert [_kind(result) for result in results] == [AlreadyExists, 1, 1, 1]
    assert done == ["insert"] * 3
    assert sorted(item.key for item in store.find(READINGS).items) == ["1", "2", "3", "x"]


@pytest.mark.parametrize("lost", ["insert", "update"])
def test_when_the_answer_to_a_document_is_lost_its_entries_are_appended_once(blocked: Blocked, lost: str) -> None:
    store = blocked.store
    if lost == "update":
        store.create(STATIONS, "CP1", {})
    blocked.fail(lost, writeConcernError={"code": 64, "errmsg": "too late"})
    if lost == "insert":
        assert store.create_and_append(STATIONS, "CP1", {"power": 1}, {READINGS: [("a", {})]}).revision == 1
    else:
        entries = {READINGS: [("a", {})]}
        assert store.replace_and_append(STATIONS, "CP1", {"power": 1}, entries, revision=1).revision == 2
    assert [item.key for item in store.find(READINGS).items] == ["a"]


def test_entries_with_what_is_found_are_one_search_and_one_insert_for_all_that_wait(blocked: Blocked) -> None:
    store = blocked.store
    store.put(STATIONS, {f"CP{number}": {"vendor": f"V{number}", "power": number} for number in range(4)})
    store.append(READINGS, [("x", {})])

    def append(number: int) -> None:
        store.append_found(READINGS, [(f"{number}", {})], STATIONS, {"vendor": f"V{number}"}, power)

    def power(found: Any) -> dict[str, Any]:
        if not found:
            raise LookupError
        return {"power": found[0].document["power"]}

    works: list[Work] = [partial(append, number) for number in range(5)]
    results, done = blocked.commands(
        lambda: blocked.together("insert", lambda: store.append(READINGS, [("y", {})]), works)
    )
    assert [_kind(result) for result in results] == [None, None, None, None, LookupError]
    assert done == ["insert", "insert"]
    assert [item.document.get("power") for item in store.find(READINGS).items] == [None, None, 0, 1, 2, 3]


def test_a_write_of_many_documents_is_done_apart(blocked: Blocked) -> None:
    store = blocked.store
    store.put(STATIONS, {"x": {}})
    is_held = blocked.fail("update", blockConnection=True, blockTimeMS=700)
    with ThreadPoolExecutor(1) as threads:
        many = threads.submit(store.put, STATIONS, {f"CP{number}": {} for number in range(100)})
        is_held()
        begin = time.monotonic()
        while blocked.database["stations"].count_documents({}) < 2 and time.monotonic() - begin < 0.3:
            store.put(STATIONS, {"y": {}})
        assert not many.done()
        many.result()
    assert store.count(STATIONS) == 102


def test_searches_that_wait_are_joined_and_each_finds_its_own(blocked: Blocked) -> None:
    store = blocked.store
    noon = [NOON + timedelta(microseconds=n) for n in range(3)]
    for number in range(12):
        document = {"vendor": "AB"[number % 2], "seen": noon[number % 3], "power": number // 4}
        store.put(STATIONS, {f"CP{number:02}": document | ({} if number % 4 else {"model": None})})
    wheres: list[dict[str, Any]] = [
        {"vendor": "A", "seen": noon[0]},
        {"vendor": "B", "seen": noon[2]},
        {"vendor": "A", "seen": noon[0]},
        {"vendor": "C", "seen": noon[1]},
        {"vendor": "A", "seen": None},
    ]
    alone = [store.find(STATIONS, where, limit=1) for where in wheres]
    assert [len(page.items) for page in alone] == [1, 1, 1, 0, 0]
    works: list[Work] = [partial(store.find, STATIONS, where, limit=1) for where in wheres]
    assert _searched(blocked, works, "vendor") == (alone, 2)
    works = [partial(store.find, STATIONS, {"power": number}) for number in range(4)]
    alone = [work() for work in works]
    assert [len(page.items) for page in alone] == [4, 4, 4, 0]
    assert _searched(blocked, works, "power") == (alone, 2)
    keys: list[Work] = [partial(store.get, STATIONS, key) for key in ("CP03", "absent", "CP07", "CP03")]
    assert _searched(blocked, keys, "_id") == ([work() for work in keys], 2)


def test_searches_that_find_too_much_together_or_of_which_one_fails_are_made_one_by_one(blocked: Blocked) -> None:
    store = blocked.store
    store.put(STATIONS, {f"CP{number:03}": {"power": number % 3} for number in range(300)})
    works: list[Work] = [partial(store.find, STATIONS, {"power": number}, limit=50) for number in range(3)]
    alone = [work() for work in works]
    assert [len(page.items) for page in alone] == [50, 50, 50]
    assert _searched(blocked, works, "power") == (alone, 5)
    works = [partial(store.find, STATIONS, {"vendor": vendor}) for vendor in ("A", "\ud800")]
    results, _ = _searched(blocked, works, "vendor")
    assert (results[0].items, type(results[1])) == ([], ValueError)


def _searched(blocked: Blocked, works: list[Work], field: str) -> tuple[list[Any], int]:
    """What the works find that wait for a search by the same index, and how many find commands there were."""
    works[0]()
    groups = blocked.store._client()._reads._groups
    (blocked.group,) = (group for (_, names), group in groups.items() if names[0] == field)
    results: list[Any] = []
    searches = blocked.searches(lambda: results.extend(blocked.together("find", works[0], works)))
    return results, searches["find"]


class Begun:
    """Pending requests and what each of them was told, in order."""

    def __init__(self, store: MongoStorage) -> None:
        self.store = store
        self.told: dict[str, bool] = {}

    def begin(self, name: str, write: Callable[[Pending], Any]) -> None:
        pending = Pending()
        write(pending)
        assert pending.is_begun, name
        pending.when_over(lambda is_stored: self.told.__setitem__(name, is_stored))

    def wait(self) -> dict[str, bool]:
        give_up = time.monotonic() + 10
        while not self.told or len(self.told) < self.begun:
            assert time.monotonic() < give_up
            time.sleep(0.005)
        return self.told

    begun = 0


def test_what_many_requests_begin_is_few_commands_and_each_is_told_of_its_own(blocked: Blocked) -> None:
    store, begun = blocked.store, Begun(blocked.store)
    store.create(STATIONS, "CP0", {"power": 0})
    station = {"vendor": "A"}

    def work() -> None:
        is_held = blocked.fail("insert", blockConnection=True, blockTimeMS=700)
        begun.begin("held", lambda p: store.write(append={READINGS: [("x", {})]}, pending=p))
        is_held()
        for number in range(3):
            key = f"CP{number}"
            begun.begin(
                key, lambda p, k=key: store.create_and_append(STATIONS, k, station, {READINGS: [(k, {})]}, pending=p)
            )
        begun.begun = 4
        begun.wait()

    _, done = blocked.commands(work)
    assert begun.told == {"held": True, "CP0": False, "CP1": True, "CP2": True}
    assert done == ["insert"] * 3, "what was held, the stations, and the entries of those that were new"
    assert {item.key for item in store.find(READINGS).items} == {"x", "CP1", "CP2"}


def test_what_is_begun_alone_is_looked_after_once_for_all_that_wait(blocked: Blocked) -> None:
    store, begun = blocked.store, Begun(blocked.store)
    store.create(STATIONS, "CP0", {"vendor": "V0"})
    searches = {}

    def create(number: int, vendor: str) -> None:
        key, others = f"CP{number}", [Other(STATIONS, {"vendor": vendor}), Other(STATES, "nobody")]
        document, entries = {"vendor": vendor, "power": number}, {READINGS: [(key, {})]}
        begun.begin(key, lambda p: store.create_alone(STATIONS, key, document, others, entries, pending=p))

    def work() -> None:
        nonlocal searches
        is_held = blocked.fail("insert", blockConnection=True, blockTimeMS=700)
        begun.begin("held", lambda p: store.write(append={READINGS: [("x", {})]}, pending=p))
        is_held()
        searches = blocked.searches(create_all)

    def create_all() -> None:
        for number, vendor in enumerate(["V1", "V2", "V0", "twice", "twice"], start=1):
            create(number, vendor)
        begun.begun = 6
        begun.wait()

    store.find(STATES)
    _, done = blocked.commands(work)
    assert begun.told == {"held": True, "CP1": True, "CP2": True, "CP3": False, "CP4": False, "CP5": False}
    assert done == ["insert"] * 3, "what was held, the stations, and the entries of those that were alone"
    assert searches == {"find": 0, "aggregate": 1}, "one for all collections"
    assert {item.key for item in store.find(READINGS).items} == {"x", "CP1", "CP2"}


LOOKS = [Other(STATIONS, {"vendor": "V"}, {"power": 1}), Other(STATES, "state"), Other(STATIONS, {"model": "M"})]


@pytest.mark.parametrize("there", [(STATIONS, {"vendor": "V", "power": 1}), (STATES, {}), (STATIONS, {"model": "M"})])
@pytest.mark.parametrize("code", [0, 40324])
def test_what_stands_beside_is_found_wherever_it_is_also_where_no_union_can_be_made(
    blocked: Blocked, there: tuple[Collection, dict[str, Any]], code: int
) -> None:
    store = blocked.store
    store.create(STATIONS, "none of them", {"vendor": "V", "power": 2})
    assert store.create_alone(STATIONS, "CP1", {"vendor": "V1", "power": 1}, LOOKS).revision == 1
    if code:
        blocked.fail("aggregate", errorCode=code)
    store.create(there[0], "state", there[1])
    for number in range(2):
        with pytest.raises(NotAlone):
            store.create_alone(STATIONS, f"CP2-{number}", {"vendor": "V2"}, LOOKS)
    store.delete(there[0], "state")
    searches = blocked.searches(lambda: store.create_alone(STATIONS, "CP3", {"vendor": "V3"}, LOOKS))
    assert searches == ({"find": 3, "aggregate": 0} if code else {"find": 0, "aggregate": 1})


def test_where_very_much_stands_beside_it_is_not_alone(blocked: Blocked) -> None:
    store = blocked.store
    store.put(STATIONS, {f"many {number}": {"vendor": "V", "power": 2} for number in range(300)})
    with pytest.raises(NotAlone):
        store.create_alone(STATIONS, "CP1", {"vendor": "V1"}, LOOKS)


def test_of_many_that_begin_at_once_in_two_processes_at_most_one_is_alone(blocked: Blocked) -> None:
    with closing(MongoStorage(blocked.url)) as other:
        for round_ in range(5):
            begun = [Begun(store) for store in (blocked.store, other)]
            others = [Other(STATIONS, {"vendor": f"V{round_}"}, {"power": 1})]
            for number in range(10):
                document, key = {"vendor": f"V{round_}", "power": 1}, f"{round_}-{number}"
                mine = begun[number % 2]
                mine.begun = 5
                mine.begin(
                    key,
                    lambda p, k=key, d=document, o=others, s=mine.store: s.create_alone(STATIONS, k, d, o, pending=p),
                )
            assert [*begun[0].wait().values(), *begun[1].wait().values()].count(True) <= 1


def test_where_a_look_fails_it_is_not_told_to_be_stored(blocked: Blocked) -> None:
    store, begun = blocked.store, Begun(blocked.store)
    store.find(STATIONS)
    store._client()._timeout = 0.3
    blocked.fail("find", errorCode=2)
    begun.begun = 1
    others, entries = [Other(STATIONS, {"vendor": "V"})], {READINGS: [("a", {})]}
    begun.begin("CP1", lambda p: store.create_alone(STATIONS, "CP1", {"vendor": "V"}, others, entries, pending=p))
    assert begun.wait() == {"CP1": False}
    assert store.get(READINGS, "a") is None


def test_after_what_was_begun_has_failed_the_next_ones_wait_for_a_moment(blocked: Blocked) -> None:
    store, begun = blocked.store, Begun(blocked.store)
    blocked.fail("insert", errorCode=11600, errorLabels=["RetryableWriteError"])
    begun.begun = 1
    begun.begin("lost", lambda p: store.write(append={READINGS: [("a", {})]}, pending=p))
    assert begun.wait() == {"lost": False}
    pending = Pending()
    store.write(append={READINGS: [("a", {})]}, pending=pending)
    assert not pending.is_begun
    assert store.get(READINGS, "a") is not None
    time.sleep(0.15)
    begun.begun = 2
    begun.begin("later", lambda p: store.write(append={READINGS: [("b", {})]}, pending=p))
    assert begun.wait()["later"]


def test_no_more_than_so_many_are_begun_at_once_and_the_others_are_waited_for(blocked: Blocked) -> None:
    store, begun = blocked.store, Begun(blocked.store)
    store.append(READINGS, [("first", {})])
    store._client()._room[:] = [None] * 2
    is_held = blocked.fail("insert", blockConnection=True, blockTimeMS=700)
    for key in "ab":
        begun.begin(key, lambda p, k=key: store.write(append={READINGS: [(k, {})]}, pending=p))
    is_held()
    pending = Pending()
    store.write(append={READINGS: [("c", {})]}, pending=pending)
    assert not pending.is_begun
    begun.begun = 2
    assert begun.wait() == {"a": True, "b": True}
    begun.begun = 3
    begun.begin("d", lambda p: store.write(append={READINGS: [("d", {})]}, pending=p))
    assert begun.wait()["d"]
    assert store.count(READINGS) == 5


def test_what_a_search_cannot_be_used_for_together_with_a_write_is_not_stored(blocked: Blocked) -> None:
    store, begun = blocked.store, Begun(blocked.store)
    store.put(STATIONS, {f"CP{number}": {"vendor": "A"} for number in range(30)})
    begun.begun = 1
    begun.begin(
        "too many",
        lambda p: store.append_found(READINGS, [("a", {})], STATIONS, {"vendor": "A"}, lambda _: {}, pending=p),
    )
    assert begun.wait() == {"too many": False}
    assert store.get(READINGS, "a") is None


def test_a_store_that_is_closed_has_told_what_became_of_everything(standalone: MongoServer) -> None:
    found = Blocked(standalone)
    begun = Begun(found.store)
    for number in range(20):
        begun.begin(f"{number}", lambda p, n=number: found.store.write(append={READINGS: [(f"{n}", {})]}, pending=p))
    found.store.close()
    found.mongo.close()
    assert begun.told == {f"{number}": True for number in range(20)}
