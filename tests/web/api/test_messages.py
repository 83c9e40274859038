"""The journal of messages, and what got a fault although energy flowed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.access import Requirements
from ocpp_soap.dispatch import Exchanged
from ocpp_soap.messages import Version

START = """<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns="urn://Ocpp/Cs/2012/06/">
<e:Header><chargeBoxIdentity>CP001</chargeBoxIdentity></e:Header>
<e:Body><startTransactionRequest><connectorId>1</connectorId><idTag>TAG1</idTag>
<timestamp>2026-01-05T11:00:00Z</timestamp><meterStart>0</meterStart></startTransactionRequest></e:Body></e:Envelope>"""


@pytest.fixture
def refused(system: CentralSystem, noon: datetime) -> Any:
    """Lets the journal hear that a StartTransaction of CP001 got InternalError."""
    system.stations.allow("CP001")

    def tell(request: str = START, charset: str = "") -> None:
        system.observe(
            Exchanged(
                received_at=noon,
                seconds=0.01,
                peer="192.0.2.7",
                status=500,
                outcome="InternalError",
                charge_box_identity="CP001",
                action="StartTransaction",
                version=Version.V15,
                request=request.encode(),
                charset=charset,
            )
        )

    return tell


def test_a_start_that_got_a_fault_is_listed_with_its_envelope(api: Any, refused: Any) -> None:
    refused()
    (kept,) = api.items("/kept-messages?state=kept")
    assert (kept["action"], kept["outcome"], kept["state"]) == ("StartTransaction", "InternalError", "kept")
    assert not kept["is_unproven"]
    assert api.get(f"/kept-messages/{kept['id']}").json["request"] == START


def test_a_start_that_did_not_prove_its_station_is_listed_as_such(
    api: Any, refused: Any, system: CentralSystem
) -> None:
    system.stations.allow("CP001")
    system.access.require("CP001", Requirements(networks=["10.0.0.0/8"]))
    refused()
    (kept,) = api.items("/kept-messages")
    assert kept["is_unproven"]


def test_it_can_be_replayed_when_the_cause_is_mended(api: Any, refused: Any) -> None:
    refused()
    (kept,) = api.items("/kept-messages")
    assert api.as_("read").post(f"/kept-messages/{kept['id']}/replay").status_code == 403
    replayed = api.as_("operate").post(f"/kept-messages/{kept['id']}/replay").json
    assert (replayed["is_understood"], replayed["outcome"], replayed["message"]["state"]) == (True, "ok", "replayed")
    (transaction,) = api.items("/transactions")
    assert transaction["start_received_at"] == "2026-01-05T12:00:00Z"
    assert api.items("/kept-messages?state=kept") == []


def test_what_is_still_not_understood_stays_kept(api: Any, refused: Any) -> None:
    refused(START.replace("connectorId>1<", "connectorId>one<"))
    (kept,) = api.items("/kept-messages")
    replayed = api.post(f"/kept-messages/{kept['id']}/replay").json
    assert (replayed["is_understood"], replayed["message"]["state"]) == (False, "kept")
    assert replayed["outcome"] not in ("ok", "InternalError")


def test_a_kept_message_can_be_removed(api: Any, refused: Any) -> None:
    refused()
    (kept,) = api.items("/kept-messages")
    assert api.as_("read").delete(f"/kept-messages/{kept['id']}").status_code == 403
    assert api.as_("operate").delete(f"/kept-messages/{kept['id']}").status_code == 204
    assert api.items("/kept-messages") == []


def test_a_kept_message_in_an_unknown_charset_is_shown_as_text(api: Any, refused: Any) -> None:
    refused(charset="x-user-defined")
    (kept,) = api.items("/kept-messages")
    assert api.get(f"/kept-messages/{kept['id']}").json["request"] == START


def test_a_kept_message_that_is_not_there_is_a_problem(api: Any) -> None:
    assert api.get("/kept-messages/nothing").status_code == 404
    assert api.post("/kept-messages/nothing/replay").status_code == 404
    assert api.delete("/kept-messages/nothing").status_code == 404
