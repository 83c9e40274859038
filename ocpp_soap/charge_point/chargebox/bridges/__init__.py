"""The hardware side of a charge box, pluggable.

``store``: none; something else writes the documents. ``mock``: hardware that exists only here. ``modbus``: a controller
behind Modbus TCP or RTU. Anything else: the name of an entry point in the group ``ocpp_soap.bridges``, or the path of a
Python file, whose ``bridge(options, exchange)`` returns a :class:`Bridge`.
"""

from ocpp_soap.charge_point.chargebox.bridges.base import Bridge, StoreBridge
from ocpp_soap.charge_point.chargebox.bridges.controller import Controller, Hardware, Outputs, Readings
from ocpp_soap.charge_point.chargebox.bridges.loading import load_bridge

__all__ = ["Bridge", "Controller", "Hardware", "Outputs", "Readings", "StoreBridge", "load_bridge"]
