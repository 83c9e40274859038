"""The handlers that docs/handlers.md shows do what it says of them, also where the other system does not."""

from __future__ import annotations

import re
import urllib.request
from email.message import Message
from http.client import BadStatusLine, RemoteDisconnected
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from ocpp_soap.central_system.transactions import TransactionState
from ocpp_soap.messages import DataTransferRequest, DataTransferStatus, StartTransactionRequest

PAGE = Path(__file__).parents[2] / "docs" / "handlers.md"


@pytest.fixture
def shown(tmp_path, make_central_system):
    """A central system with the handler below the path that the page names."""

    def make(place):
        page = PAGE.read_text("utf-8")
        (code,) = re.findall(rf"`my-handlers/{re.escape(place)}`.*?```python\n(.*?)```", page, re.DOTALL)
        file = tmp_path / "my-handlers" / place
        file.parent.mkdir(parents=True)
        file.write_text(code)
        return make_central_system(tmp_path / "my-handlers", AUTHORIZATION__UNKNOWN_TAGS="accept")

    return make


@pytest.mark.parametrize(
    "trouble",
    [
        HTTPError("http://billing.internal/", 404, "Not Found", Message(), None),
        URLError("away"),
        TimeoutError(),
        RemoteDisconnected(),
        BadStatusLine("?"),
    ],
    ids=repr,
)
def test_a_start_is_answered_though_the_other_system_cannot_be_told(shown, send, noon, monkeypatch, caplog, trouble):
    def refuse(url, timeout):
        raise trouble

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    system = shown("central_system/start_transaction.py")
    start = StartTransactionRequest(connector_id=1, id_tag="TAG1", timestamp=noon, meter_start=7)
    answer = send(start, to=system)
    (recorded,) = system.transactions.list(state=TransactionState.OPEN).items
    assert answer.transaction_id == recorded.transaction_id
    assert "was not told to billing" in caplog.text


def test_the_messages_of_a_vendor_are_answered(shown, send):
    system = shown("central_system/data_transfer/com.example.py")
    ping = DataTransferRequest(vendor_id="com.example", message_id="Ping", data="x")
    assert send(ping, to=system).data == "x"
    other = DataTransferRequest(vendor_id="com.example", message_id="Pong")
    assert send(other, to=system).status is DataTransferStatus.UNKNOWN_MESSAGE_ID
