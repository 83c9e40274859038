"""Duties are done by one process at a time."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ocpp_soap.central_system.background import Background
from ocpp_soap.central_system.duties import Duties
from ocpp_soap.central_system.fleet_collections import DUTIES
from ocpp_soap.storage.file import FileStorage


def test_of_several_processes_one_does_the_duties_of_an_interval(tmp_path: Path) -> None:
    done: list[int] = []
    store = FileStorage(tmp_path / "store.db")
    stop = threading.Event()
    threads = []
    for number in range(8):
        duties = Duties(store, interval=0.3)
        duties.add("count", lambda mark, number=number: done.append(number) or {})  # type: ignore[misc]
        threads.append(threading.Thread(target=duties.run, args=(stop,)))
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    while len(done) < 3 and time.monotonic() < begun + 20:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    store.close()
    assert 3 <= len(done) <= 1 + (time.monotonic() - begun) / 0.3


def test_duties_are_done_also_after_our_clock_was_set_back(tmp_path: Path) -> None:
    store = FileStorage(tmp_path / "store.db")
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    store.put(DUTIES, {"duties": {"next_at": tomorrow}})
    done, stop = threading.Event(), threading.Event()
    duties = Duties(store)
    duties.add("note", lambda mark: done.set() or mark)  # type: ignore[func-returns-value]
    thread = threading.Thread(target=duties.run, args=(stop,))
    thread.start()
    assert done.wait(10)
    stop.set()
    thread.join()
    stored = store.get(DUTIES, "duties")
    store.close()
    assert stored is not None
    assert stored.document["next_at"] < tomorrow


def test_a_duty_gets_the_mark_that_it_left(tmp_path: Path) -> None:
    marks: list[Any] = []

    def duty(mark: dict[str, Any]) -> dict[str, Any]:
        marks.append(mark)
        return {"times": mark.get("times", 0) + 1}

    store = FileStorage(tmp_path / "store.db")
    for _ in range(3):
        duties = Duties(store)
        duties.add("count", duty)
        duties.do_all()
    store.close()
    assert marks == [{}, {"times": 1}, {"times": 2}]


def test_a_duty_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    done: list[str] = []
    store = FileStorage(tmp_path / "store.db")
    duties = Duties(store)
    duties.add("fails", lambda mark: {"x": 1 // 0})
    duties.add("works", lambda mark: done.append("works") or {})  # type: ignore[func-returns-value]
    duties.do_all()
    store.close()
    assert done == ["works"]


def test_background_tasks_run_once_for_each_process_and_end_when_told() -> None:
    began, ended = threading.Event(), threading.Event()

    def task(stop: threading.Event) -> None:
        began.set()
        stop.wait()
        ended.set()

    background = Background()
    background.add("task", task)
    background.start()
    background.start()
    assert began.wait(5)
    assert sum(thread.name == "task" for thread in threading.enumerate()) == 1
    background.stop()
    assert ended.is_set()
