"""Several processes on one store: nothing lost, nothing doubled, also when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ocpp_soap

PROGRAM = Path(__file__).with_name("starting_process.py")
PROCESSES = 4


@pytest.fixture
def processes(tmp_path):
    """Start processes that each wait for a line before they send their starts."""
    running: list[subprocess.Popen[str]] = []

    def begin(places_of_each, max_concurrent="0"):
        environ = {
            **os.environ,
            "PYTHONPATH": str(Path(ocpp_soap.__file__).parents[1]),
            "OCPP_SOAP__AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS": max_concurrent,
        }
        for places in places_of_each:
            command = [sys.executable, str(PROGRAM), str(tmp_path / "store.db"), *places]
            pipe = subprocess.PIPE
            running.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ))
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        return running

    yield begin
    for process in running:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def answers(process):
    """Station, connector, id and status of each answer that the process printed to the end of a line."""
    lines = process.stdout.read().splitlines(keepends=True)
    return [line.split() for line in lines if line.endswith("\n")]


def test_four_processes_start_2000_transactions_half_of_them_retries(processes, make_central_system):
    places = [f"CP{number // 4:03}/{number % 4 + 1}" for number in range(1000)]
    shares = [places[number * 250 :] + places[: number * 250] for number in range(PROCESSES)]
    running = processes([share[:500] for share in shares])
    answered = [answer for process in running for answer in answers(process)]
    assert [process.wait(60) for process in running] == [0] * PROCESSES
    assert len(answered) == 2000
    ids = {}
    for station, connector, transaction_id, status in answered:
        assert status == "Accepted"
        assert ids.setdefault((station, connector), transaction_id) == transaction_id
    assert len(set(ids.values())) == len(ids) == 1000
    stored = make_central_system().transactions.list(limit=2001).items
    assert {((t.charge_box_identity, str(t.connector_id)), str(t.transaction_id)) for t in stored} == set(ids.items())
    assert len(stored) == 1000
    assert {t.state for t in stored} == {"open"}


def test_one_tag_at_many_stations_in_many_processes_never_exceeds_its_allowance(processes):
    running = processes([[f"CP{number}{place}/1" for place in range(5)] for number in range(PROCESSES)], "1")
    statuses = [status for process in running for *_, status in answers(process)]
    assert len(statuses) == 20
    assert statuses.count("Accepted") <= 1
    assert set(statuses) <= {"Accepted", "ConcurrentTx"}


@pytest.mark.parametrize("enough", [1, 200])
def test_nothing_that_was_answered_is_missing_after_kill_9(processes, make_central_system, enough):
    running = processes([[f"CP{number}-{place}/1" for place in range(500)] for number in range(PROCESSES)])
    first = [running[0].stdout.readline().split() for _ in range(enough)]
    for process in running:
        process.send_signal(signal.SIGKILL)
    answered = first + [answer for process in running for answer in answers(process)]
    assert all(process.wait(10) == -signal.SIGKILL for process in running)
    transactions = make_central_system().transactions
    for station, connector, transaction_id, _ in answered:
        stored = transactions.get(int(transaction_id))
        assert (stored.charge_box_identity, str(stored.connector_id)) == (station, connector)
    every = transactions.list(limit=2001).items
    assert len({t.transaction_id for t in every}) == len(every)
