"""A start that cannot be delivered: its connector is used again, and its stop has it sent once more (notes 7.12)."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from waiting import wait_until

from ocpp_soap.charge_point.chargebox.exchange import START_TRANSACTIONS, STOP_TRANSACTIONS
from ocpp_soap.messages import RemoteStopTransactionRequest

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)


@pytest.fixture
def refused(run, sink):
    """A box whose start was refused with a fault, and the key of that; the central system takes starts again."""
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    sink.faults["startTransaction"] = "SecurityError"
    start = box.exchange.started(1, "TAG1", 1000)
    assert "SecurityError" in box.answered(START_TRANSACTIONS, start)["reason"]
    del sink.faults["startTransaction"]
    return box, start


def delivered(box, start, meter_stop=2000):
    stop = box.exchange.stopped(start, meter_stop)
    return box.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"


def session(box):
    start = box.exchange.started(1, "TAG1", 3000)
    assert box.answered(START_TRANSACTIONS, start)["state"] == "Answered"
    return delivered(box, start, 4000)


def transactions(sink):
    return [o for o in sink.operations("BOX1") if o.endswith("Transaction")]


def test_its_stop_has_it_sent_once_more_and_the_next_session_goes_on(refused, sink):
    box, start = refused
    assert delivered(box, start)
    assert box.document(START_TRANSACTIONS, start)["state"] == "Answered"
    assert box.document(START_TRANSACTIONS, start)["transaction_id"] > 0
    assert session(box)
    assert transactions(sink) == ["startTransaction", *["startTransaction", "stopTransaction"] * 2]


def test_a_start_that_is_refused_again_fails_with_its_stop_and_the_next_session_goes_on(refused, sink):
    box, start = refused
    sink.faults["startTransaction"] = "SecurityError"
    stop = box.exchange.stopped(start, 2000)
    assert "never answered with an id" in box.answered(STOP_TRANSACTIONS, stop)["reason"]
    assert box.document(START_TRANSACTIONS, start)["state"] == "Failed"
    sink.faults.clear()
    assert session(box)


def test_its_stop_has_it_sent_once_more_after_a_restart_too(refused, run):
    box, start = refused
    box.close()
    again = run()
    assert delivered(again, start)
    assert session(again)


def test_a_restart_does_not_take_it_for_a_running_session(refused, run, sink):
    refused[0].close()
    again = run()
    wait_until(lambda: sink.operations("BOX1").count("bootNotification") == 2)
    assert again.box.station.connectors[1].transaction is None


def test_a_controller_that_gives_it_up_without_a_stop_can_start_again(refused):
    assert session(refused[0])


def test_a_start_whose_document_is_gone_does_not_hold_its_connector(run):
    box = run()
    start = box.exchange.started(1, "TAG1", 1000)
    box.answered(START_TRANSACTIONS, start)
    box.storage.delete(START_TRANSACTIONS, start)
    assert session(box)


def test_a_reading_that_no_message_can_hold_does_not_hold_the_connector(run):
    box = run()
    start = box.exchange.started(1, "TAG1", 2**40)
    assert "32 bits" in box.answered(START_TRANSACTIONS, start)["reason"]
    assert not delivered(box, start)
    assert session(box)


def test_a_start_that_cannot_be_read_and_its_stop_fail_and_the_next_session_goes_on(run):
    box = run()
    start = box.exchange.insert(START_TRANSACTIONS, {"connector_id": 1, "id_tag": "TAG1", "timestamp": NOW})
    assert box.answered(START_TRANSACTIONS, start)["state"] == "Failed"
    assert not delivered(box, start)
    assert session(box)


def test_a_stop_that_cannot_be_read_ends_the_session_of_its_connector(run, sink):
    box = run()
    start = box.exchange.started(1, "TAG1", 1000)
    transaction_id = box.answered(START_TRANSACTIONS, start)["transaction_id"]
    stop = box.exchange.insert(STOP_TRANSACTIONS, {"start": start, "timestamp": NOW, "meter_stop": "much"})
    assert "meter_stop" in box.answered(STOP_TRANSACTIONS, stop)["reason"]
    assert box.call(sink, RemoteStopTransactionRequest(transaction_id=transaction_id)).status == "Rejected"
    assert session(box)
    assert delivered(box, start)


def test_the_mock_driver_goes_on_after_a_start_that_was_refused(run, sink):
    sink.faults["startTransaction"] = "SecurityError"
    run(kind="mock", bridge={"charge_seconds": 0.1, "pause_seconds": 0.05})
    wait_until(lambda: "startTransaction" in sink.operations("BOX1"))
    sink.faults.clear()
    wait_until(lambda: transactions(sink).count("stopTransaction") >= 2)
