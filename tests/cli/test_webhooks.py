"""``ocpp-soap webhooks``."""

from __future__ import annotations

import socket
from datetime import datetime, timezone
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem


@pytest.fixture
def nowhere() -> str:
    """A URL where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/events"


def test_a_webhook_is_made_and_its_secret_printed_once(cli: Any, nowhere: str) -> None:
    done = cli("webhooks", "add", nowhere, "--kind", "transaction.started", "--station", "CP001")
    assert done.exit_code == 0
    assert done.stdout.startswith("whsec_")
    (webhook,) = cli.json("webhooks", "list")
    assert (webhook["url"], webhook["kinds"], webhook["charge_box_identity"]) == (
        nowhere,
        ["transaction.started"],
        "CP001",
    )
    assert webhook["created_by"].startswith("cli")
    assert done.stdout.strip() not in cli("webhooks", "list", "--json").stdout
    assert nowhere in cli("webhooks", "list").stdout


def test_a_webhook_is_paused_resumed_and_removed(cli: Any, nowhere: str) -> None:
    webhook = cli.json("webhooks", "add", nowhere)["webhook"]["webhook_id"]
    assert cli.json("webhooks", "pause", webhook)["is_active"] is False
    assert cli.json("webhooks", "resume", webhook)["is_active"] is True
    assert cli("webhooks", "remove", webhook).exit_code == 0
    assert cli.json("webhooks", "list") == []
    for verb in ("pause", "resume", "remove"):
        assert cli("webhooks", verb, webhook).exit_code == 4


def test_a_dead_letter_is_listed_and_sent_again(cli: Any, nowhere: str) -> None:
    webhook_id = cli.json("webhooks", "add", nowhere)["webhook"]["webhook_id"]
    with CentralSystem.open(config.load(cli.config_file, {})) as system:
        system.events.add("transaction.started", "CP001", at=datetime.now(timezone.utc))
        (event,) = system.events.list(kinds=["transaction.started"]).items
        webhook = system.webhooks.get(webhook_id)
        assert webhook is not None
        system.webhooks.put_aside(webhook, event, "503")
    (letter,) = cli.json("webhooks", "dead-letters", webhook_id)
    assert letter["event"]["charge_box_identity"] == "CP001"
    assert "503" in cli("webhooks", "dead-letters", webhook_id).stdout
    again = cli("webhooks", "redeliver", letter["letter_id"])
    assert again.exit_code == 1
    assert "not taken" in again.stderr
    assert cli("webhooks", "redeliver", "nothing").exit_code == 4


def test_a_url_that_is_none_is_wrong_usage(cli: Any) -> None:
    for url in ("example.com/events", "http://a..b/x"):
        assert cli("webhooks", "add", url).exit_code == 2
