"""What the file store does by itself: a durable create and a durable replace for each pair of start and stop."""

from __future__ import annotations

import multiprocessing
import time
from datetime import datetime, timezone
from pathlib import Path
from threading import Thread
from typing import Any

from ocpp_soap.central_system.collections import TRANSACTIONS
from ocpp_soap.central_system.records import document_of
from ocpp_soap.central_system.transactions import Transaction
from ocpp_soap.storage.file import FileStorage

PROCESSES = 2


def pairs_per_second(path: Path, writers: int, seconds: float) -> float:
    """Pairs that ``writers`` threads in PROCESSES processes commit in a second."""
    context = multiprocessing.get_context("spawn")
    counts: Any = context.Array("l", writers)
    each = writers // PROCESSES
    arguments = [(path, counts, number * each, each, seconds) for number in range(PROCESSES)]
    processes = [context.Process(target=_process, args=row) for row in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return sum(counts) / seconds


class Pair:
    """A start that is committed when it is made, and its stop; ``writer`` is the number of its station and tag."""

    def __init__(self, store: FileStorage, key: str, writer: int) -> None:
        self._store = store
        self._key = key
        self._stored = store.create(TRANSACTIONS, key, _document(writer), durable=True)

    def stop(self, meter: int) -> None:
        """Commit the stop at ``meter`` Wh."""
        before = self._stored.document
        changed = {**before, "state": "closed", "meter_stop": meter, "stop_time": before["start_time"]}
        revision = self._stored.revision
        self._store.replace(TRANSACTIONS, self._key, changed, revision=revision, durable=True, before=before)


def _process(path: Path, counts: Any, first: int, each: int, seconds: float) -> None:
    store = FileStorage(path)
    store.create(TRANSACTIONS, f"warm-up {first}", _document(first), durable=True)
    until = time.monotonic() + seconds
    threads = [Thread(target=_write, args=(store, counts, first + number, until)) for number in range(each)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


def _write(store: FileStorage, counts: Any, writer: int, until: float) -> None:
    pairs = 0
    while time.monotonic() < until:
        Pair(store, f"{writer}-{pairs}", writer).stop(pairs)
        pairs += 1
    counts[writer] = pairs


def _document(writer: int) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    transaction = Transaction(
        charge_box_identity=f"BENCH-{writer}",
        begun_at=now,
        version="1.5",
        connector_id=1,
        id_tag=f"TAG{writer}",
        tag_key=f"tag{writer}",
        start_time=now,
        start_received_at=now,
        meter_start=1,
        id_tag_info={"status": "Accepted", "expiry_date": None, "parent_id_tag": None},
        transaction_id=1,
    )
    return document_of(transaction)
