"""The charge point: a station with its state, its queue to the central system, and a simulator of many of them."""

from ocpp_soap.charge_point.call import ChargePointCall
from ocpp_soap.charge_point.options import StationOptions
from ocpp_soap.charge_point.scheduler import Scheduler, SteppedScheduler
from ocpp_soap.charge_point.sender import central_system_sender
from ocpp_soap.charge_point.station import Station

__all__ = [
    "ChargePointCall",
    "Scheduler",
    "Station",
    "StationOptions",
    "SteppedScheduler",
    "central_system_sender",
]
