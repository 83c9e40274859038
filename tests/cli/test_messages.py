"""``ocpp-soap messages``: the journal and the kept envelopes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.collections import KEPT
from ocpp_soap.dispatch import Exchanged, MessageWarning
from ocpp_soap.messages import Version

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
ENVELOPE = b"<Envelope><Body><startTransactionRequest>broken</startTransactionRequest></Body></Envelope>"


@pytest.fixture
def exchanged(cli: Any) -> Callable[..., None]:
    """Lets the journal hear of a message of CP001 and its answer; the journal is complete when the store is closed."""

    def tell(action: str, outcome: str = "ok", **more: Any) -> None:
        with CentralSystem.open(config.load(cli.config_file, {})) as system:
            message = Exchanged(
                received_at=NOON,
                seconds=0.012,
                status=200 if outcome == "ok" else 500,
                outcome=outcome,
                action=action,
                version=Version.V15,
                **{"request": ENVELOPE, "charge_box_identity": "CP001", **more},
            )
            system.observe(message)

    return tell


def test_messages_are_listed_with_outcome_and_warnings(cli: Any, exchanged: Any) -> None:
    exchanged("StatusNotification", warnings=[MessageWarning("unknown_choice", "status", "Charging")])
    (entry,) = cli.json("messages", "list")
    assert entry["action"] == "StatusNotification"
    assert entry["direction"] == "in"
    assert entry["at"] == "2026-01-31T12:00:00Z"
    assert "unknown_choice" in cli("messages", "list").stdout


def test_filters_narrow_the_list(cli: Any, exchanged: Any) -> None:
    exchanged("StatusNotification")
    exchanged("Authorize", "ProtocolError")

    def found(*filters: str) -> list[str]:
        return [entry["action"] for entry in cli.json("messages", "list", *filters)]

    assert found("--outcome", "ProtocolError") == ["Authorize"]
    assert found("--action", "StatusNotification") == ["StatusNotification"]
    assert found("--station", "CP002") == []
    assert found("--since", "2026-02-01T00:00:00Z") == []
    assert len(found("--until", "2026-02-01T00:00:00Z")) == 2


def test_one_message_can_be_shown(cli: Any, exchanged: Any) -> None:
    exchanged("StatusNotification")
    (entry,) = cli.json("messages", "list")
    assert cli.json("messages", "show", entry["id"])["action"] == "StatusNotification"


def test_a_start_that_got_a_fault_is_kept_with_its_bytes(cli: Any, exchanged: Any) -> None:
    exchanged("StartTransaction", "ProtocolError")
    (envelope,) = cli.json("messages", "kept")
    assert envelope["state"] == "kept"
    assert cli.json("messages", "show", envelope["id"])["request"] == ENVELOPE.decode()


START = """<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns="urn://Ocpp/Cs/2012/06/">
<e:Header><chargeBoxIdentity>CP001</chargeBoxIdentity></e:Header>
<e:Body><startTransactionRequest><connectorId>1</connectorId><idTag>TAG1</idTag>
<timestamp>2026-01-31T11:00:00Z</timestamp><meterStart>0</meterStart></startTransactionRequest></e:Body></e:Envelope>"""


def test_a_kept_start_can_be_replayed_when_the_cause_is_mended(cli: Any, exchanged: Any) -> None:
    cli("stations", "allow", "CP001")
    exchanged("StartTransaction", "InternalError", request=START.encode())
    (outcome,) = cli.json("messages", "replay", "--all")
    assert outcome["outcome"] == "ok"
    (transaction,) = cli.json("transactions", "list")
    assert transaction["start_time"] == "2026-01-31T11:00:00Z"
    assert transaction["start_received_at"] == "2026-01-31T12:00:00Z"
    assert [envelope["state"] for envelope in cli.json("messages", "kept")] == ["replayed"]
    assert cli.json("messages", "replay", "--all") == []


def test_what_did_not_prove_its_station_is_replayed_only_if_it_is_named(cli: Any, exchanged: Any) -> None:
    cli("stations", "allow", "CP001")
    cli("stations", "require", "CP001", "--network", "10.0.0.0/8")
    exchanged("StartTransaction", "SecurityError", request=START.encode(), peer="127.0.0.1")
    exchanged("StartTransaction", "InternalError", request=START.encode().replace(b">0<", b">7<"), peer="10.0.0.1")
    assert "missing" in cli("messages", "kept").stdout
    everything = cli("messages", "replay", "--all")
    assert everything.exit_code == 0
    assert "Passed over: 1," in everything.stderr
    assert [transaction["meter_start"] for transaction in cli.json("transactions", "list")] == [7]
    (unproven,) = cli.json("messages", "kept", "--state", "kept")
    assert unproven["is_unproven"]
    (outcome,) = cli.json("messages", "replay", unproven["id"])
    assert outcome["outcome"] == "ok"
    assert len(cli.json("transactions", "list")) == 2


def test_what_was_not_read_far_enough_to_tell_its_station_proves_nothing(cli: Any, exchanged: Any) -> None:
    exchanged("", "ProtocolError", request=START.encode(), charge_box_identity="")
    cli("stations", "allow", "CP001")
    cli("stations", "require", "CP001", "--network", "10.0.0.0/8")
    everything = cli("messages", "replay", "--all")
    assert everything.exit_code == 1
    assert "SecurityError" in everything.stdout
    assert cli.json("transactions", "list") == []
    (kept,) = cli.json("messages", "kept", "--state", "kept")
    (outcome,) = cli.json("messages", "replay", kept["id"])
    assert outcome["outcome"] == "ok"
    assert len(cli.json("transactions", "list")) == 1


def test_what_was_not_read_far_enough_is_believed_where_nothing_is_to_be_proved(cli: Any, exchanged: Any) -> None:
    exchanged("", "ProtocolError", request=START.encode(), charge_box_identity="")
    (outcome,) = cli.json("messages", "replay", "--all")
    assert (outcome["outcome"], outcome["station"]) == ("ok", "CP001")


def test_what_is_still_not_understood_stays_kept(cli: Any, exchanged: Any) -> None:
    exchanged("StartTransaction", "ProtocolError")
    result = cli("messages", "replay", "--all")
    assert result.exit_code == 1
    assert "ProtocolError" in result.stdout
    assert [envelope["state"] for envelope in cli.json("messages", "kept")] == ["kept"]


def test_a_value_in_a_shape_that_is_not_known_is_kept_with_its_envelope(cli: Any, exchanged: Any) -> None:
    odd = START.replace("<meterStart>", "<meterValues><value>78</value></meterValues><meterStart>").encode()
    exchanged("StartTransaction", warnings=[MessageWarning("unread_value", "meterValues", "78")], request=odd)
    exchanged("StatusNotification", warnings=[MessageWarning("unread_value", "meterValues", "78")])
    exchanged("StartTransaction", warnings=[MessageWarning("unknown_element", "extra")])
    (envelope,) = cli.json("messages", "kept")
    assert (envelope["action"], envelope["outcome"]) == ("StartTransaction", "unread_value")
    assert cli("messages", "replay", "--all").exit_code == 1
    assert [envelope["state"] for envelope in cli.json("messages", "kept")] == ["kept"]


@pytest.mark.parametrize("charset", ["x-user-defined", "utf-16", "", "nothing"])
def test_a_kept_envelope_is_shown_as_text_whatever_http_called_it(cli: Any, exchanged: Any, charset: str) -> None:
    exchanged("StartTransaction", "ProtocolError", charset=charset)
    exchanged("StopTransaction", "ProtocolError", charset=charset, request=ENVELOPE.decode().encode("utf-16"))
    shown = [cli.json("messages", "show", envelope["id"]) for envelope in cli.json("messages", "kept")]
    assert [envelope["request"] for envelope in shown] == [ENVELOPE.decode()] * 2


def test_what_a_version_before_kept_of_a_refused_sender_is_replayed_only_by_name(cli: Any, exchanged: Any) -> None:
    exchanged("StartTransaction", "SecurityError", request=START.encode())
    exchanged("StopTransaction", "ProtocolError")
    with CentralSystem.open(config.load(cli.config_file, {})) as system:
        for envelope in system.kept.list().items:
            stored = system.store.get(KEPT, envelope.id)
            assert stored is not None
            before = {name: value for name, value in stored.document.items() if name != "is_unproven"}
            system.store.put(KEPT, {envelope.id: before})
    assert [row["is_unproven"] for row in cli.json("messages", "kept")] == [True, False]
    replayed = json.loads(cli("messages", "replay", "--all", "--json").stdout)
    assert [row["action"] for row in replayed] == ["StopTransaction"]


def test_kept_envelopes_can_be_removed(cli: Any, exchanged: Any) -> None:
    cli("stations", "allow", "CP001")
    exchanged("StartTransaction", "InternalError", request=START.encode())
    exchanged("StopTransaction", "ProtocolError")
    cli("messages", "replay", "--all")
    assert len(cli.json("messages", "remove", "--replayed")) == 1
    (left,) = cli.json("messages", "kept")
    assert left["action"] == "StopTransaction"
    assert cli("messages", "remove", left["id"]).stdout == "Removed: 1.\n"
    assert cli.json("messages", "kept") == []
    assert cli("messages", "remove", left["id"]).exit_code == 4
    assert cli("messages", "remove").exit_code == 2


def test_replay_wants_messages_or_all(cli: Any) -> None:
    assert cli("messages", "replay").exit_code == 2


def test_an_unknown_message_ends_with_4(cli: Any) -> None:
    assert cli("messages", "show", "nothing").exit_code == 4
