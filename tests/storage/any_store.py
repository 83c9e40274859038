"""A store of any kind, for tests of what goes from one to another."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from storage_servers import FirestoreEmulator, MongoServer

from ocpp_soap.storage import Storage
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.firebase import FirebaseStorage
from ocpp_soap.storage.mongodb import MongoStorage


def opened(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty store of that backend."""
    if backend == "file":
        return FileStorage(tmp_path / f"{uuid4().hex}.sqlite")
    if backend == "mongodb":
        server: MongoServer = request.getfixturevalue("standalone")
        return MongoStorage(server.url(f"test_{uuid4().hex}"))
    emulator: FirestoreEmulator = request.getfixturevalue("emulator")
    if emulator.is_npm:
        pytest.skip("the emulator of npm has no cursors: gcloud components install cloud-firestore-emulator")
    request.getfixturevalue("monkeypatch").setenv("FIRESTORE_EMULATOR_HOST", emulator.address)
    return FirebaseStorage(f"test-{uuid4().hex[:12]}")
