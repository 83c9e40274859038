"""The charge box: a daemon between a controller and a central system, with a store between the two."""

from ocpp_soap.charge_point.chargebox.daemon import ChargeBox
from ocpp_soap.charge_point.chargebox.exchange import Exchange
from ocpp_soap.charge_point.chargebox.settings import ChargeBoxSettings, load_chargebox_settings

__all__ = ["ChargeBox", "ChargeBoxSettings", "Exchange", "load_chargebox_settings"]
