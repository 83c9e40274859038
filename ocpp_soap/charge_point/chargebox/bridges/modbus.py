"""Hardware behind Modbus TCP or RTU, by a register map; needs pymodbus (``pip install 'ocpp-soap[modbus]'``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, PositiveInt
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from ocpp_soap.charge_point.chargebox.bridges.controller import Outputs, Readings
from ocpp_soap.messages import ChargePointErrorCode

_LARGEST = 0xFFFF
_Address = Annotated[int, Field(ge=0, le=_LARGEST)]
_Words = Annotated[int, Field(ge=1, le=125)]
"""As many registers as one answer can hold."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(_Part):
    """A number in ``words`` registers, the most significant first; its value is what is read times ``scale``."""

    address: _Address
    words: _Words = 1
    scale: FiniteFloat = 1.0
    table: Literal["holding", "input"] = "holding"


class State(Number):
    """The register of the state, and which of its values mean what."""

    plugged: list[int] = Field(default_factory=lambda: [1, 2])
    charging: list[int] = Field(default_factory=lambda: [2])
    errors: dict[int, ChargePointErrorCode] = Field(default_factory=dict)


class TextRegisters(_Part):
    """A text of two ASCII characters in each of ``words`` registers, ended by a zero."""

    address: _Address
    words: _Words = 10
    table: Literal["holding", "input"] = "holding"


class Limit(_Part):
    """The holding register that takes the current limit in A times ``scale``, and the limit while energy may flow."""

    address: _Address
    ampere: PositiveFloat = 16.0
    scale: PositiveFloat = 1.0


class ConnectorMap(_Part):
    """The registers of one connector. ``lock`` and ``enable`` are coils."""

    state: State
    energy: Number
    power: Number | None = None
    id_tag: TextRegisters
    current_limit: Limit | None = None
    lock: _Address | None = None
    enable: _Address


class ModbusOptions(_Part):
    """Where the controller is: ``host`` and ``tcp_port``, or a serial ``device`` for RTU; and its register map."""

    host: str = ""
    tcp_port: int = Field(default=502, ge=1, le=_LARGEST)
    device: str = ""
    baud_rate: PositiveInt = 9600
    parity: Literal["N", "E", "O"] = "E"
    device_id: int = Field(default=1, ge=0, le=255)
    timeout: PositiveFloat = 1.0
    connectors: dict[int, ConnectorMap]


class ModbusError(Exception):
    """The controller did not answer, or with an exception."""


class ModbusHardware:
    """The controller of a charge box on a Modbus."""

    def __init__(self, options: ModbusOptions) -> None:
        self._options = options
        if options.device:
            self._client: Any = ModbusSerialClient(
                options.device, baudrate=options.baud_rate, parity=options.parity, timeout=options.timeout
            )
        else:
            self._client = ModbusTcpClient(options.host, port=options.tcp_port, timeout=options.timeout, retries=1)

    def answers(self) -> bool:
        """Tell whether the state of the first connector can be read."""
        first = next(iter(self._options.connectors.values()))
        return bool(self._client.connect()) and self._number(first.state) >= 0

    def read(self, connector_id: int) -> Readings:
        """The present readings."""
        registers = self._options.connectors[connector_id]
        state = int(self._number(registers.state))
        return Readings(
            plugged=state in registers.state.plugged,
            charging=state in registers.state.charging,
            energy=self._number(registers.energy),
            power=self._number(registers.power) if registers.power else 0.0,
            id_tag=self._text(registers.id_tag),
            error_code=registers.state.errors.get(state, ChargePointErrorCode.NO_ERROR),
        )

    def write(self, connector_id: int, outputs: Outputs) -> None:
        """Set the current limit and the lock, then whether energy may flow."""
        registers = self._options.connectors[connector_id]
        if registers.current_limit is not None:
            limit = registers.current_limit
            value = round(limit.ampere * limit.scale) if outputs.enabled else 0
            self._ask(self._client.write_register, limit.address, value)
        if registers.lock is not None:
            self._ask(self._client.write_coil, registers.lock, outputs.locked)
        self._ask(self._client.write_coil, registers.enable, outputs.enabled)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _number(self, place: Number) -> float:
        value = 0
        for word in self._registers(place.table, place.address, place.words):
            value = value << 16 | word
        return value * place.scale

    def _text(self, place: TextRegisters) -> str:
        words = self._registers(place.table, place.address, place.words)
        characters = b"".join(word.to_bytes(2, "big") for word in words)
        return characters.partition(b"\0")[0].decode("ascii", "replace").strip()

    def _registers(self, table: str, address: int, count: int) -> list[int]:
        read = self._client.read_holding_registers if table == "holding" else self._client.read_input_registers
        registers: list[int] = self._ask(read, address, count=count).registers
        if len(registers) != count:  # another number of words is another number
            raise ModbusError(f"{read.__name__}({address}): {len(registers)} registers came, expected {count}")
        return registers

    def _ask(self, operation: Any, *arguments: Any, **more: Any) -> Any:
        answer = operation(*arguments, device_id=self._options.device_id, **more)
        if answer.isError():
            raise ModbusError(f"{operation.__name__}{arguments}: {answer}")
        return answer
