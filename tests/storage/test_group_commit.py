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


class Told:
    """Writes that were begun, and those whose end was told, with their results."""

    def __init__(self, group: GroupCommit) -> None:
        self.group = group
        self.results: list[Any] = []
        self._told = threading.Semaphore(0)

    def begin(self, *works: Any) -> None:
        for work in works:
            self.group.begin(work, self._over)

    def _over(self, write: Write) -> None:
        self.results.append(write.error or write.result)
        self._told.release()

    def wait(self, count: int) -> list[Any]:
        for _ in range(count):
            assert self._told.acquire(timeout=10)
        return self.results


def test_writes_that_are_begun_are_told_of_and_no_thread_waits_for_them() -> None:
    committed = Committed(seconds=0.02)
    told = Told(GroupCommit(committed))
    told.begin(1)
    told.begin(*range(2, 10))
    assert told.wait(9) == [2 * number for number in range(1, 10)]
    assert len(committed.groups) <= 2
    told.group.close()


def test_writes_that_are_begun_and_those_that_are_waited_for_share_groups() -> None:
    committed = Committed()
    told = Told(GroupCommit(committed))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            begun = [threads.submit(told.begin, number) for number in range(1000, 3000)]
            found = list(threads.map(told.group.run, range(1000), timeout=60))
            for future in begun:
                future.result()
    finally:
        sys.setswitchinterval(interval)
    assert found == [2 * number for number in range(1000)]
    assert sorted(told.wait(2000)) == [2 * number for number in range(1000, 3000)]
    assert sorted(number for some in committed.groups for number in some) == list(range(3000))
    told.group.close()


def test_a_commit_that_fails_and_one_who_cannot_be_told_end_nothing() -> None:
    def commit(batch: Sequence[Write]) -> None:
        if any(write.work == "fail" for write in batch):
            raise ConnectionResetError
        Committed()(batch)

    def fail(_: Write) -> None:
        raise ConnectionResetError

    group = GroupCommit(commit)
    told = Told(group)
    told.begin("fail")
    assert "interrupted" in str(told.wait(1)[0])
    group.begin(1, fail)
    told.begin(2)
    assert told.wait(1)[1] == 4
    group.close()


def test_a_group_that_is_closed_has_told_everybody() -> None:
    told = Told(GroupCommit(Committed(seconds=0.05)))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(told.group.run, 100)
        told.begin(*range(5))
        told.group.close()
        assert sorted(told.results) == [0, 2, 4, 6, 8]
        assert waiting.result() == 200
    Told(GroupCommit(Committed())).group.close()


def test_nothing_is_begun_in_a_group_that_is_closed() -> None:
    group = GroupCommit(Committed())
    told = Told(group)
    told.begin(1)
    told.wait(1)
    group.close()
    assert not group.begin(2, told._over)
    assert group.run(3) == 6


def test_nothing_is_begun_and_nobody_waits_while_the_system_gives_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    group = GroupCommit(Committed())
    told = Told(group)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert not group.begin(1, told._over)
        assert group.run(2) == 4
    told.begin(3)
    assert told.wait(1) == [6]
    group.close()


def test_a_leader_that_is_interrupted_while_it_waits_for_more_lets_the_next_one_lead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = GroupCommit(Committed(), pause=0.1)

    def interrupt() -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(group, "_gather", interrupt)
    with pytest.raises(KeyboardInterrupt):
        group.run(1)
    assert group.run(2) == 4
