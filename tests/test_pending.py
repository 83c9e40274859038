"""What a request has begun to store, and when its answer may leave."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ocpp_soap.pending import Pending


class Told:
    """A pending request that notes what it is told, in the order in which that happens."""

    def __init__(self) -> None:
        self.pending = Pending()
        self.notes: list[str] = []
        self.pending.afterwards(lambda is_stored: self.notes.append(f"step {is_stored}"))

    def end(self) -> list[str]:
        self.pending.when_over(lambda is_stored: self.notes.append(f"over {is_stored}"))
        return self.notes


def test_a_request_that_begins_nothing_is_over_at_its_end() -> None:
    told = Told()
    assert not told.pending.is_begun
    assert told.end() == ["step True", "over True"]


def test_an_answer_waits_for_every_write() -> None:
    told = Told()
    for _ in range(3):
        told.pending.begin()
    told.pending.done(True)
    assert told.end() == []
    told.pending.done(True)
    assert told.notes == []
    told.pending.done(True)
    assert told.notes == ["step True", "over True"]


def test_a_step_that_raises_does_not_keep_the_answer_back() -> None:
    told = Told()
    told.pending.afterwards(lambda is_stored: told.notes.remove("nothing"))
    with pytest.raises(ValueError, match="not in list"):
        told.end()
    assert told.notes == ["step True", "over True"]


def test_writes_that_are_over_before_the_request_do_not_end_it() -> None:
    told = Told()
    told.pending.begin()
    told.pending.done(True)
    assert told.notes == []
    assert told.pending.is_begun
    assert told.end() == ["step True", "over True"]


def test_a_write_that_cannot_be_begun_is_not_waited_for() -> None:
    told = Told()
    told.pending.begin()
    told.pending.withdraw()
    assert not told.pending.is_begun
    assert told.end() == ["step True", "over True"]


@pytest.mark.parametrize("outcomes", [(False, True), (True, False), (False, False)])
def test_one_write_that_is_not_stored_is_enough_to_be_told(outcomes: tuple[bool, bool]) -> None:
    told = Told()
    for _ in outcomes:
        told.pending.begin()
    told.end()
    for is_stored in outcomes:
        told.pending.done(is_stored)
    assert told.notes == ["step False", "over False"]


def test_whichever_thread_is_last_exactly_one_ends_it() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            for _ in range(300):
                told = Told()
                for _ in range(3):
                    told.pending.begin()
                ends = [threads.submit(told.pending.done, True) for _ in range(3)]
                told.end()
                for end in ends:
                    end.result()
                assert told.notes == ["step True", "over True"]
    finally:
        sys.setswitchinterval(interval)
