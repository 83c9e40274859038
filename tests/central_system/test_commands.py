"""Calls to stations, as far as the central system decides before it sends."""

from __future__ import annotations

import pytest

from ocpp_soap.errors import InvalidMessage, NoAddress, NotSupportedInVersion
from ocpp_soap.messages import ClearCacheRequest, GetConfigurationRequest, HeartbeatRequest, Version


def test_a_station_that_is_not_known_cannot_be_called(central_system):
    with pytest.raises(NoAddress, match="CP404: no such station"):
        central_system.commands.call("CP404", ClearCacheRequest())


def test_a_station_without_address_is_named_with_what_to_do(central_system, send):
    send(HeartbeatRequest())
    with pytest.raises(NoAddress, match=r"CP001.*set-url CP001"):
        central_system.commands.call("CP001", ClearCacheRequest())


def test_an_action_that_the_stations_version_lacks_is_not_sent(central_system, send):
    send(HeartbeatRequest(), version=Version.V12, callback_url="http://127.0.0.1:9/")
    with pytest.raises(
        NotSupportedInVersion, match=r"GetConfiguration does not exist in OCPP 1\.2, which CP001 speaks"
    ):
        central_system.commands.call("CP001", GetConfigurationRequest())


def test_a_request_of_a_station_is_no_command(central_system, send):
    send(HeartbeatRequest())
    with pytest.raises(InvalidMessage, match="HeartbeatRequest"):
        central_system.commands.call("CP001", HeartbeatRequest())
