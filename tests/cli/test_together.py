"""Workers that begin at the same time."""

from __future__ import annotations

import time
from multiprocessing import get_context
from multiprocessing.queues import Queue

import pytest

from ocpp_soap.cli import together
from ocpp_soap.cli.together import Together


def begun(*delays: float, workers: int = 2) -> list[float]:
    """When processes began that were ready after so many seconds, in seconds after the first was made."""
    context = get_context("fork")
    moments: Queue[float] = context.Queue()
    both, start = Together(workers), time.monotonic()

    def work(number: int, delay: float) -> None:
        time.sleep(delay)
        both.begin(number)
        moments.put(time.monotonic() - start)

    processes = [context.Process(target=work, args=arguments) for arguments in enumerate(delays)]
    for process in processes:
        process.start()
    found = sorted(moments.get(timeout=10) for _ in processes)
    for process in processes:
        process.join()
    return found


def test_who_is_ready_first_waits_for_the_other() -> None:
    first, second = begun(0, 0.5)
    assert first >= 0.5
    assert second - first < 0.3


def test_nobody_waits_for_long_for_one_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "PATIENCE", 0.3)
    (alone,) = begun(0)
    assert 0.3 <= alone < 2


def test_who_replaces_a_worker_does_not_wait() -> None:
    *_, last = begun(0, 0, 0.5)
    assert last < 0.8
