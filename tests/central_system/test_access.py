"""What a station's messages must prove, where it is required."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ocpp_soap.central_system import hashing
from ocpp_soap.central_system.access import UNPROVEN, Requirements, subject_parts
from ocpp_soap.central_system.collections import SECRETS, STATIONS
from ocpp_soap.errors import RetryLater, SecurityError
from ocpp_soap.messages import HeartbeatRequest


@pytest.fixture
def access(central_system, send):
    send(HeartbeatRequest())
    return central_system.access


def test_nothing_is_required_unless_it_was_set(access, send):
    send(HeartbeatRequest(), peer="203.0.113.9")


def test_a_source_network_can_be_required(access, send):
    access.require("CP001", Requirements(networks=["10.1.0.0/16", "2001:db8::/32"]))
    for peer in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"):
        send(HeartbeatRequest(), peer=peer)
    for peer in ("10.2.0.1", "2001:db9::7", "", "not an address"):
        with pytest.raises(SecurityError, match="network") as caught:
            send(HeartbeatRequest(), peer=peer)
        assert caught.value.kind == UNPROVEN


def test_a_client_certificate_can_be_required(access, send):
    access.require("CP001", Requirements(certificate_subject="CN=CP001,O=Acme"))
    send(HeartbeatRequest(), client_subject="O=Acme, CN=CP001, C=DE")
    for subject in ("", "CN=CP002,O=Acme", "CN=CP001", "CN=CP001\\,O=Acme", "nonsense"):
        with pytest.raises(SecurityError, match="certificate"):
            send(HeartbeatRequest(), client_subject=subject)


def test_a_password_can_be_required_and_is_stored_hashed_and_apart(access, send, central_system):
    access.require("CP001", Requirements(username="cp"), "secret")
    for _ in range(2):
        send(HeartbeatRequest(), username="cp", password="secret")
        for username, password in (("cp", "Secret"), ("CP", "secret"), ("cp", ""), ("", "")):
            with pytest.raises(SecurityError, match="password"):
                send(HeartbeatRequest(), username=username, password=password)
    secrets = central_system.store.find(SECRETS).items
    assert "secret" not in str([item.document for item in secrets])
    assert "hash" not in str(central_system.store.get(STATIONS, "CP001").document)


def test_a_changed_password_counts_at_once(access, send):
    access.require("CP001", Requirements(username="cp"), "old")
    send(HeartbeatRequest(), username="cp", password="old")
    access.require("CP001", Requirements(username="cp"), "new")
    with pytest.raises(SecurityError):
        send(HeartbeatRequest(), username="cp", password="old")
    send(HeartbeatRequest(), username="cp", password="new")


def test_a_few_passwords_are_checked_at_once_and_who_waits_too_long_comes_again(access, send, monkeypatch):
    access.require("CP001", Requirements(username="cp"), "secret")
    send(HeartbeatRequest(), username="cp", password="secret")
    goes_on, begun = threading.Event(), []

    def slow(password, salt):
        begun.append(password)
        goes_on.wait(10)
        return "wrong"

    def guess(password):
        try:
            send(HeartbeatRequest(), username="cp", password=password)
        except (RetryLater, SecurityError) as error:
            return type(error), getattr(error, "status", None)

    monkeypatch.setattr(hashing, "hashed", slow)
    monkeypatch.setattr(hashing, "LONGEST_WAIT", 0.5)
    with ThreadPoolExecutor(20) as guessing:
        answers = list(guessing.map(guess, map(str, range(20))))
        assert len(begun) == hashing.AT_ONCE
        send(HeartbeatRequest(), username="cp", password="secret")
        goes_on.set()
    assert answers == [(RetryLater, 503)] * 20
    monkeypatch.setattr(hashing, "LONGEST_WAIT", 5)
    assert guess("another") == (SecurityError, None)


def test_requirements_can_be_lifted(access, send, central_system):
    access.require("CP001", Requirements(username="cp"), "secret")
    access.require("CP001", Requirements())
    send(HeartbeatRequest())
    assert central_system.store.find(SECRETS).items == []


def test_who_proves_nothing_teaches_nothing(access, send, central_system, noon):
    send(HeartbeatRequest(), callback_url="http://10.0.0.1/")
    access.require("CP001", Requirements(networks=["10.0.0.0/8"]))
    before = central_system.stations.show("CP001")
    with pytest.raises(SecurityError):
        send(HeartbeatRequest(), peer="203.0.113.9", callback_url="http://203.0.113.9/")
    assert central_system.stations.show("CP001") == before


@pytest.mark.parametrize(
    ("requirements", "password"),
    [
        (Requirements(networks=["10.0.0.1/8"]), ""),
        (Requirements(networks=["home"]), ""),
        (Requirements(certificate_subject="CP001"), ""),
        (Requirements(username="cp"), ""),
        (Requirements(), "secret"),
    ],
)
def test_what_cannot_be_required_is_refused(access, requirements, password):
    with pytest.raises(ValueError, match=r"network|subject|password|host bits|address"):
        access.require("CP001", requirements, password)


def test_nothing_can_be_required_of_a_station_that_is_not_known(access):
    assert access.require("CP404", Requirements(networks=["10.0.0.0/8"])) is None


def test_a_subject_is_read_as_rfc_4514_says():
    assert subject_parts(r"CN=Meyer\, Hans+UID=7,O=A\=B") == {("CN", "Meyer, Hans"), ("UID", "7"), ("O", "A=B")}
    assert subject_parts("1.2.3=x,cn=y") == {("1.2.3", "x"), ("CN", "y")}
    assert subject_parts("/CN=CP001") == frozenset()
