"""The steps that a scenario file can hold, by name."""

from __future__ import annotations

from ocpp_soap.charge_point.scenario.deeds import (
    Boot,
    Charge,
    Fault,
    Offline,
    Online,
    Plug,
    Reboot,
    Stop,
    Tag,
    Unplug,
    Wait,
)
from ocpp_soap.charge_point.scenario.expectations import Answer, Check, DataTransfer, Expect, ExpectCall, ExpectNone
from ocpp_soap.charge_point.scenario.step import Step

STEPS: dict[str, type[Step]] = {
    "boot": Boot,
    "plug": Plug,
    "unplug": Unplug,
    "tag": Tag,
    "charge": Charge,
    "stop": Stop,
    "fault": Fault,
    "wait": Wait,
    "offline": Offline,
    "online": Online,
    "reboot": Reboot,
    "data_transfer": DataTransfer,
    "expect": Expect,
    "expect_none": ExpectNone,
    "expect_call": ExpectCall,
    "answer": Answer,
    "check": Check,
}
