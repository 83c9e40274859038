"""Rate limits, which ask for the message again later instead of losing it."""

from __future__ import annotations

import time

import pytest

from ocpp_soap.central_system import limits
from ocpp_soap.central_system.limits import RateLimit
from ocpp_soap.errors import RetryLater
from ocpp_soap.messages import HeartbeatRequest


@pytest.fixture
def limited(make_central_system):
    return make_central_system(LIMITS__STATION_MESSAGES_PER_MINUTE="3")


@pytest.mark.parametrize("spelt", ["CP1", "cP1"])
def test_what_is_too_much_is_answered_429_however_the_station_is_spelt_and_others_are_not_touched(limited, send, spelt):
    for number in range(3):
        send(HeartbeatRequest(), "CP1", to=limited, peer=f"10.0.0.{number}")
    with pytest.raises(RetryLater) as caught:
        send(HeartbeatRequest(), spelt, to=limited, peer="10.0.0.3")
    assert caught.value.status == 429
    assert 1 <= caught.value.after <= 21
    send(HeartbeatRequest(), "CP99", to=limited, peer="10.0.0.3")


def test_a_message_that_is_answered_again_counts_once(limited, send):
    send(HeartbeatRequest(), "CP1", to=limited)
    for _ in range(5):
        send(HeartbeatRequest(), "CP1", to=limited, again=True)
    send(HeartbeatRequest(), "CP1", to=limited)


def test_there_is_no_limit_by_default(central_system, send):
    for _ in range(100):
        send(HeartbeatRequest(), peer="10.0.0.1")


def test_an_allowance_comes_back_with_time():
    limit = RateLimit(600)
    for _ in range(600):
        limit.check("CP1")
    with pytest.raises(RetryLater):
        limit.check("CP1")
    time.sleep(0.11)
    limit.check("CP1")


def test_the_memory_of_senders_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "MOST_SENDERS", 10)
    limit = RateLimit(5)
    for number in range(100):
        limit.check(f"CP{number}")
    assert len(limit._left) <= 10
