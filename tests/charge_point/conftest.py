"""Stations for the tests of this folder."""

from running_box import run
from station_fixtures import (
    call,
    central_system,
    events,
    handlers,
    later,
    make_station,
    noon,
    schedule,
    sink,
    station,
)

__all__ = [
    "call",
    "central_system",
    "events",
    "handlers",
    "later",
    "make_station",
    "noon",
    "run",
    "schedule",
    "sink",
    "station",
]
