"""Requests as plain documents, and back."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ocpp_soap.central_system.command_queue.payloads import payload_of, request_of, response_of
from ocpp_soap.errors import InvalidMessage
from ocpp_soap.messages import (
    AuthorisationData,
    AuthorizationStatus,
    IdTagInfo,
    ReserveNowRequest,
    ResetRequest,
    ResetType,
    SendLocalListRequest,
    UpdateType,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
LIST = SendLocalListRequest(
    update_type=UpdateType.FULL,
    list_version=3,
    local_authorisation_list=[
        AuthorisationData(id_tag="TAG", id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED, expiry_date=NOON)),
        AuthorisationData(id_tag="GONE"),
    ],
)
RESERVE = ReserveNowRequest(connector_id=1, expiry_date=NOON, id_tag="TAG", reservation_id=7)


@pytest.mark.parametrize(
    ("action", "request_"),
    [("Reset", ResetRequest(type=ResetType.HARD)), ("SendLocalList", LIST), ("ReserveNow", RESERVE)],
)
def test_a_request_survives_as_a_document(action: str, request_: Any) -> None:
    assert request_of(action, payload_of(request_)) == request_


def test_names_may_be_those_of_the_wire_and_times_texts() -> None:
    payload = {
        "connectorId": 1,
        "expiryDate": "2026-01-31T12:00:00.0Z",
        "idTag": "TAG",
        "parentIdTag": None,
        "reservationId": 7,
    }
    assert request_of("ReserveNow", payload) == RESERVE


@pytest.mark.parametrize(
    ("action", "payload", "named"),
    [
        ("Explode", {}, "Explode"),
        ("Reset", {}, "type"),
        ("Reset", {"type": "Gentle"}, "Gentle"),
        ("Reset", {"type": "Soft", "hard": True}, "hard"),
        ("UnlockConnector", {"connector_id": "1"}, "connector_id"),
        ("UnlockConnector", {"connector_id": True}, "connector_id"),
        ("UnlockConnector", {"connector_id": 2**40}, "connectorId"),
        ("ChangeConfiguration", {"key": "k" * 51, "value": "1"}, "key"),
        ("ReserveNow", {**payload_of(RESERVE), "expiry_date": "2026-01-31T12:00:00"}, "expiry_date"),
        ("ReserveNow", {**payload_of(RESERVE), "expiry_date": "soon"}, "expiry_date"),
        ("SendLocalList", {"update_type": "Full", "list_version": 1, "local_authorisation_list": "TAG"}, "list"),
        ("SendLocalList", {"update_type": "Full", "list_version": 1, "local_authorisation_list": [5]}, "5"),
    ],
)
def test_a_payload_that_is_wrong_is_refused_by_its_name(action: str, payload: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidMessage, match=named):
        request_of(action, payload)


def test_an_answer_keeps_values_that_no_specification_knows() -> None:
    assert response_of("Reset", {"status": "Maybe"}).status == "Maybe"
    answer = {"configuration_key": [{"key": "K", "readonly": True}]}
    (key,) = response_of("GetConfiguration", answer).configuration_key
    assert (key.key, key.readonly, key.value) == ("K", True, None)
