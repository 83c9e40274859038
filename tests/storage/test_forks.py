"""Forks of a process whose other threads use the file store."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ocpp_soap.storage import Collection
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.sqlite_forks import INSIDE, keep_out, let_in

THINGS = Collection("things")


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_can_use_the_store_whatever_other_threads_were_doing_at_the_fork(tmp_path: Path) -> None:
    with closing(FileStorage(tmp_path / "test.sqlite")) as store:
        store.create(THINGS, "a", {})
        stop = threading.Event()

        def use() -> None:
            while not stop.is_set():
                with closing(FileStorage(store.path)) as other:
                    other.get(THINGS, "a")

        threads = [threading.Thread(target=use, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(40):
                child = os.fork()
                if not child:
                    os._exit(0 if FileStorage(store.path).get(THINGS, "a") else 1)
                deadline = time.monotonic() + 10
                status = (0, 1)
                while status[0] == 0:
                    if time.monotonic() > deadline:
                        os.kill(child, signal.SIGKILL)
                    status = os.waitpid(child, os.WNOHANG)
                    time.sleep(0.001)
                assert status[1] == 0
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_a_fork_waits_for_who_is_inside() -> None:
    left: list[float] = []

    def stay() -> None:
        with INSIDE:
            entered.set()
            time.sleep(0.2)
            left.append(time.monotonic())

    entered = threading.Event()
    thread = threading.Thread(target=stay)
    thread.start()
    entered.wait()
    keep_out()
    assert left
    let_in()
    thread.join()
