"""``ocpp-soap storage``: check, backup, copy and indexes, as an operator types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from storage_servers import MongoServer

from ocpp_soap.central_system.collections import STATIONS, TRANSACTION_ID
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.webhooks import Webhooks
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.mongodb import MongoStorage


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"storage": {"file": {"path": str(tmp_path / "old.sqlite")}}}))
    with closing(FileStorage(tmp_path / "old.sqlite")) as store:
        store.put(STATIONS, {f"CP{number}": {"vendor": "ACME"} for number in range(30)})
        for _ in range(5):
            store.increment(TRANSACTION_ID)
    return path


def ocpp_soap(config: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ocpp_soap", "--config", str(config), "storage", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def test_check_tells_version_latency_indexes_and_counts(config: Path) -> None:
    result = ocpp_soap(config, "check", "--json")
    about = json.loads(result.stdout)
    assert about["backend"] == "file"
    assert about["version"].startswith("SQLite 3.")
    assert about["latency_ms"] >= 0
    stations = next(row for row in about["collections"] if row["collection"] == "stations")
    assert stations["documents"] == 30
    assert "i_stations.folded_identity" in stations["indexes"]
    assert "stations" in ocpp_soap(config, "check").stdout


def test_backup_writes_a_store_that_can_be_opened(config: Path, tmp_path: Path) -> None:
    result = ocpp_soap(config, "backup", str(tmp_path / "copy.sqlite"))
    assert result.returncode == 0, result.stderr
    with closing(FileStorage(tmp_path / "copy.sqlite")) as store:
        assert store.count(STATIONS) == 30
    again = ocpp_soap(config, "backup", str(tmp_path / "copy.sqlite"))
    assert again.returncode != 0
    assert "another name" in again.stderr


def test_copy_moves_everything_and_says_what_to_configure(config: Path, standalone: MongoServer) -> None:
    address = {"OCPP_SOAP__STORAGE__MONGODB__URL": standalone.url(f"moved_{uuid4().hex}")}
    result = ocpp_soap(config, "copy", "--from", "file", "--to", "mongodb", "--json", **address)
    assert result.returncode == 0, result.stderr
    copied = {row["collection"]: row["documents"] for row in json.loads(result.stdout)["collections"]}
    assert copied["stations"] == 30
    again = ocpp_soap(config, "copy", "--from", "file", "--to", "mongodb", **address)
    assert again.returncode != 0
    assert "already holds 30 documents in stations" in again.stderr
    about = json.loads(ocpp_soap(config, "check", "--backend", "mongodb", "--json", **address).stdout)
    assert about["version"].startswith("MongoDB ")


def test_copy_lets_a_webhook_go_on_with_the_same_event(
    config: Path, tmp_path: Path, standalone: MongoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MongoStorage, "settles_after", 0.0)
    url = standalone.url(f"moved_{uuid4().hex}")
    with closing(FileStorage(tmp_path / "old.sqlite")) as store:
        events = Events(store)
        events.add("a.b", key="before")
        webhook_id = Webhooks(store, events).add("http://127.0.0.1:9/hook").webhook_id
        events.add("a.b", key="behind")
    result = ocpp_soap(config, "copy", "--from", "file", "--to", "mongodb", OCPP_SOAP__STORAGE__MONGODB__URL=url)
    assert result.returncode == 0, result.stderr
    with closing(MongoStorage(url)) as moved:
        events = Events(moved)
        webhook = Webhooks(moved, events).get(webhook_id)
        assert webhook is not None
        assert [event.event_id for event in events.list(after=webhook.cursor).items] == ["behind"]


def test_copy_to_itself_is_refused(config: Path) -> None:
    result = ocpp_soap(config, "copy", "--from", "file", "--to", "file")
    assert "two different backends" in result.stderr
    assert result.returncode != 0
