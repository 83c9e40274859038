"""Look-ups of a moment ago: how stale they may be."""

from __future__ import annotations

import time

import pytest

from ocpp_soap.central_system import Tag, recent
from ocpp_soap.central_system.recent import STALENESS, Recent
from ocpp_soap.errors import SecurityError
from ocpp_soap.messages import AuthorizeRequest, HeartbeatRequest


def test_what_was_read_is_not_read_again_until_it_is_stale():
    readings = []
    look_up = Recent(readings.append, seconds=0.05)
    for _ in range(3):
        assert look_up.get("A") is None
    assert readings == ["A"]
    time.sleep(0.06)
    look_up.get("A")
    assert readings == ["A", "A"]


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(recent, "MOST_ENTRIES", 10)
    look_up = Recent(str.lower)
    for number in range(100):
        look_up.get(str(number))
    assert len(look_up._entries) <= 10


def test_a_change_counts_at_once_in_its_own_process(make_central_system, send):
    system = make_central_system()
    system.tags.add(Tag(id_tag="A"))
    assert send(AuthorizeRequest(id_tag="A"), to=system).id_tag_info.status == "Accepted"
    system.tags.block("A")
    assert send(AuthorizeRequest(id_tag="A"), to=system).id_tag_info.status == "Blocked"
    system.tags.remove("A")
    assert send(AuthorizeRequest(id_tag="A"), to=system).id_tag_info.status == "Invalid"
    system.stations.block("CP001")
    with pytest.raises(SecurityError):
        send(HeartbeatRequest(), to=system)


def test_a_change_of_another_process_counts_within_the_bound(make_central_system, send):
    serving, operator = make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept"), make_central_system()
    assert send(AuthorizeRequest(id_tag="A"), to=serving).id_tag_info.status == "Accepted"
    operator.tags.add(Tag(id_tag="A", status="Blocked"))
    operator.stations.set_heartbeat_interval("CP001", 60)
    time.sleep(STALENESS)
    assert send(AuthorizeRequest(id_tag="A"), to=serving).id_tag_info.status == "Blocked"
    assert serving.stations.recall("CP001").heartbeat_interval == 60


def test_what_is_called_is_never_stale(make_central_system, send):
    serving, operator = make_central_system(), make_central_system()
    send(HeartbeatRequest(), to=serving)
    operator.stations.set_url("CP001", "http://192.0.2.1/")
    assert serving.stations.get("CP001").callback_url == "http://192.0.2.1/"
