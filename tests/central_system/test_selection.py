"""Stations chosen by what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.selection import read_conditions, select_stations
from ocpp_soap.messages import BootNotificationRequest


@pytest.fixture
def system(make_central_system: Callable[..., CentralSystem], make_call: Any) -> CentralSystem:
    made = make_central_system()
    for identity, vendor, model in (("B1", "Acme", "One"), ("B2", "Acme", "Two"), ("H1", "Other", "One")):
        boot = BootNotificationRequest(charge_point_vendor=vendor, charge_point_model=model)
        made.receive(make_call(boot, identity))
    made.stations.block("B2")
    made.stations.allow("NEW")
    made.labels.add("beta", ["H1", "B1", "GONE"])
    made.labels.add("berlin", ["B1", "B2", "NEW"])
    return made


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([], ["B1", "H1", "NEW"]),
        (["vendor=Acme"], ["B1"]),
        (["vendor=Acme", "registration=*"], ["B1", "B2"]),
        (["registration=blocked"], ["B2"]),
        (["id=B*", "registration=*"], ["B1", "B2"]),
        (["model=One", "vendor=O*"], ["H1"]),
        (["version=1.5"], ["B1", "H1"]),
        (["label=beta"], ["B1", "H1"]),
        (["label=beta", "vendor=Acme"], ["B1"]),
        (["label=none"], []),
        (["label=beta", "label=berlin"], ["B1"]),
        (["label=berlin", "label=beta"], ["B1"]),
        (["label=berlin", "label=beta", "label=none"], []),
        (["id=B*", "id=*1"], ["B1"]),
        (["vendor=Acme", "vendor=Other"], []),
        (["registration=accepted", "registration=*"], ["B1", "H1", "NEW"]),
    ],
)
def test_all_conditions_are_to_be_met(system: CentralSystem, conditions: list[str], found: list[str]) -> None:
    chosen = select_stations(system.stations, system.labels, read_conditions(conditions))
    assert [station.charge_box_identity for station in chosen] == found


@pytest.mark.parametrize("identity", ["CP[1]", "CP?", "CP[!2]", "CP]"])
def test_everything_but_a_star_stands_for_itself(system: CentralSystem, identity: str) -> None:
    for known in ("CP1", identity):
        system.stations.allow(known)
    for wanted in (f"id={identity}", f"id=*{identity}"):
        chosen = select_stations(system.stations, system.labels, read_conditions([wanted]))
        assert [station.charge_box_identity for station in chosen] == [identity]


@pytest.mark.parametrize("condition", ["vendor", "colour=red", "=Acme"])
def test_a_condition_that_is_none_is_said(condition: str) -> None:
    with pytest.raises(ValueError, match="expected FIELD=VALUE with one of id, vendor"):
        read_conditions([condition])


def test_labels_are_given_and_taken(system: CentralSystem) -> None:
    assert system.labels.of("B1") == ["berlin", "beta"]
    assert system.labels.remove("beta", ["B1", "NEW", "B1"]) == 1
    assert list(system.labels.stations("beta")) == ["GONE", "H1"]
    with pytest.raises(ValueError, match="is no label"):
        system.labels.add("a b", ["B1"])
