"""The controller of a charge box: the simulator of pymodbus behind pymodbus's own servers, for TCP and for RTU."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import tty
from collections.abc import Coroutine
from typing import Any

from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

REGISTERS = {
    "state": {"address": 0, "errors": {9: "GroundFailure"}},
    "energy": {"address": 2, "words": 2, "scale": 0.1},
    "power": {"address": 4},
    "id_tag": {"address": 10},
    "current_limit": {"address": 30, "ampere": 16, "scale": 10},
    "lock": 0,
    "enable": 1,
}
"""The map of the one connector, as in ``bridge.options.connectors``."""

FREE, PLUGGED, CHARGING, BROKEN = 0, 1, 2, 9
_READ_COILS, _READ_HOLDING, _WRITE_HOLDING = 1, 3, 16


class TcpPlc:
    """A controller on a free TCP port. The methods are what happens at it, not what is asked of it by Modbus."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        words = [SimData(0, count=40, values=0, datatype=DataType.REGISTERS)]
        coils = [SimData(0, count=4, values=False, datatype=DataType.BITS)]
        self._server: Any = self._do(self._serve(SimDevice(1, (coils, coils, words, words))))

    def options(self) -> dict[str, Any]:
        """``bridge.options`` of a charge box."""
        port = self._server.transport.sockets[0].getsockname()[1]
        return {"host": "127.0.0.1", "tcp_port": port, "connectors": {1: REGISTERS}}

    def state(self, value: int) -> None:
        self._write(0, value)

    def measure(self, energy: float, power: int = 0) -> None:
        tenths = round(energy * 10)
        self._write(2, tenths >> 16, tenths & 0xFFFF, power)

    def tag(self, text: str) -> None:
        padded = text.encode().ljust(20, b"\0")
        self._write(10, *(int.from_bytes(padded[n : n + 2], "big") for n in range(0, 20, 2)))

    @property
    def locked(self) -> bool:
        return bool(self._read(_READ_COILS, 0))

    @property
    def enabled(self) -> bool:
        return bool(self._read(_READ_COILS, 1))

    @property
    def limit(self) -> int:
        return self._read(_READ_HOLDING, 30)

    def close(self) -> None:
        self._do(self._server.shutdown())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _serve(self, device: SimDevice) -> Any:
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        return server

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    def _write(self, address: int, *words: int) -> None:
        self._do(self._server.async_setValues(1, _WRITE_HOLDING, address, list(words)))

    def _read(self, function: int, address: int) -> int:
        return int(self._do(self._server.async_getValues(1, function, address, 1))[0])


class RtuPlc(TcpPlc):
    """A controller on a serial line: two pseudo-terminals, joined by a thread that passes on what either end says."""

    def __init__(self) -> None:
        self._line = SerialLine()
        super().__init__()

    def options(self) -> dict[str, Any]:
        """``bridge.options`` of a charge box. A pseudo-terminal has no parity."""
        return {"device": self._line.ends[1], "baud_rate": 19200, "parity": "N", "connectors": {1: REGISTERS}}

    def close(self) -> None:
        super().close()
        self._line.close()

    async def _serve(self, device: SimDevice) -> Any:
        server = ModbusSerialServer(device, port=self._line.ends[0], baudrate=19200, parity="N")
        await server.serve_forever(background=True)
        return server


class SerialLine:
    """``ends`` are the paths of two serial devices that are wired to each other."""

    def __init__(self) -> None:
        pairs = [os.openpty() for _ in range(2)]
        self._masters = [master for master, _ in pairs]
        self._slaves = [slave for _, slave in pairs]
        for slave in self._slaves:
            tty.setraw(slave)
        self.ends = [os.ttyname(slave) for slave in self._slaves]
        self._stop_reading, self._stop_writing = os.pipe()
        self._thread = threading.Thread(target=self._pass_on)
        self._thread.start()

    def close(self) -> None:
        os.close(self._stop_writing)
        self._thread.join(5)
        for descriptor in (*self._masters, *self._slaves, self._stop_reading):
            os.close(descriptor)

    def _pass_on(self) -> None:
        one, other = self._masters
        while True:
            ready, _, _ = select.select([one, other, self._stop_reading], [], [])
            if self._stop_reading in ready:
                return
            for master in ready:
                os.write(other if master == one else one, os.read(master, 1024))
