"""The stations of ``tests/charge_point``, for the handlers that act on them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_file = Path(__file__).parents[2] / "charge_point" / "conftest.py"
_spec = importlib.util.spec_from_file_location("charge_point_fixtures", _file)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)

noon = _fixtures.noon
schedule = _fixtures.schedule
central_system = _fixtures.central_system
events = _fixtures.events
make_station = _fixtures.make_station
station = _fixtures.station
handlers = _fixtures.handlers
call = _fixtures.call
later = _fixtures.later
