from __future__ import annotations

import json

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.api_keys import Role
from ocpp_soap.central_system.collections import API_KEYS

HERE = "127.0.0.1"


def test_a_token_is_its_key(central_system: CentralSystem) -> None:
    key, token = central_system.api_keys.add("grafana", Role.READ, by="cli:root")
    assert central_system.api_keys.authenticate(token, HERE) == key


def test_the_secret_is_stored_nowhere(central_system: CentralSystem) -> None:
    key, token = central_system.api_keys.add("grafana", Role.READ)
    stored = central_system.store.get(API_KEYS, key.key_id)
    assert stored is not None
    assert token.split("_", 2)[2] not in json.dumps(stored.document, default=str)


@pytest.mark.parametrize(
    "change", ["", "x", "osk_", "osk_{id}", "osk_{id}_", "osk_{id}_\udcff", "{token}x", "_{token}"]
)
def test_anything_else_is_no_key(central_system: CentralSystem, change: str) -> None:
    key, token = central_system.api_keys.add("grafana", Role.READ)
    assert central_system.api_keys.authenticate(change.format(id=key.key_id, token=token), HERE) is None


def test_a_revoked_key_ends_at_once(central_system: CentralSystem) -> None:
    key, token = central_system.api_keys.add("grafana", Role.READ)
    revoked = central_system.api_keys.revoke(key.key_id, by="cli:root")
    assert revoked is not None
    assert revoked.revoked_by == "cli:root"
    assert central_system.api_keys.authenticate(token, HERE) is None
    assert central_system.api_keys.revoke(key.key_id) == revoked


def test_revoking_what_is_not_there_says_so(central_system: CentralSystem) -> None:
    assert central_system.api_keys.revoke("nobody") is None


def test_a_key_works_from_its_networks_only(central_system: CentralSystem) -> None:
    _, token = central_system.api_keys.add("local", Role.ADMIN, networks=["127.0.0.0/8", "::1/128"])
    works = {
        address: central_system.api_keys.authenticate(token, address) is not None
        for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.0.0.1", "", "unix:")
    }
    assert works == {
        "127.0.0.1": True, "127.9.9.9": True, "::1": True, "::ffff:127.0.0.1": True,
        "10.0.0.1": False, "": False, "unix:": False,
    }  # fmt: skip


def test_a_network_that_is_none_is_refused(central_system: CentralSystem) -> None:
    with pytest.raises(ValueError, match="here"):
        central_system.api_keys.add("local", Role.ADMIN, networks=["here"])


def test_roles_include_each_other_upwards() -> None:
    assert [[role.includes(other) for other in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_the_audit_trail_is_found_by_actor_and_target(central_system: CentralSystem) -> None:
    audit = central_system.audit
    audit.add("key:a", "PUT", "/tags/1", status=200, data={"status": "Blocked"})
    audit.add("key:b", "PUT", "/tags/1", status=412)
    audit.add("key:a", "DELETE", "/tags/2", status=204)
    assert [entry.target for entry in audit.list(actor="key:a").items] == ["/tags/1", "/tags/2"]
    assert [entry.actor for entry in audit.list(target="/tags/1", descending=True).items] == ["key:b", "key:a"]
    assert [entry.action for entry in audit.list(actor="key:a", target="/tags/2").items] == ["DELETE"]
    assert len(audit.list().items) == 3
