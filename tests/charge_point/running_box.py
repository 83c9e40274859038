"""A charge box in a thread, and its store seen from the hardware side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sink import Sink
from waiting import wait_until

from ocpp_soap import config
from ocpp_soap.charge_point.chargebox import ChargeBox, ChargeBoxSettings
from ocpp_soap.charge_point.chargebox.exchange import CHARGE_BOX, COMMANDS
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.client import Endpoint, client_for
from ocpp_soap.storage.base import Collection, Document, Storage
from ocpp_soap.storage.file import FileStorage


class Running:
    """The box BOX1, which calls the central system at ``url``; ``store`` is its store or the file of one."""

    def __init__(
        self,
        url: str,
        store: Path | Storage,
        *,
        version: Version = Version.V15,
        kind: str = "store",
        bridge: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self.storage = FileStorage(store) if isinstance(store, Path) else store
        options = ChargeBoxSettings.model_validate(
            {
                "central_url": url,
                "version": version,
                "identity": "BOX1",
                "meter_interval": 0,
                "reset_seconds": 0.05,
                "listen": {"port": 0},
                "bridge": {"kind": kind, "poll_interval": 0.02, "options": bridge or {}},
                **more,
            }
        )
        self.box = ChargeBox(options, config.load(None, {}), self.storage)
        self.exchange = self.box.exchange
        self.accepted: bool | None = None
        self.closed = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.accepted = self.box.run()

    def document(self, collection: Collection, key: str) -> Document:
        found = self.exchange.get(collection, key)
        assert found is not None
        return found

    def answered(self, collection: Collection, key: str) -> Document:
        wait_until(lambda: self.document(collection, key)["state"] in ("Answered", "Failed"))
        return self.document(collection, key)

    def boot_state(self) -> int | None:
        return (self.exchange.get(CHARGE_BOX, "BOX1") or {}).get("boot_state")

    def commands(self) -> list[str]:
        return [s.document["action"] for s in self.storage.find(COMMANDS).items]

    def call(self, sink: Sink, request: Any) -> Any:
        version = self.box.options.version
        url = self.box._listener.url("BOX1", version, sink.url)
        return client_for(Role.CHARGE_POINT, version).call(Endpoint(url, timeout=5), "BOX1", request)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.box.end()
        self._thread.join(5)
        self.box.close()
        self.storage.close()


@pytest.fixture
def run(sink: Sink, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a charge box at the central system that is not ours; all of a test use one file."""
    running: list[Running] = []

    def run(**more: Any) -> Running:
        running.append(Running(sink.url, tmp_path / "box.db", **more))
        return running[-1]

    yield run
    for one in running:
        one.close()
