"""The central system: the rules that its handlers share, over any store.

``CentralSystem.open(settings)`` makes one, ``receive(call)`` answers a charge point, ``commands.call(…)`` calls one.
"""

from ocpp_soap.central_system.call import CentralSystemCall
from ocpp_soap.central_system.stations import Station
from ocpp_soap.central_system.system import CentralSystem
from ocpp_soap.central_system.tags import Tag
from ocpp_soap.central_system.transactions import Transaction

__all__ = ["CentralSystem", "CentralSystemCall", "Station", "Tag", "Transaction"]
