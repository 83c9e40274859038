"""The charge box behind Modbus, over TCP and over a serial line; its controller is pymodbus's simulator."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from plc import BROKEN, CHARGING, FREE, PLUGGED, REGISTERS, RtuPlc, TcpPlc
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse
from running_box import Running
from sink import Sink
from waiting import wait_until
from waitress.server import create_server

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.overview import overview
from ocpp_soap.charge_point.chargebox.bridges.modbus import ModbusError, ModbusHardware, ModbusOptions
from ocpp_soap.charge_point.chargebox.exchange import CONNECTORS
from ocpp_soap.messages import Role
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings


@pytest.fixture(params=[TcpPlc, RtuPlc], ids=["tcp", "rtu"])
def plc(request: pytest.FixtureRequest) -> Iterator[TcpPlc]:
    plc = request.param()
    yield plc
    plc.close()


@pytest.fixture
def our_central_system(tmp_path: Path) -> Iterator[tuple[CentralSystem, str]]:
    """Our own central system with a file store, and the URL at which it listens."""
    file = str(tmp_path / "central.db")
    settings = config.load(
        None,
        {"OCPP_SOAP__STORAGE__FILE__PATH": file, "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept"},
    )
    system = CentralSystem.open(settings)
    soap = SoapServer(Role.CENTRAL_SYSTEM, system.receive, server_settings(settings, Role.CENTRAL_SYSTEM))
    server: Any = create_server(soap, map={}, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield system, f"http://127.0.0.1:{server.socket.getsockname()[1]}/Ocpp/CentralSystemService"

    def leave_loop() -> None:
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.trigger.del_channel()
        server.del_channel()

    server.trigger.pull_trigger(leave_loop)
    thread.join()
    server.task_dispatcher.shutdown()
    server.close()
    system.close()


def test_it_plugs_tags_charges_and_stops(run: Callable[..., Running], sink: Sink, plc: TcpPlc) -> None:
    plc.measure(1000)
    box = run(kind="modbus", bridge=plc.options())
    wait_until(lambda: box.boot_state() == 3)
    plc.state(PLUGGED)
    plc.tag("TAG1")
    wait_until(lambda: plc.enabled)
    assert plc.locked
    assert plc.limit == 160
    plc.tag("")
    plc.state(CHARGING)
    wait_until(lambda: "startTransaction" in sink.operations("BOX1"))
    plc.measure(7553.6)
    plc.tag("tag1")
    wait_until(lambda: not plc.enabled)
    assert plc.limit == 0
    plc.state(PLUGGED)
    wait_until(lambda: "stopTransaction" in sink.operations("BOX1"))
    plc.state(BROKEN)
    plc.tag("")
    wait_until(lambda: (box.exchange.get(CONNECTORS, "1") or {}).get("status") == "Faulted")
    requests = {o: r for _, _, o, r in sink.requests}
    assert requests["startTransaction"].findtext("{*}meterStart") == "1000"
    assert requests["stopTransaction"].findtext("{*}meterStop") == "7554"
    assert requests["stopTransaction"].findtext("{*}idTag") == "tag1"
    assert sink.complaints == []


def test_a_session_at_the_controller_is_a_closed_transaction_of_our_central_system(
    plc: TcpPlc, our_central_system: tuple[CentralSystem, str], tmp_path: Path
) -> None:
    central, url = our_central_system
    plc.measure(1000, power=3600)
    box = Running(url, tmp_path / "box.db", kind="modbus", bridge=plc.options(), meter_interval=1)
    try:
        wait_until(lambda: box.boot_state() == 3)
        plc.state(PLUGGED)
        plc.tag("TAG1")
        wait_until(lambda: plc.enabled)
        plc.tag("")
        plc.state(CHARGING)
        wait_until(lambda: central.transactions.list(charge_box_identity="BOX1").items)
        (open_one,) = central.transactions.list(charge_box_identity="BOX1").items
        transaction_id = open_one.transaction_id
        assert (open_one.state, open_one.id_tag, open_one.meter_start) == ("open", "TAG1", 1000)
        plc.measure(1500, power=3600)
        wait_until(lambda: energies(central, transaction_id)[-1:] == ["1500"])
        plc.measure(1800)
        plc.tag("TAG1")
        wait_until(lambda: not plc.enabled)
        plc.state(PLUGGED)
        wait_until(lambda: central.transactions.list(charge_box_identity="BOX1", state="closed").items)
        plc.tag("")
        plc.state(FREE)
        wait_until(lambda: status(central) == "Available")
    finally:
        box.close()
    (closed,) = central.transactions.list(charge_box_identity="BOX1").items
    assert (closed.transaction_id, closed.state, closed.inferred) == (transaction_id, "closed", False)
    assert (closed.meter_start, closed.meter_stop, closed.energy, closed.stop_id_tag) == (1000, 1800, 800, "TAG1")


def energies(central: CentralSystem, transaction_id: int | None) -> list[str]:
    records = central.meter_values.list(transaction_id=transaction_id).items
    return [value["value"] for record in records for sample in record.samples for value in sample["value"]]


def status(central: CentralSystem) -> str:
    found = overview(central, "BOX1")
    assert found is not None
    return next(connector.status for connector in found.connectors if connector.connector_id == 1)


@pytest.mark.parametrize("registers", [[], [0], [0, 1, 2]])
def test_an_answer_with_another_number_of_registers_is_no_reading(
    monkeypatch: pytest.MonkeyPatch, registers: list[int]
) -> None:
    hardware = ModbusHardware(ModbusOptions.model_validate({"host": "127.0.0.1", "connectors": {1: REGISTERS}}))
    answer = ReadHoldingRegistersResponse(registers=registers)
    monkeypatch.setattr(hardware._client, "read_holding_registers", Mock(return_value=answer, __name__="read"))
    with pytest.raises(ModbusError, match=f"{len(registers)} registers came, expected"):
        hardware.read(1)
