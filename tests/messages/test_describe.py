"""What a message says of its own fields."""

from __future__ import annotations

import pytest

from ocpp_soap.messages import (
    ACTIONS,
    BootNotificationRequest,
    BootNotificationResponse,
    ChargePointStatus,
    Choice,
    GetConfigurationRequest,
    IdTagInfo,
    Kind,
    MeterValue,
    Role,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
    Version,
    actions,
    describe,
    fields_in,
    find_action,
)
from ocpp_soap.messages.fields import FieldInfo


def the_field(record: type, name: str) -> FieldInfo:
    return next(info for info in describe(record) if info.name == name)


def test_the_roles_answer_19_and_24_actions_in_the_two_versions() -> None:
    counts = {(role, version): len(actions(role, version)) for role in Role for version in Version}
    assert counts == {
        (Role.CENTRAL_SYSTEM, Version.V12): 9,
        (Role.CENTRAL_SYSTEM, Version.V15): 10,
        (Role.CHARGE_POINT, Version.V12): 9,
        (Role.CHARGE_POINT, Version.V15): 15,
    }


def test_data_transfer_is_answered_by_both_roles_with_the_same_messages() -> None:
    here, there = (find_action(role, "DataTransfer") for role in Role)
    assert here is not None
    assert there is not None
    assert (here.request, here.response) == (there.request, there.response)


def test_an_action_of_the_other_role_is_not_found() -> None:
    assert find_action(Role.CENTRAL_SYSTEM, "Reset") is None


def test_the_file_name_of_an_action_is_its_name_in_snake_case() -> None:
    assert {action.snake_name for action in ACTIONS} >= {"start_transaction", "get_local_list_version", "reset"}


def test_fields_are_named_in_the_spelling_of_the_wire() -> None:
    assert [info.wire_name for info in describe(StartTransactionRequest)] == [
        "connectorId", "idTag", "timestamp", "meterStart", "reservationId",
    ]  # fmt: skip


def test_a_field_of_1_5_is_absent_from_1_2() -> None:
    assert "transaction_data" not in [info.name for info in fields_in(StopTransactionRequest, Version.V12)]
    assert "transaction_data" in [info.name for info in fields_in(StopTransactionRequest, Version.V15)]


@pytest.mark.parametrize(("version", "required"), [(Version.V12, False), (Version.V15, True)])
def test_the_time_in_a_boot_answer_is_mandatory_from_1_5_on(version: Version, required: bool) -> None:
    assert the_field(BootNotificationResponse, "current_time").required_in(version) is required


@pytest.mark.parametrize(("version", "limit"), [(Version.V12, 20), (Version.V15, 50)])
def test_a_firmware_version_may_be_longer_in_1_5(version: Version, limit: int) -> None:
    assert the_field(BootNotificationRequest, "firmware_version").limit_in(version) == limit


@pytest.mark.parametrize(("version", "limit"), [(Version.V12, 15), (Version.V15, 20)])
def test_an_id_tag_may_be_longer_in_1_5(version: Version, limit: int) -> None:
    assert the_field(StartTransactionRequest, "id_tag").limit_in(version) == limit


def test_a_list_is_never_required_but_a_single_value_is() -> None:
    assert not the_field(GetConfigurationRequest, "key").required_in(Version.V15)
    assert the_field(MeterValue, "timestamp").required_in(Version.V15)


def test_the_kind_of_a_field_comes_from_its_annotation() -> None:
    kinds = {info.name: info.kind for info in describe(StartTransactionRequest)}
    assert kinds == {
        "connector_id": Kind.INTEGER,
        "id_tag": Kind.STRING,
        "timestamp": Kind.TIME,
        "meter_start": Kind.INTEGER,
        "reservation_id": Kind.INTEGER,
    }
    assert the_field(IdTagInfo, "status").kind is Kind.CHOICE
    assert the_field(StopTransactionRequest, "transaction_data").kind is Kind.RECORD


def test_a_sampled_value_is_one_text_with_five_attributes_that_1_2_lacks() -> None:
    content, *attributes = describe(SampledValue)
    assert content.content
    assert all(info.attribute and info.optional for info in attributes)
    assert [info.name for info in attributes] == ["context", "format", "measurand", "location", "unit"]
    assert fields_in(SampledValue, Version.V12) == (content,)


def test_a_choice_is_its_text_and_knows_since_when_it_exists() -> None:
    assert "Reserved" in [ChargePointStatus.RESERVED]
    assert str(ChargePointStatus.RESERVED) == "Reserved"
    assert ChargePointStatus("Reserved").since is Version.V15
    assert ChargePointStatus.AVAILABLE.since is Version.V12


def test_every_public_class_says_what_it_is() -> None:
    classes = {a.request for a in ACTIONS} | {a.response for a in ACTIONS} | set(Choice.__subclasses__())
    undocumented = [c.__name__ for c in classes if not c.__doc__ or c.__doc__.startswith(f"{c.__name__}(")]
    assert undocumented == []
