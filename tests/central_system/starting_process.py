"""A process of its own that starts transactions on a shared store and prints STATION CONNECTOR ID STATUS of each.

Arguments: store file, station and connector as ``CP001/1`` for each start, in that order.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import Role, StartTransactionRequest, Version, find_action

THREADS = 8


def start(system: CentralSystem, place: str) -> None:
    identity, connector = place.split("/")
    noon = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
    call = Call(
        charge_box_identity=identity,
        version=Version.V15,
        action=find_action(Role.CENTRAL_SYSTEM, "StartTransaction"),
        request=StartTransactionRequest(connector_id=int(connector), id_tag="A", timestamp=noon, meter_start=0),
        received_at=datetime.now(timezone.utc),
    )
    answer = system.receive(call)
    line = f"{identity} {connector} {answer.transaction_id} {answer.id_tag_info.status}\n"
    os.write(1, line.encode())


def main() -> None:
    path, places = Path(sys.argv[1]), sys.argv[2:]
    environ = {"OCPP_SOAP__STORAGE__FILE__PATH": str(path), "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept"}
    environ["OCPP_SOAP__LOG__LIFECYCLE"] = "false"
    environ |= {name: value for name, value in os.environ.items() if name.startswith("OCPP_SOAP__")}
    with CentralSystem.open(config.load(None, environ)) as system:
        os.write(1, b"ready\n")
        sys.stdin.readline()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda place: start(system, place), places))


main()
