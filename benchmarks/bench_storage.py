"""``make bench-storage``: transactions and meter values per second of each store, beside those of its bare driver.

A transaction is a start and a stop: a durable create and a durable replace. A meter values message has 10 samples of 4
values and is one append. The bare driver writes the same documents with the same durability from the same number of
threads, without our indexes and revisions. Both alternate, and the median counts: the ratio is the result, the absolute
figures say little about another machine. For SQLite, which lets in one writer at a time, ``batched`` tells what one
thread reaches that commits as many rows at once as there are threads: no store with so many callers gets there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "storage"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "shared"))

import pymongo
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from pymongo.write_concern import WriteConcern
from storage_servers import FirestoreEmulator, MongoServer, firestore_command, mongod

from ocpp_soap.storage import Collection, Storage
from ocpp_soap.storage.encoding import encode
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.firebase import FirebaseStorage
from ocpp_soap.storage.mongodb import MongoStorage

TRANSACTIONS = Collection("transactions", indexes=(("transaction_id",), ("station", "state"), ("begun_at",)))
METER_VALUES = Collection("meter_values", indexes=(("station", "received_at"),), append_only=True)
NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=timezone.utc)

Work = Callable[[int, int], None]
"""Writes one item: the number of the thread and of the item."""


def transaction(thread: int, number: int, state: str) -> dict[str, Any]:
    """A transaction as the central system stores one."""
    return {
        "station": f"CP{thread:05}",
        "state": state,
        "transaction_id": thread * 1_000_000 + number,
        "begun_at": NOW,
        "connector_id": 1,
        "id_tag": "04A2B3C4D5E6",
        "meter_start": number,
        "meter_stop": None if state == "open" else number + 1,
        "id_tag_info": {"status": "Accepted", "expiry_date": None, "parent_id_tag": None},
        "warnings": [],
    }


def meter_values(thread: int) -> dict[str, Any]:
    """A message of 10 samples with 4 values each."""
    value = {
        "value": "1234.5",
        "context": "Sample.Periodic",
        "measurand": "Energy.Active.Import.Register",
        "unit": "Wh",
    }
    samples = [{"timestamp": NOW, "value": [dict(value) for _ in range(4)]} for _ in range(10)]
    return {"station": f"CP{thread:05}", "received_at": NOW, "connector_id": 1, "values": samples}


def ours(store: Storage) -> tuple[Work, Work]:
    """A transaction and a message through the store."""

    def pair(thread: int, number: int) -> None:
        key = f"{time.time_ns()}-{thread}-{number}"
        created = store.create(TRANSACTIONS, key, transaction(thread, number, "open"), durable=True)
        stopped = transaction(thread, number, "closed")
        store.replace(TRANSACTIONS, key, stopped, revision=created.revision, durable=True)

    def message(thread: int, number: int) -> None:
        store.append(METER_VALUES, [(f"{time.time_ns()}-{thread}-{number}", meter_values(thread))])

    return pair, message


def bare_sqlite(path: Path, rows: int = 1) -> tuple[Work, Work]:
    """The same documents through sqlite3: a connection for each thread, and ``rows`` in each commit."""
    local = threading.local()
    unique = itertools.count()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bare (number INTEGER PRIMARY KEY, key TEXT UNIQUE, document TEXT)"
        )

    def write(synchronous: str, statement: str, parameters: list[tuple[Any, ...]]) -> None:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        local.connection.execute(f"PRAGMA synchronous = {synchronous}")
        local.connection.execute("BEGIN IMMEDIATE")
        local.connection.executemany(statement, parameters)
        local.connection.execute("COMMIT")

    def pair(thread: int, number: int) -> None:
        keys = [f"{time.time_ns()}-{next(unique)}" for _ in range(rows)]
        opened = [(key, encode(transaction(thread, number, "open"))) for key in keys]
        closed = [(encode(transaction(thread, number, "closed")), key) for key in keys]
        write("FULL", "INSERT INTO bare (key, document) VALUES (?, ?)", opened)
        write("FULL", "UPDATE bare SET document = ? WHERE key = ?", closed)

    def message(thread: int, number: int) -> None:
        parameters = [(f"{time.time_ns()}-{next(unique)}", encode(meter_values(thread))) for _ in range(rows)]
        write("NORMAL", "INSERT INTO bare (key, document) VALUES (?, ?)", parameters)

    return pair, message


def bare_mongodb(url: str) -> tuple[Work, Work]:
    """The same documents through pymongo, acknowledged by the majority from the journal."""
    database = pymongo.MongoClient[dict[str, Any]](url)["bare"]
    target = database.get_collection("bare", write_concern=WriteConcern("majority", j=True))

    def pair(thread: int, number: int) -> None:
        key = f"{time.time_ns()}-{thread}-{number}"
        target.insert_one({"_id": key, **transaction(thread, number, "open")})
        target.replace_one({"_id": key}, transaction(thread, number, "closed"))

    def message(thread: int, number: int) -> None:
        target.insert_one({"_id": f"{time.time_ns()}-{thread}-{number}", **meter_values(thread)})

    return pair, message


def bare_firestore() -> tuple[Work, Work]:
    """The same documents through google-cloud-firestore."""
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    target = firestore.Client("bare", credentials=credentials).collection("bare")

    def pair(thread: int, number: int) -> None:
        document = target.document(f"{time.time_ns()}-{thread}-{number}")
        document.create(transaction(thread, number, "open"))
        document.update(transaction(thread, number, "closed"))

    def message(thread: int, number: int) -> None:
        target.document(f"{time.time_ns()}-{thread}-{number}").create(meter_values(thread))

    return pair, message


def rate(work: Work, threads: int, seconds: float) -> float:
    """How often per second the threads get ``work`` done together."""
    counts = [0] * threads
    until = time.monotonic() + seconds

    def run(thread: int) -> None:
        while time.monotonic() < until:
            work(thread, counts[thread])
            counts[thread] += 1

    running = [threading.Thread(target=run, args=(thread,)) for thread in range(threads)]
    begin = time.monotonic()
    for one in running:
        one.start()
    for one in running:
        one.join()
    return sum(counts) / (time.monotonic() - begin)


def compare(store: Storage, bare: tuple[Work, Work], options: argparse.Namespace) -> dict[str, Any]:
    """The rates of both, alternating."""
    found: dict[str, Any] = {}
    for name, mine, theirs in zip(("transactions", "meter_values"), ours(store), bare, strict=True):
        mine(0, 0)
        theirs(0, 0)
        rates = [
            (rate(mine, options.threads, options.seconds), rate(theirs, options.threads, options.seconds))
            for _ in range(options.rounds)
        ]
        store_rate, driver_rate = (median(column) for column in zip(*rates, strict=True))
        found[name] = {
            "store": round(store_rate),
            "driver": round(driver_rate),
            "ratio": round(store_rate / driver_rate, 2),
        }
    return found


@contextmanager
def servers(folder: Path) -> Iterator[tuple[str | None, bool]]:
    """The URL of a mongod of our own (a replica set of one), and whether there is a Firestore emulator."""
    mongo = MongoServer(folder / "mongod", replica_set=True, options=()) if mongod() else None
    emulator = FirestoreEmulator(folder / "firestore") if firestore_command("gcloud") else None
    if emulator:
        os.environ["FIRESTORE_EMULATOR_HOST"] = emulator.address
    try:
        yield mongo.url("bench") if mongo else None, emulator is not None
    finally:
        for server in (mongo, emulator):
            if server:
                server.stop()


def main() -> None:
    """Measure, and print a table or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as (url, has_emulator):
        with closing(FileStorage(Path(name) / "ours.sqlite")) as store:
            results["file"] = compare(store, bare_sqlite(Path(name) / "bare.sqlite"), options)
        batched = bare_sqlite(Path(name) / "batched.sqlite", options.threads)
        for figures, work in zip(results["file"].values(), batched, strict=True):
            figures["batched"] = round(rate(work, 1, options.seconds) * options.threads)
        if url:
            with closing(MongoStorage(url)) as store:
                results["mongodb"] = compare(store, bare_mongodb(url), options)
        if has_emulator:
            with closing(FirebaseStorage("bench")) as store:
                results["firebase (emulator)"] = compare(store, bare_firestore(), options)
    if options.json:
        print(
            json.dumps({"machine": platform.platform(), "cpus": os.cpu_count(), "threads": options.threads, **results})
        )
        return
    print(f"{options.threads} threads, median of {options.rounds} runs of {options.seconds:g} s, {os.cpu_count()} CPUs")
    print(f"{'store':20} {'what':22} {'store/s':>9} {'driver/s':>9} {'ratio':>6} {'batched/s':>9}")
    for backend, figures in results.items():
        for what, row in figures.items():
            label = "transactions" if what == "transactions" else "meter values messages"
            batched = f"{row['batched']:9,}" if "batched" in row else ""
            print(f"{backend:20} {label:22} {row['store']:9,} {row['driver']:9,} {row['ratio']:6.2f} {batched}")
    print("A transaction is two durable writes; a message holds 40 values.")
    for missing, there in (
        ("mongodb: pip install 'ocpp-soap[test]'", url),
        ("firebase: gcloud emulator", has_emulator),
    ):
        if not there:
            print(f"not measured, no server: {missing}")


if __name__ == "__main__":
    main()
