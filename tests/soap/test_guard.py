"""Which addresses a station can make us call."""

import pytest

from ocpp_soap.soap.guard import Guard


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "10.1.2.3", "192.168.0.7", "172.16.0.1", "100.64.0.1", "2001:db8::1", "fd00::1"]
)
def test_stations_live_in_public_and_private_networks(address):
    assert Guard().permits(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "169.254.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:42::42",
        "fd00:100::100:200",
        "fd00:a9fe:a9fe::1",
        "fd00:c1::a9fe:a9fe",
        "fd00:ec2::23",
        "fd00:ec2::254",
        "fd20:ce::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_this_host_link_local_and_metadata_are_denied_however_written(address):
    assert not Guard().permits(address)


def test_allowed_lifts_the_built_in_denial_and_nothing_else():
    guard = Guard.of(["127.0.0.1/32"], [])
    assert guard.permits("127.0.0.1")
    assert guard.permits("::ffff:127.0.0.1")
    assert guard.permits("192.0.2.1")
    assert not guard.permits("127.0.0.2")


def test_denied_beats_allowed():
    guard = Guard.of(["10.0.0.0/8", "127.0.0.0/8"], ["10.1.0.0/16", "127.0.0.1"])
    assert guard.permits("10.2.0.1")
    assert not guard.permits("10.1.0.1")
    assert not guard.permits("127.0.0.1")


@pytest.mark.parametrize(("denied", "address"), [("64:ff9b::/96", "64:ff9b::a01:1"), ("2002::/16", "2002:a01:1::")])
def test_denied_counts_as_written_too_where_another_address_is_meant(denied, address):
    assert Guard().permits(address)
    assert not Guard.of([], [denied]).permits(address)


def test_a_network_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="loopback"):
        Guard.of(["loopback"], [])
