"""Commands, lists, reservations, silences and files on MongoDB: the same rules, another store."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.charge_point.listener import Listener
from ocpp_soap.dispatch import Call, load_handlers
from ocpp_soap.messages import HeartbeatRequest, ResetResponse, Role, UnlockConnectorResponse, Version
from ocpp_soap.paths import bundled
from ocpp_soap.soap.settings import server_settings

pytest.importorskip("pymongo", reason="needs the extra mongodb")


def _servers() -> Any:
    file = Path(__file__).parents[1] / "storage" / "storage_servers.py"
    spec = importlib.util.spec_from_file_location("storage_servers_of_fleet", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SERVERS = _servers()
pytestmark = pytest.mark.skipif(SERVERS.mongod() is None, reason="needs a mongod: the extra test brings one")


class Site:
    def __init__(self) -> None:
        self.calls: list[Call] = []

    def receive(self, call: Call) -> Any:
        self.calls.append(call)
        answer = UnlockConnectorResponse if call.action.name == "UnlockConnector" else ResetResponse
        return answer(status="Accepted")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], CentralSystem]]:
    from ocpp_soap.storage.mongodb import MongoStorage

    server = SERVERS.MongoServer(tmp_path / "mongo", replica_set=False)
    made: list[CentralSystem] = []
    settings = config.load(
        None,
        {
            "OCPP_SOAP__CALLS__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            "OCPP_SOAP__COMMANDS__POLL_INTERVAL": "0.1",
            "OCPP_SOAP__FILES__PATH": str(tmp_path / "files"),
            "OCPP_SOAP__FTP__PUBLIC_HOST": "127.0.0.1",
        },
    )

    def open_one() -> CentralSystem:
        handlers = load_handlers(Role.CENTRAL_SYSTEM, [bundled("handlers")])
        made.append(CentralSystem(MongoStorage(server.url("fleet")), settings, handlers))
        return made[-1]

    yield open_one
    for system in made:
        system.close()
    server.stop()


def test_the_fleet_on_mongodb(make: Callable[[], CentralSystem], make_call: Callable[..., Call]) -> None:
    site: Any = Site()
    systems = [make(), make()]
    first, second = systems
    names = [f"CP{number:03d}" for number in range(10)]
    listening = server_settings(first.settings, Role.CHARGE_POINT)
    with Listener(site, listening, "127.0.0.1", threads=16) as listener:
        for name in names:
            first.stations.allow(name)
            first.stations.set_url(name, listener.url(name, Version.V15, "http://127.0.0.1:9/"))
        for system in systems:
            system.start_workers()
        commands = []
        for number in range(1, 6):
            system = systems[number % 2]
            commands += system.command_queue.create("UnlockConnector", {"connector_id": number}, names)
        deadline = time.monotonic() + 30
        while any(c.is_open for c in first.command_queue.get_many(c.command_id for c in commands)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    for name in names:
        sent = [call.request.connector_id for call in site.calls if call.charge_box_identity == name]
        assert sent == [1, 2, 3, 4, 5]
    assert first.command_queue.counts()["done"] == 50
    assert len(second.command_queue.list(batch_id=commands[0].batch_id, state="done").items) == 10

    old = datetime.now(timezone.utc) - timedelta(hours=1)
    first.receive(make_call(HeartbeatRequest(), "CP000", received_at=old))
    first.contacts.flush()
    first.silences.search({})
    assert [silence.charge_box_identity for silence in second.silences.list().items] == ["CP000"]

    later = datetime.now(timezone.utc) + timedelta(hours=1)
    with pytest.raises(Exception, match="CP001"):
        first.reservations.reserve("CP001", 1, "TAG", later)
    assert [r.state for r in second.reservations.list(charge_box_identity="CP001").items] == ["failed"]

    first.labels.add("beta", names[:2])
    assert list(second.labels.stations("beta")) == names[:2]
    command = first.file_transfers.get_diagnostics("CP002")
    assert command.payload["location"].startswith("ftp://")
    assert first.local_lists.list(state="in_sync").items == []
