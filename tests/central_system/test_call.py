"""What a handler gets."""

from __future__ import annotations

from dataclasses import fields

from ocpp_soap.central_system.call import CentralSystemCall
from ocpp_soap.central_system.stations import Station
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import HeartbeatRequest


def test_a_handler_gets_all_that_the_call_says(central_system, make_call):
    call = make_call(
        HeartbeatRequest(),
        message_id="m1",
        callback_url="http://192.0.2.1/",
        peer="192.0.2.2",
        client_subject="CN=CP001",
        username="CP001",
        password="secret",
    )
    station = Station(charge_box_identity="CP001")
    handed = CentralSystemCall.of(call, central_system, station)
    said = [field.name for field in fields(Call)]
    assert [getattr(handed, name) for name in said] == [getattr(call, name) for name in said]
    assert (handed.central_system, handed.station) == (central_system, station)
    assert handed.warnings is call.warnings
