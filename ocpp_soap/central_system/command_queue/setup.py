"""The workers of a central system, put together from its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpp_soap.central_system.command_queue.back_off import BackOff
from ocpp_soap.central_system.command_queue.delivery import Delivery
from ocpp_soap.central_system.command_queue.lines import MARGIN
from ocpp_soap.central_system.command_queue.queue import CommandQueue
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.command_queue.wake_up import WakeUp
from ocpp_soap.central_system.command_queue.workers import Workers
from ocpp_soap.central_system.commands import Commands
from ocpp_soap.central_system.stations import Stations
from ocpp_soap.dispatch import load_hook

if TYPE_CHECKING:
    from ocpp_soap.config import Settings


def make_workers(
    queue: CommandQueue, commands: Commands, stations: Stations, settings: Settings, *, margin: float = MARGIN
) -> Workers:
    """Workers that deliver the commands of ``queue`` by calling the stations; ``margin`` as in :mod:`.lines`.

    Raises HandlerError if a hook's file cannot be used.
    """

    def timeout_of(command: Command) -> float:
        station = stations.get(command.charge_box_identity)
        profile = (station.profile if station else None) or {}
        return float(command.timeout or profile.get("timeout") or settings.calls.timeout)

    def send(charge_box_identity: str, request: Any, timeout: float, message_id: str) -> Any:
        return commands.call(charge_box_identity, request, timeout, message_id=message_id)

    chosen = settings.commands
    wake_up = WakeUp(
        stations,
        url=chosen.wake_up_url,
        hook=load_hook("wake_up", settings.handlers.paths),
        interval=chosen.wake_up_interval,
    )
    back_off = BackOff(chosen.first_retry, chosen.longest_retry)
    delivery = Delivery(queue, send, back_off=back_off, timeout_of=timeout_of, wake_up=wake_up, margin=margin)
    workers = Workers(queue, delivery, threads=chosen.workers, poll_interval=chosen.poll_interval, lease=margin)
    queue.on_due = workers.kick
    return workers
