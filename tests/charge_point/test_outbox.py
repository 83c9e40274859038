"""The queue of a station (12/15 §3.2, §4.2, §8.2; notes 7.11, 7.12)."""

from __future__ import annotations

import itertools
import time

import pytest
from structlog.testing import capture_logs
from waiting import wait_until

from ocpp_soap.charge_point import Scheduler, Station
from ocpp_soap.charge_point.queueing import Backoff
from ocpp_soap.errors import BadAnswer, InternalError, InvalidMessage, NotSupported, ProtocolError, TryLater
from ocpp_soap.messages import BootNotificationResponse, HeartbeatRequest, RegistrationStatus, Version


def start(station, schedule, connector=1):
    station.plug(connector)
    station.present_tag(connector, "TAG1")
    schedule.run()


def important(central_system):
    return [n for n in central_system.names() if n in ("StartTransaction", "StopTransaction", "MeterValues")]


def test_nothing_but_the_boot_leaves_before_it_is_accepted(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = BootNotificationResponse(
        status=RegistrationStatus.REJECTED, current_time=schedule.now(), heartbeat_interval=20
    )
    station = make_station(started=False, AllowOfflineTxForUnknownId="true")
    station.start()
    start(station, schedule)
    schedule.advance(45)
    station.unplug(1)
    schedule.advance(20)
    assert set(central_system.names()) == {"BootNotification"}
    assert len(central_system.requests) == 4
    del central_system.answers["BootNotification"]
    schedule.advance(20)
    assert important(central_system) == ["StartTransaction", "StopTransaction"]


def test_a_broken_network_is_tried_within_two_seconds_and_then_less_and_less_often(
    make_station, schedule, central_system
):
    station = make_station()
    central_system.down = True
    station.plug(1)
    tries = []
    count = central_system.__class__.__call__

    def counted(request):
        tries.append(schedule.now())
        return count(central_system, request)

    station._sender = counted
    schedule.advance(40)
    gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(tries)]
    assert gaps[:6] == [0.5, 1, 2, 4, 8, 10]


def test_the_backoff_doubles_up_to_its_longest():
    assert [Backoff(1, 5).delay(n) for n in (1, 2, 3, 4, 500)] == [1, 2, 4, 5, 5]


def test_an_answer_that_is_not_ocpp_keeps_the_message(station, schedule, central_system):
    def broken(_request):
        raise BadAnswer("an HTML page")

    central_system.answers["StartTransaction"] = broken
    start(station, schedule)
    schedule.advance(30)
    del central_system.answers["StartTransaction"]
    schedule.advance(15)
    assert station.connectors[1].transaction.transaction_id == 101


def test_a_fault_is_not_repeated_and_does_not_hold_up_the_rest(station, schedule, central_system):
    central_system.answers["StatusNotification"] = ProtocolError()
    start(station, schedule)
    schedule.advance(30)
    assert len(central_system.sent("StatusNotification")) == 1
    assert len(central_system.sent("StartTransaction")) == 1


def test_a_start_that_met_internal_error_is_tried_three_times_and_set_aside(station, schedule, central_system):
    central_system.answers["StartTransaction"] = InternalError()
    start(station, schedule)
    schedule.advance(120)
    assert len(central_system.sent("StartTransaction")) == 3
    assert [type(e.request).__name__ for e in station.outbox.set_aside] == ["StartTransactionRequest"]
    assert len(central_system.sent("MeterValues")) == 2


def test_a_stop_repeats_the_start_that_it_needs(station, schedule, central_system):
    central_system.answers["StartTransaction"] = InternalError()
    start(station, schedule)
    schedule.advance(60)
    del central_system.answers["StartTransaction"]
    station.unplug(1)
    schedule.run()
    assert central_system.sent("StopTransaction")[0].transaction_id == 101
    assert station.outbox.set_aside == ()


def test_a_stop_whose_start_is_refused_again_is_set_aside_too(station, schedule, central_system, events):
    central_system.answers["StartTransaction"] = NotSupported()
    start(station, schedule)
    station.unplug(1)
    schedule.advance(60)
    assert central_system.sent("StopTransaction") == []
    assert len(central_system.sent("StartTransaction")) == 2
    assert len(station.outbox.set_aside) == 2
    assert "session_lost" in [name for name, _ in events]


def test_a_message_that_cannot_be_written_is_given_up(station, schedule, central_system):
    def unwritable(_request):
        raise InvalidMessage("too long")

    central_system.answers["StatusNotification"] = unwritable
    start(station, schedule)
    assert important(central_system) == ["StartTransaction"]


def test_a_message_that_nobody_can_write_says_nothing_of_the_line(station, schedule, central_system):
    def unwritable(_request):
        raise InvalidMessage("too long")

    central_system.answers["Authorize"] = unwritable
    station.present_tag(1, "TAG1")
    schedule.run()
    assert station.outbox.online


def test_a_fault_shows_that_the_line_is_there_again(station, schedule, central_system):
    central_system.down = True
    station.plug(1)
    schedule.advance(1)
    assert not station.outbox.online
    central_system.down = False
    central_system.answers["StatusNotification"] = ProtocolError()
    schedule.advance(1)
    assert station.outbox.online


def test_a_station_that_lost_the_connection_with_nothing_to_say_looks_for_it(station, schedule, central_system):
    central_system.down = True
    station.present_tag(1, "TAG1")
    schedule.advance(20)
    assert not station.outbox.online
    central_system.down = False
    schedule.advance(11)
    assert station.outbox.online


