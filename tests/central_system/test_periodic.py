"""Work that a process does every few seconds goes on whatever happens, until its store is closed."""

from __future__ import annotations

import threading

import pytest

from ocpp_soap.central_system.periodic import Periodic, ThisProcess
from ocpp_soap.errors import StoreClosed, StoreUnavailable


@pytest.mark.parametrize("error", [StoreUnavailable("away"), MemoryError(), ValueError("no store holds it")], ids=repr)
def test_an_error_does_not_end_it(error, caplog):
    went_on = threading.Event()
    outcomes = iter([error])

    def work():
        for outcome in outcomes:
            raise outcome
        went_on.set()

    periodic = Periodic("work", 0.01, work)
    periodic.begin()
    assert went_on.wait(10)
    periodic.end()


def test_a_closed_store_ends_it():
    calls = []

    def work():
        calls.append(1)
        raise StoreClosed("over")

    periodic = Periodic("work", 0.01, work)
    periodic.begin()
    periodic._thread.join(10)
    assert (calls, periodic._thread.is_alive()) == ([1], False)


def test_processes_of_one_host_name_and_one_number_have_different_names():
    first, number = ThisProcess.name, ThisProcess.id
    ThisProcess.ask()
    assert ThisProcess.id == number
    assert ThisProcess.name != first
