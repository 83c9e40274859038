"""Who is told which stations spoke, and how soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import pairwise

from ocpp_soap.central_system import hearing
from ocpp_soap.central_system.hearing import Hearing

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Listener:
    """Remembers when it was told of whom; ``hurries`` is what it answers."""

    def __init__(self, *, hurries: bool) -> None:
        self.hurries = hurries
        self.told: list[tuple[float, dict[str, datetime]]] = []

    def __call__(self, heard: dict[str, datetime]) -> bool:
        self.told.append((time.monotonic(), heard))
        return self.hurries

    @property
    def stations(self) -> set[str]:
        return {station for _, heard in self.told for station in heard}


@contextmanager
def running(*listeners: Listener) -> Iterator[Hearing]:
    heard = Hearing()
    for listener in listeners:
        heard.add(listener)
    stop = threading.Event()
    thread = threading.Thread(target=heard.run, args=(stop,))
    thread.start()
    yield heard
    stop.set()
    thread.join()


def speak(heard: Hearing, seconds: float) -> set[str]:
    """Many stations, one after the other, for so long; which."""
    names: set[str] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        names.add(name := f"CP{len(names)}")
        heard.note(name, NOW)
        time.sleep(0.01)
    return names


def test_a_listener_in_a_hurry_is_told_ten_times_a_second() -> None:
    listener = Listener(hurries=True)
    with running(listener) as heard:
        speak(heard, 1.0)
    assert 3 <= len(listener.told) <= 12


def test_a_listener_in_no_hurry_is_told_once_a_second() -> None:
    listener = Listener(hurries=False)
    with running(listener) as heard:
        speak(heard, 2.5)
        times = [at for at, _ in listener.told]
    assert len(times) >= 2
    assert all(later - earlier > hearing.RARELY * 0.9 for earlier, later in pairwise(times))


def test_what_a_listener_was_not_told_at_once_it_is_told_later_though_nobody_speaks_any_more() -> None:
    listener = Listener(hurries=False)
    with running(listener) as heard:
        names = speak(heard, 0.4)
        time.sleep(hearing.RARELY + 3 * hearing.PAUSE)
    assert listener.stations == names
    assert listener.told[-1][1] != {}


def test_each_listener_has_its_own_pace() -> None:
    often, rarely = Listener(hurries=True), Listener(hurries=False)
    with running(rarely, often) as heard:
        speak(heard, 0.8)
        assert len(often.told) > len(rarely.told) == 1


def test_a_listener_that_is_in_a_hurry_now_is_told_often_from_then_on() -> None:
    listener = Listener(hurries=False)
    with running(listener) as heard:
        speak(heard, 0.3)
        listener.hurries = True
        speak(heard, 2.0)
    begin = listener.told[1][0]
    assert len([at for at, _ in listener.told if at > begin]) >= 3


def test_at_the_end_a_listener_is_told_what_it_was_not_told_yet() -> None:
    listener = Listener(hurries=False)
    with running(listener) as heard:
        speak(heard, 0.4)
        heard.note("LAST", NOW)
    assert "LAST" in listener.stations
