"""Timers and jobs, in real time and stepped."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from datetime import datetime, timedelta

import pytest

from ocpp_soap.charge_point import Scheduler, SteppedScheduler, scheduler


def test_timers_run_in_the_order_of_their_time():
    done: list[str] = []
    ended = threading.Event()
    with Scheduler(workers=1) as schedule:
        schedule.after(0.04, lambda: (done.append("later"), ended.set())[0])
        schedule.after(0.02, lambda: done.append("first"))
        schedule.after(0.03, lambda: done.append("cancelled")).cancel()
        assert ended.wait(20)
    assert done == ["first", "later"]


def test_a_callback_that_fails_does_not_end_the_thread():
    ended = threading.Event()
    with Scheduler(workers=1) as schedule:
        schedule.after(0, lambda: 1 / 0)
        schedule.after(0.01, ended.set)
        assert ended.wait(20)


@pytest.mark.parametrize("seconds", [2.5e11, 1e300])
def test_a_timer_of_the_far_future_does_not_end_the_thread(seconds):
    waits, ended = threading.Event(), threading.Event()
    with Scheduler(workers=1) as schedule:
        schedule.after(seconds, lambda: None)
        schedule.after(0, waits.set)
        assert waits.wait(20)
        time.sleep(0.05)
        schedule.after(0, ended.set)
        assert ended.wait(5)


def test_stepped_time_has_room_for_a_timer_of_the_far_future(noon):
    schedule = SteppedScheduler(noon)
    schedule.after(1e300, lambda: pytest.fail("it is not due yet"))
    schedule.advance(10)


@pytest.mark.parametrize("stepped", [True, False])
def test_what_was_cancelled_does_not_stay_until_its_time(noon, stepped):
    done = threading.Event()
    with nullcontext(SteppedScheduler(noon)) if stepped else Scheduler(workers=1) as schedule:
        for number in range(1000):
            schedule.after(1e9 + number % 7, lambda: None).cancel()
            if number == 500:
                schedule.after(0.01, done.set)
        assert len(schedule._heap) < 100
        if stepped:
            schedule.advance(1)
        assert done.wait(20)


def test_a_slow_transfer_does_not_delay_requests():
    release, sent = threading.Event(), threading.Event()
    with Scheduler(workers=1) as schedule:
        for _ in range(3):
            schedule.transfer(lambda: release.wait(2))
        schedule.submit(sent.set)
        assert sent.wait(20)
        release.set()


def test_a_closed_scheduler_runs_nothing_more():
    done: list[int] = []
    schedule = Scheduler(workers=1)
    schedule.after(0.01, lambda: done.append(1))
    schedule.close()
    schedule.submit(lambda: done.append(2))
    time.sleep(0.03)
    assert done == []


def test_a_thousand_timers_need_one_thread():
    before = threading.active_count()
    with Scheduler(workers=4) as schedule:
        for n in range(1000):
            schedule.after(60 + n, lambda: None)
        assert threading.active_count() == before + 1


def test_stepped_time_moves_only_when_told(noon):
    schedule = SteppedScheduler(noon)
    seen: list[timedelta] = []
    schedule.after(10, lambda: seen.append(schedule.now() - noon))
    schedule.after(20, lambda: schedule.after(5, lambda: schedule.submit(lambda: seen.append(schedule.now() - noon))))
    schedule.advance(15)
    assert seen == [timedelta(seconds=10)]
    schedule.advance(15)
    assert seen == [timedelta(seconds=10), timedelta(seconds=25)]
    assert schedule.now() - noon == timedelta(seconds=30)


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(days=1)])
def test_time_goes_on_steadily_whatever_the_clock_of_the_machine_is_set_to(monkeypatch, by):
    class Set(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + by

    with Scheduler() as schedule:
        before = schedule.now()
        monkeypatch.setattr(scheduler, "datetime", Set)
        assert timedelta() <= schedule.now() - before < timedelta(minutes=1)
        assert abs(schedule.clock_set_by() - by) < timedelta(minutes=1)
