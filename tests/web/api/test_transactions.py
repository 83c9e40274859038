from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from ocpp_soap.messages import (
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
)


@pytest.fixture
def session(send: Any, noon: datetime) -> Any:
    """Start a session, and stop it if ``stop`` says so."""

    def run(identity: str, tag: str, hours: int, *, stop: bool = False) -> int:
        at = noon + timedelta(hours=hours)
        start = StartTransactionRequest(connector_id=1, id_tag=tag, timestamp=at, meter_start=1000)
        transaction_id: int = send(start, identity).transaction_id
        if stop:
            end = at + timedelta(minutes=30)
            send(StopTransactionRequest(transaction_id=transaction_id, timestamp=end, meter_stop=5500), identity)
        return transaction_id

    return run


def ids(items: list[Any]) -> list[int]:
    return [item["transaction_id"] for item in items]


def test_a_session_tells_its_energy_in_wh_and_its_times_in_utc(api: Any, session: Any) -> None:
    found = api.get(f"/transactions/{session('CP001', 'T', 0, stop=True)}").json
    assert (found["state"], found["energy"], found["authorization"]) == ("closed", 4500, "Accepted")
    assert (found["start_time"], found["stop_time"]) == ("2026-01-05T12:00:00Z", "2026-01-05T12:30:00Z")


def test_an_open_session_has_no_energy_yet(api: Any, session: Any) -> None:
    found = api.get(f"/transactions/{session('CP001', 'T', 0)}").json
    assert (found["state"], found["energy"], found["meter_stop"]) == ("open", None, None)


def test_sessions_are_filtered_and_sorted(api: Any, session: Any) -> None:
    a = session("CP001", "T1", 0, stop=True)
    b = session("CP002", "T2", 1)
    c = session("CP003", "t1", 2, stop=True)
    assert ids(api.items("/transactions")) == [a, b, c]
    assert ids(api.items("/transactions?sort=-begun_at")) == [c, b, a]
    assert ids(api.items("/transactions?state=open")) == [b]
    assert ids(api.items("/transactions?id_tag=T1")) == [a, c]
    assert ids(api.items("/transactions?charge_box_identity=CP002&state=open")) == [b]
    assert ids(api.items("/transactions?since=2026-01-05T13:00:00Z&until=2026-01-05T14:00:00Z")) == [b]


def test_pages_go_on_where_the_one_before_ended(api: Any, session: Any) -> None:
    made = [session(f"CP{number}", "T", number) for number in range(7)]
    seen: list[int] = []
    after = ""
    while True:
        page = api.get(f"/transactions?limit=3{after}").json
        seen += ids(page["items"])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == made


@pytest.mark.parametrize("after", ["x", "AAAA", "eyJhIjoxfQ"])
def test_a_cursor_that_is_none_is_a_problem(api: Any, after: str) -> None:
    response = api.get(f"/transactions?after={after}")
    assert (response.status_code, response.content_type) == (422, "application/problem+json")
    assert "after" in response.json["detail"]


def test_csv_streams_everything_that_matches(api: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpp_soap.web.api.listing.PAGE", 10)
    for number in range(46):
        session(f"CP{number:03}", "T", number, stop=number % 2 == 0)
    response = api.get("/transactions?format=csv&state=closed")
    assert response.content_type == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert len(rows) == 23
    assert (rows[0]["charge_box_identity"], rows[0]["energy"]) == ("CP000", "4500")


def test_json_lines_are_one_record_each(api: Any, session: Any) -> None:
    made = [session(f"CP{number}", "T", number) for number in range(4)]
    response = api.get("/transactions?format=jsonl&limit=3")
    assert response.content_type == "application/jsonl"
    assert ids([json.loads(line) for line in response.text.splitlines()]) == made[:3]


def test_no_cell_is_a_formula(api: Any, session: Any) -> None:
    session("=cmd()", "T", 0)
    rows = list(csv.DictReader(io.StringIO(api.get("/transactions?format=csv").text)))
    assert rows[0]["charge_box_identity"] == "'=cmd()"


def test_meter_values_are_as_sent(api: Any, send: Any, session: Any, noon: datetime) -> None:
    transaction_id = session("CP001", "T", 0)
    for minute in (2, 1):
        value = SampledValue(value=f"{1000 + minute}", unit="Wh")
        values = [MeterValue(timestamp=noon + timedelta(minutes=minute), value=[value])]
        send(MeterValuesRequest(connector_id=1, transaction_id=transaction_id, values=values))
    found = api.items(f"/meter-values?transaction_id={transaction_id}")
    assert [record["samples"][0]["value"][0]["value"] for record in found] == ["1001", "1002"]
    assert found[0]["samples"][0]["value"][0]["unit"] == "Wh"
    arrived = api.items("/meter-values?charge_box_identity=CP001&sort=-time")
    assert [record["timestamp"] for record in arrived] == ["2026-01-05T12:01:00Z", "2026-01-05T12:02:00Z"]


@pytest.mark.parametrize("query", ["", "?transaction_id=1&charge_box_identity=CP001"])
def test_meter_values_are_of_a_session_or_of_a_station(api: Any, query: str) -> None:
    assert api.get(f"/meter-values{query}").status_code == 422


@pytest.mark.parametrize("number", ["0", "999", "2147483648", "99999999999999999999"])
def test_a_session_that_is_not_there_is_a_problem(api: Any, number: str) -> None:
    assert api.get(f"/transactions/{number}").status_code == 404
