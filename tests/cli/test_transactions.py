"""``ocpp-soap transactions``."""

from __future__ import annotations

import csv
import errno
import io
import json
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TextIO

import pytest

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.messages import (
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def session(cli: Any, receive: Any) -> Any:
    """Charges 1500 Wh within an hour and returns the transaction's id."""

    def charge(tag: str = "TAG1", *, identity: str = "CP001", start: datetime = NOON, stop: bool = True) -> int:
        begin = StartTransactionRequest(connector_id=1, id_tag=tag, timestamp=start, meter_start=1000)
        number: int = receive(begin, identity=identity).transaction_id
        values = [MeterValue(timestamp=start + timedelta(minutes=30), value=[SampledValue(value="1800")])]
        receive(MeterValuesRequest(connector_id=1, transaction_id=number, values=values), identity=identity)
        if stop:
            end = StopTransactionRequest(
                transaction_id=number, id_tag=tag, timestamp=start + timedelta(hours=1), meter_stop=2500
            )
            receive(end, identity=identity)
        return number

    return charge


def test_a_session_is_listed_with_its_energy(cli: Any, session: Any) -> None:
    number = session()
    (listed,) = cli.json("transactions", "list")
    assert listed["transaction_id"] == number
    assert listed["state"] == "closed"
    assert listed["energy"] == 1500
    assert listed["start_time"] == "2026-01-31T12:00:00Z"
    assert "1500" in cli("transactions", "list").stdout


def test_the_latest_comes_first(cli: Any, session: Any) -> None:
    first, second = session(start=NOON), session(start=NOON + timedelta(days=1))
    assert [t["transaction_id"] for t in cli.json("transactions", "list")] == [second, first]


def test_filters_narrow_the_list(cli: Any, session: Any) -> None:
    one = session("A", identity="CP001")
    two = session("B", identity="CP002", start=NOON + timedelta(days=1), stop=False)

    def found(*filters: str) -> list[int]:
        return [transaction["transaction_id"] for transaction in cli.json("transactions", "list", *filters)]

    assert found("--station", "CP001") == [one]
    assert found("--id-tag", "b") == [two]
    assert found("--state", "open") == [two]
    assert found("--since", "2026-02-01T00:00:00Z") == [two]
    assert found("--until", "2026-02-01T00:00:00Z") == [one]
    assert found("--connector-id", "2") == []
    assert found("--station", "CP001", "--state", "open") == []
    assert found("--limit", "1") == [two]


@pytest.mark.parametrize(
    "time",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-9999999d", "+99999999999d", "-9999999999999999s"],
)
def test_a_time_that_utc_does_not_have_is_wrong_usage(cli: Any, time: str) -> None:
    done = cli("transactions", "list", "--since", time)
    assert done.exit_code == 2
    assert "--since" in done.stderr
    assert "is not within the years 1 to 9999 in UTC" in done.stderr


def test_show_holds_the_meter_values(cli: Any, session: Any) -> None:
    number = session()
    shown = cli.json("transactions", "show", str(number))
    assert shown["meter_values"] == [{"timestamp": "2026-01-31T12:30:00Z", "value": [{"value": "1800"}]}]
    assert "- 2026-01-31T12:30:00Z: 1800\n" in cli("transactions", "show", str(number)).stdout


def test_an_unknown_transaction_ends_with_4(cli: Any) -> None:
    assert cli("transactions", "show", "999").exit_code == 4


def test_csv_has_one_row_for_each_transaction_the_oldest_first(cli: Any, session: Any) -> None:
    numbers = [session(start=NOON), session(start=NOON + timedelta(days=1))]
    rows = list(csv.DictReader(io.StringIO(cli("transactions", "export").stdout)))
    assert [int(row["transaction_id"]) for row in rows] == numbers
    assert rows[0]["energy"] == "1500"
    assert rows[0]["start_time"] == "2026-01-31T12:00:00Z"


def test_json_lines_hold_one_object_for_each_transaction(cli: Any, session: Any, tmp_path: Path) -> None:
    numbers = [session(start=NOON), session(start=NOON + timedelta(days=1))]
    file = tmp_path / "out.jsonl"
    assert cli("transactions", "export", "--format", "jsonl", "--output", str(file)).exit_code == 0
    objects = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [found["transaction_id"] for found in objects] == numbers
    assert objects[0]["energy"] == 1500


@pytest.mark.parametrize(("number", "told"), [(0, "0 transactions"), (1, "1 transaction"), (2, "2 transactions")])
def test_an_export_to_a_file_tells_how_many_it_holds(
    cli: Any, session: Any, tmp_path: Path, number: int, told: str
) -> None:
    for day in range(number):
        session(start=NOON + timedelta(days=day))
    file = tmp_path / "out.csv"
    assert cli("transactions", "export", "--output", str(file)).stderr == f"{file}: {told}\n"


def test_an_export_that_cannot_be_written_says_so(cli: Any, session: Any) -> None:
    session()
    done = cli("transactions", "export", "--output", "/dev/full")
    assert done.exit_code == 1
    assert "/dev/full cannot be written: No space left on device" in done.stderr
    assert Path("/dev/full").exists()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), StoreUnavailable("is gone")])
def test_an_export_that_failed_leaves_no_part_of_it(
    cli: Any, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def write_some(file: TextIO, transactions: Any) -> int:
        file.write("some")
        raise error

    monkeypatch.setattr("ocpp_soap.cli.transactions._write_csv", write_some)
    done = cli("transactions", "export", "--output", str(tmp_path / "month.csv"))
    assert done.exit_code in (1, 5)
    assert not (tmp_path / "month.csv").exists()


def test_an_export_that_got_sigterm_leaves_no_part_of_it(
    cli: Any, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_some(file: TextIO, transactions: Any) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr("ocpp_soap.cli.transactions._write_csv", write_some)
    handler = signal.getsignal(signal.SIGTERM)
    assert cli("transactions", "export", "--output", str(tmp_path / "month.csv")).exit_code == 1
    assert not (tmp_path / "month.csv").exists()
    assert signal.getsignal(signal.SIGTERM) == handler


def test_an_export_without_transactions_has_its_header(cli: Any) -> None:
    assert cli("transactions", "export").stdout.startswith("transaction_id,charge_box_identity,")


def test_a_tag_of_any_length_leaves_the_table_readable_and_the_data_whole(cli: Any, session: Any) -> None:
    session("T" * 300)
    assert max(map(len, cli("transactions", "list").stdout.splitlines())) < 200
    assert cli.json("transactions", "list")[0]["id_tag"] == "T" * 300


def test_a_stop_without_a_start_is_listed_as_an_orphan(cli: Any, receive: Any) -> None:
    receive(StopTransactionRequest(transaction_id=0, timestamp=NOON, meter_stop=5))
    (orphan,) = cli.json("transactions", "list", "--state", "orphan")
    assert orphan["reported_transaction_id"] == 0
    assert orphan["energy"] is None