def test_one_request_at_a_time_however_many_threads_there_are(central_system):
    together, most = [0], [0]

    def watched(request):
        together[0] += 1
        most[0] = max(most[0], together[0])
        time.sleep(0.001)
        together[0] -= 1
        return central_system(request)

    with Scheduler(workers=4) as schedule:
        station = Station("CP001", Version.V15, watched, schedule)
        station.start()
        wait_until(lambda: station.registration.accepted)
        for _ in range(5):
            station.plug(1)
            station.unplug(1)
        wait_until(lambda: station.outbox.waiting == 0)
        station.stop()
    assert len(central_system.requests) > 10
    assert most == [1]


def test_a_stopped_station_says_nothing_more(station, schedule, central_system):
    station.stop()
    station.plug(1)
    station.outbox.ask(HeartbeatRequest(), lambda _response, _error: None)
    schedule.advance(1000)
    assert central_system.requests == []


@pytest.mark.parametrize("lost", range(6))
def test_whatever_is_interrupted_start_and_stop_arrive_in_order(make_station, schedule, central_system, lost):
    station = make_station()
    usual = central_system._usual
    count = [0]

    def flaky(request):
        count[0] += 1
        if count[0] == lost + 1:
            raise BadAnswer("cut")
        return usual(request)

    central_system.answers.update(dict.fromkeys(("StatusNotification", "StartTransaction", "StopTransaction"), flaky))
    start(station, schedule)
    station.unplug(1)
    schedule.advance(30)
    starts, stops = central_system.sent("StartTransaction"), central_system.sent("StopTransaction")
    assert len({(s.timestamp, s.meter_start) for s in starts}) == 1
    assert stops[-1].transaction_id == central_system.transaction_id
    assert station.outbox.waiting == 0


def test_a_central_system_that_names_a_time_is_given_it(make_station, schedule, central_system):
    station = make_station()

    def busy(_request):
        raise TryLater("the store is down", 7)

    central_system.answers["StatusNotification"] = busy
    station.plug(1)
    schedule.advance(13.9)
    assert len(central_system.requests) == 2


@pytest.mark.parametrize(("asked", "waited"), [(None, 1), (0, 1), (7, 7), (3600, 60)])
def test_a_time_that_is_asked_for_is_waited_but_not_for_ever(asked, waited):
    assert Backoff(1, 5).wait(1, TryLater("busy", asked)) == waited


class TestAnswersThatAreNotOcpp:
    @pytest.mark.parametrize("action", ["StatusNotification", "MeterValues"])
    def test_a_message_that_gets_nothing_else_is_given_up_after_spaced_tries(
        self, station, schedule, central_system, events, action
    ):
        tries = []

        def page(_request):
            tries.append(schedule.now())
            raise BadAnswer("502 Bad Gateway, which is no SOAP answer")

        central_system.answers[action] = page
        start(station, schedule)
        with capture_logs() as log:
            schedule.advance(119)
        given_up = [type(subject[0].request).__name__ for name, subject in events if name == "given_up"]
        assert given_up == [f"{action}Request"]
        assert [(line["charge_box_identity"], line["action"]) for line in log] == [("CP001", action)]
        gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(tries[:8])]
        assert gaps == [0.5, 1, 2, 4, 8, 10, 10]
        assert len(central_system.sent("StartTransaction")) == 1
        assert station.outbox.set_aside == ()

    def test_a_start_is_kept_aside_and_sent_again_for_its_stop(self, station, schedule, central_system, events):
        def page(_request):
            raise BadAnswer("502 Bad Gateway, which is no SOAP answer")

        central_system.answers["StartTransaction"] = page
        start(station, schedule)
        schedule.advance(59)
        assert [type(e.request).__name__ for e in station.outbox.set_aside] == ["StartTransactionRequest"]
        assert "session_lost" in [name for name, _ in events]
        del central_system.answers["StartTransaction"]
        station.unplug(1)
        schedule.run()
        assert central_system.sent("StopTransaction")[0].transaction_id == 101
        assert station.outbox.set_aside == ()

    def test_a_start_that_gets_nothing_else_again_is_tried_once_more_and_holds_nothing_up(
        self, station, schedule, central_system
    ):
        tries = []

        def page(_request):
            tries.append(schedule.now())
            raise BadAnswer("502 Bad Gateway, which is no SOAP answer")

        central_system.answers["StartTransaction"] = page
        start(station, schedule)
        schedule.advance(59)
        tries.clear()
        station.unplug(1)
        schedule.advance(59)
        assert len(tries) == 1
        assert len(station.outbox.set_aside) == 2
        assert station.outbox.waiting == 0

    def test_where_everything_gets_a_page_the_line_is_broken_and_all_is_kept(self, station, schedule, central_system):
        start(station, schedule)
        usual = central_system._usual

        def page(_request):
            raise BadAnswer("please log in to this network")

        central_system._usual = page
        schedule.advance(3600)
        central_system._usual = usual
        central_system.requests.clear()
        schedule.advance(11)
        assert len(central_system.sent("MeterValues")) == 60
        assert station.outbox.waiting == 0


def test_an_answer_that_could_not_be_taken_is_not_asked_for_again_at_once(station, schedule, central_system):
    def fail(*_):
        raise RuntimeError("a mistake of ours")

    station.sessions.start_answered = fail
    with pytest.raises(RuntimeError):
        start(station, schedule)
    schedule.run()
    assert len(central_system.sent("StartTransaction")) == 1
    del station.sessions.start_answered
    schedule.advance(1)
    assert len(central_system.sent("StartTransaction")) == 2
    assert station.outbox.waiting == 0
