"""Group commit by itself: every write is in one group, whoever leads."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ocpp_soap.storage.group_commit import GroupCommit, Write


class Committed:
    """Doubles what it is given, and remembers the groups."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.groups: list[list[Any]] = []

    def __call__(self, batch: Sequence[Write]) -> None:
        time.sleep(self.seconds)
        self.groups.append([write.work for write in batch])
        for write in batch:
            write.result, write.error = 2 * write.work, None


@pytest.mark.parametrize("pause", [0.0, 0.0001])
def test_of_many_writers_each_gets_its_own_result_and_no_write_is_lost_or_done_twice(pause: float) -> None:
    committed = Committed()
    group = GroupCommit(committed, pause=pause)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(group.run, range(4000), timeout=60))
    finally:
        sys.setswitchinterval(interval)
    assert found == [2 * number for number in range(4000)]
    assert sorted(number for some in committed.groups for number in some) == list(range(4000))


def test_a_leader_waits_no_longer_than_until_as_many_are_there_as_before() -> None:
    committed = Committed(seconds=0.02)
    group = GroupCommit(committed, pause=0.6)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(group.run, range(3)))
    begin = time.monotonic()
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(group.run, range(3)))
    assert time.monotonic() - begin < 0.5


def test_after_a_group_of_several_a_leader_waits_for_more_but_not_after_one_of_one() -> None:
    committed = Committed(seconds=0.02)
    group = GroupCommit(committed, pause=0.3)
    begin = time.monotonic()
    group.run(1)
    group.run(2)
    assert time.monotonic() - begin < 0.2
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(group.run, range(3)))
    assert [len(some) for some in committed.groups] == [1, 1, 1, 2]
    later = threading.Timer(0.02, group.run, [8])
    later.start()
    group.run(9)
    later.join()
    assert sorted(committed.groups[-1]) == [8, 9]
