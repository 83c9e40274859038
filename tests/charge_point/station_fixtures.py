"""Stations on a clock that only the test moves, and a central system that answers as the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sink import Sink

from ocpp_soap.charge_point import ChargePointCall, Station, StationOptions, SteppedScheduler
from ocpp_soap.dispatch import Handlers, load_handlers
from ocpp_soap.errors import Fault, Refused, Unreachable
from ocpp_soap.messages import (
    ACTIONS,
    AuthorizationStatus,
    AuthorizeResponse,
    BootNotificationResponse,
    HeartbeatResponse,
    IdTagInfo,
    RegistrationStatus,
    Role,
    StartTransactionResponse,
    StopTransactionResponse,
    Version,
    find_action,
)
from ocpp_soap.paths import bundled
from ocpp_soap.soap import wsdl

NOON = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)


class CentralSystemDouble:
    """Records what a station sends; ``answers`` holds, by action, what it says instead of Accepted."""

    def __init__(self, schedule: SteppedScheduler) -> None:
        self.schedule = schedule
        self.requests: list[Any] = []
        self.answers: dict[str, Any] = {}
        self.down = False
        self.transaction_id = 100

    def __call__(self, request: Any) -> Any:
        if self.down:
            raise Unreachable("the network is down")
        self.requests.append(request)
        name = type(request).__name__.removesuffix("Request")
        answer = self.answers.get(name, self._usual)
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, Fault):
            raise Refused(str(answer), answer)
        return answer

    def names(self) -> list[str]:
        return [type(request).__name__.removesuffix("Request") for request in self.requests]

    def sent(self, name: str) -> list[Any]:
        return [r for r in self.requests if type(r).__name__ == f"{name}Request"]

    def _usual(self, request: Any) -> Any:
        name = type(request).__name__.removesuffix("Request")
        accepted = IdTagInfo(status=AuthorizationStatus.ACCEPTED)
        if name == "BootNotification":
            now = self.schedule.now()
            return BootNotificationResponse(
                status=RegistrationStatus.ACCEPTED, current_time=now, heartbeat_interval=300
            )
        if name == "Heartbeat":
            return HeartbeatResponse(current_time=self.schedule.now())
        if name == "Authorize":
            return AuthorizeResponse(id_tag_info=accepted)
        if name == "StartTransaction":
            self.transaction_id += 1
            return StartTransactionResponse(transaction_id=self.transaction_id, id_tag_info=accepted)
        if name == "StopTransaction":
            return StopTransactionResponse()
        action = find_action(Role.CENTRAL_SYSTEM, name)
        assert action is not None
        return action.response()


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def schedule() -> SteppedScheduler:
    return SteppedScheduler(NOON)


@pytest.fixture
def central_system(schedule: SteppedScheduler) -> CentralSystemDouble:
    return CentralSystemDouble(schedule)


@pytest.fixture
def events() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def make_station(
    schedule: SteppedScheduler, central_system: CentralSystemDouble, events: list[tuple[str, Any]]
) -> Callable[..., Station]:
    """Make a station with the given configuration keys; ``started``: accepted, its first messages forgotten."""

    def make(
        version: Version = Version.V15,
        *,
        started: bool = True,
        connectors: int = 2,
        storage: Any = None,
        options: StationOptions | None = None,
        **configuration: Any,
    ) -> Station:
        values = {key: str(value) for key, value in configuration.items()}
        station = Station(
            "CP001",
            version,
            central_system,
            schedule,
            options or StationOptions(connectors=connectors, configuration=values),
            storage=storage,
            observer=lambda _station, name, subject: events.append((name, subject)),
        )
        if started:
            station.start()
            schedule.run()
            central_system.requests.clear()
        return station

    return make


@pytest.fixture
def station(make_station: Callable[..., Station]) -> Station:
    return make_station()


@pytest.fixture(scope="session")
def handlers() -> Handlers:
    return load_handlers(Role.CHARGE_POINT, [bundled("handlers")])


@pytest.fixture
def call(schedule: SteppedScheduler, handlers: Handlers) -> Callable[[Station, Any], Any]:
    """Let the bundled handler answer a request to a station."""

    def call(station: Station, request: Any, **vendors: Any) -> Any:
        action = next(a for a in ACTIONS if a.receiver is Role.CHARGE_POINT and a.request is type(request))
        with station.lock:
            return handlers.by_action[action.name](
                request,
                ChargePointCall(
                    charge_box_identity=station.charge_box_identity,
                    version=station.version,
                    action=action,
                    request=request,
                    received_at=schedule.now(),
                    station=station,
                    vendors=vendors,
                ),
            )

    return call


@pytest.fixture
def later(schedule: SteppedScheduler) -> Callable[[float], datetime]:
    """The time in so many seconds."""
    return lambda seconds: schedule.now() + timedelta(seconds=seconds)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A central system that is not ours and checks all that it gets."""
    schemas = {str(version): wsdl.schema(Role.CENTRAL_SYSTEM, version) for version in Version}
    sink = Sink(schemas, lambda: datetime.now(timezone.utc).isoformat())
    yield sink
    sink.close()
