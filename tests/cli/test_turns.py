"""How many threads of a worker take requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from ocpp_soap.cli import turns as turns_module
from ocpp_soap.cli.turns import Turns

PATIENCE = 10.0


def eventually(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Workers:
    """Threads that take requests from a queue, as granian's do."""

    def __init__(self, number: int) -> None:
        self.turns = Turns()
        self.queue: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self.took: list[int] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while (work := self.queue.get()) is not None:
            self.turns.take(work)

    def ask(self) -> None:
        """Wait for the answer to a request that only computes."""
        answered = threading.Event()

        def answer() -> None:
            self.took.append(threading.get_ident())
            answered.set()

        self.queue.put(answer)
        assert answered.wait(PATIENCE)

    def meet(self) -> None:
        """Have each thread answer a request at the same time."""
        meeting = threading.Barrier(len(self._threads) + 1)
        for _ in self._threads:
            self.queue.put(lambda: meeting.wait(PATIENCE))
        meeting.wait(PATIENCE)

    def resting(self) -> int:
        return len(self.turns._resting)

    def end(self) -> None:
        for _ in self._threads:
            self.queue.put(None)

        def ended() -> bool:
            with self.turns._lock:
                while self.turns._resting:
                    self.turns._resting.pop().release()
            return not any(thread.is_alive() for thread in self._threads)

        eventually(ended)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request seems long."""
    monkeypatch.setattr(turns_module, "LONG", 0.01)
    monkeypatch.setattr(turns_module.Turns, "_find_long", lambda _: None)


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(4)
    yield made
    made.end()


def test_threads_that_only_compute_give_way_to_one(patient: None, workers: Workers) -> None:
    workers.meet()
    eventually(lambda: workers.resting() == 3)
    for _ in range(20):
        workers.ask()
    assert len(set(workers.took)) == 1


def test_while_one_waits_another_goes_on(patient: None, workers: Workers) -> None:
    workers.meet()
    eventually(lambda: workers.resting() == 3)
    commit = threading.Event()

    def wait() -> None:
        workers.turns.wait()
        commit.wait(PATIENCE)
        workers.turns.go_on()

    for waiting in range(1, 4):
        workers.queue.put(wait)
        workers.ask()
        assert workers.turns._away == waiting
    commit.set()
    eventually(lambda: workers.turns._away == 0)


def test_as_many_as_waited_a_moment_ago_stay_free_for_a_while(workers: Workers) -> None:
    commit = threading.Event()

    def wait() -> None:
        workers.turns.wait()
        commit.wait(PATIENCE)
        workers.turns.go_on()

    for _ in range(3):
        workers.queue.put(wait)
    eventually(lambda: workers.turns._away == 3)
    commit.set()
    eventually(lambda: workers.turns._away == 0)
    workers.meet()
    assert workers.resting() == 0

    def all_but_one_rest() -> bool:
        workers.ask()
        return workers.resting() == 3

    with workers.turns._lock:
        workers.turns._most_away = 2
    eventually(all_but_one_rest)


def test_one_that_takes_long_counts_as_one_that_waits(workers: Workers) -> None:
    with workers.turns._lock:
        workers.turns._most_away = 0
    workers.meet()
    body = threading.Event()

    def all_but_one_rest() -> bool:
        workers.ask()
        return workers.resting() == 3

    eventually(all_but_one_rest)
    for _ in range(3):
        workers.queue.put(lambda: body.wait(PATIENCE))
        workers.ask()
    body.set()
    eventually(lambda: workers.turns._away == 0)


def test_when_a_thread_ends_another_goes_on(patient: None) -> None:
    workers = Workers(2)
    workers.meet()
    eventually(lambda: workers.resting() == 1)
    workers.queue.put(None)
    eventually(lambda: workers.turns._threads == 1)
    workers.ask()
    workers.end()
    eventually(lambda: workers.turns._threads == 0)


def test_nobody_rests_for_long(patient: None, workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "LONGEST_REST", 0.05)
    workers.meet()
    eventually(lambda: workers.resting() > 0)
    eventually(lambda: workers.resting() == 0)


def test_a_request_that_fails_leaves_its_thread_as_it_was() -> None:
    turns = Turns()

    def fail() -> None:
        turns.wait()
        raise LookupError

    with pytest.raises(LookupError):
        turns.take(fail)
    assert (turns._threads, turns._away, turns._working) == (1, 0, {})


def test_threads_that_serve_no_request_are_not_counted() -> None:
    turns = Turns()
    turns.wait()
    turns.go_on()
    assert (turns._threads, turns._away) == (0, 0)
