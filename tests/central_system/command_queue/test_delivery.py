"""How commands reach the stations: in order, in parallel, once, again after a failure."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.back_off import BackOff
from ocpp_soap.central_system.command_queue.delivery import Delivery
from ocpp_soap.central_system.command_queue.mending import Mending
from ocpp_soap.central_system.command_queue.record import Attempt, Command, key_of, write
from ocpp_soap.central_system.command_queue.transitions import begun
from ocpp_soap.central_system.command_queue.wake_up import WakeUp
from ocpp_soap.central_system.fleet_collections import COMMANDS, LINES
from ocpp_soap.errors import InternalError, InvalidMessage, NotFound
from ocpp_soap.messages import DataTransferResponse, DataTransferStatus

RESET = ("Reset", {"type": "Soft"})


def state(system: CentralSystem, command: Command) -> str:
    found = system.command_queue.get(command.command_id)
    assert found is not None
    return found.state


def final(system: CentralSystem, command: Command, eventually: Callable[..., None]) -> Command:
    """The command when it is closed."""
    eventually(lambda: not getattr(system.command_queue.get(command.command_id), "is_open", True))
    found = system.command_queue.get(command.command_id)
    assert found is not None
    return found


def test_a_command_is_done_with_the_answer_of_the_station(make_system: Any, site: Any, eventually: Any) -> None:
    system = make_system()
    (command,) = system.command_queue.create(*RESET, ["CP000"], by="operator")
    done = final(system, command, eventually)
    assert (done.state, done.answer, done.status, done.created_by) == (
        "done",
        {"status": "Accepted"},
        "Accepted",
        "operator",
    )
    (attempt,) = done.attempts
    assert (attempt.outcome, attempt.number) == ("answered", 1)
    assert [call.message_id for call in site.calls] == [attempt.message_id]


def test_the_end_of_a_command_is_an_event(make_system: Any, eventually: Any) -> None:
    system = make_system()
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    final(system, command, eventually)
    eventually(lambda: system.events.list(kinds=["command.done"]).items)
    (event,) = system.events.list(kinds=["command.done"]).items
    assert (event.charge_box_identity, event.data["command_id"], event.data["status"]) == (
        "CP000",
        command.command_id,
        "Accepted",
    )


def test_the_commands_of_a_station_arrive_in_order(make_system: Any, site: Any, eventually: Any) -> None:
    system = make_system()
    commands = [system.command_queue.create("UnlockConnector", {"connector_id": n}, ["CP000"])[0] for n in range(1, 21)]
    final(system, commands[-1], eventually)
    assert [request.connector_id for request in site.got("CP000")] == list(range(1, 21))


def test_a_slow_station_delays_nobody(make_system: Any, site: Any, eventually: Any) -> None:
    system = make_system(20)
    site.behave["CP000"] = lambda call: time.sleep(1.5)
    slow, *others = system.command_queue.create(*RESET, [f"CP{n:03d}" for n in range(20)])
    for command in others:
        assert final(system, command, eventually).state == "done"
    assert state(system, slow) == "sending"
    assert final(system, slow, eventually).state == "done"


def test_workers_of_several_processes_deliver_each_command_once(make_system: Any, site: Any, eventually: Any) -> None:
    systems = [make_system(20), make_system(20), make_system(20)]
    commands = []
    for number in range(1, 6):
        stations = [f"CP{n:03d}" for n in range(20)]
        commands += systems[number % 3].command_queue.create("UnlockConnector", {"connector_id": number}, stations)
    for command in commands:
        final(systems[0], command, eventually)
    assert all(state(systems[0], command) == "done" for command in commands)
    assert {tuple(r.connector_id for r in site.got(f"CP{n:03d}")) for n in range(20)} == {(1, 2, 3, 4, 5)}


def test_an_unreachable_station_gets_the_command_when_it_is_back(
    make_system: Any, site: Any, url_of: Any, eventually: Any
) -> None:
    system = make_system()
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    eventually(lambda: len(system.command_queue.get(command.command_id).attempts) >= 2)
    system.stations.set_url("CP000", url_of("CP000"))
    done = final(system, command, eventually)
    assert [attempt.outcome for attempt in done.attempts] == ["unreachable"] * (len(done.attempts) - 1) + ["answered"]
    assert len(site.calls) == 1


def test_the_pauses_between_attempts_grow(make_system: Any, eventually: Any) -> None:
    system = make_system()
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    (command,) = system.command_queue.create(*RESET, ["CP000"], max_attempts=4)
    failed = final(system, command, eventually)
    starts = [attempt.started_at for attempt in failed.attempts]
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(starts)]
    assert failed.state == "failed"
    assert failed.reason.startswith("unreachable: ")
    assert [pause >= least for pause, least in zip(pauses, (0.2, 0.4, 0.8), strict=True)] == [True] * 3


def test_a_soap_fault_is_not_repeated(make_system: Any, site: Any, eventually: Any) -> None:
    def refuse(call: Any) -> None:
        raise InternalError("out of order")

    system = make_system()
    site.behave["CP000"] = refuse
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    failed = final(system, command, eventually)
    assert (failed.state, [attempt.outcome for attempt in failed.attempts]) == ("failed", ["refused"])
    assert "out of order" in failed.reason


def test_an_answer_that_no_document_holds_is_a_bad_one_and_not_asked_for_again(
    make_system: Any, site: Any, eventually: Any
) -> None:
    system = make_system()
    site.behave["CP000"] = lambda call: DataTransferResponse(status=DataTransferStatus.ACCEPTED, data="x" * 900_000)
    (command,) = system.command_queue.create("DataTransfer", {"vendor_id": "V"}, ["CP000"])
    failed = final(system, command, eventually)
    assert (failed.state, failed.answer) == ("failed", None)
    assert [attempt.outcome for attempt in failed.attempts] == ["bad_answer"]
    assert "200000 can be kept" in failed.reason


def test_a_command_that_the_version_lacks_fails_without_being_sent(
    make_system: Any, site: Any, eventually: Any
) -> None:
    system = make_system()
    system.stations.change("CP000", version="1.2")
    (command,) = system.command_queue.create("GetConfiguration", {}, ["CP000"])
    failed = final(system, command, eventually)
    assert (failed.state, [attempt.outcome for attempt in failed.attempts]) == ("failed", ["not_sent"])
    assert site.calls == []


def test_a_command_expires_at_its_deadline(make_system: Any, eventually: Any) -> None:
    system = make_system()
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    deadline = datetime.now(timezone.utc) + timedelta(seconds=0.5)
    (command,) = system.command_queue.create(*RESET, ["CP000"], deadline=deadline)
    expired = final(system, command, eventually)
    assert expired.state == "expired"
    assert expired.reason == "its deadline is over; the last attempt: unreachable"
    assert expired.closed_at is not None
    assert expired.closed_at >= deadline


def test_a_command_whose_sender_died_is_not_sent_after_its_deadline(
    make_system: Any, site: Any, eventually: Any
) -> None:
    system = make_system(works=False)
    deadline = datetime.now(timezone.utc)
    (command,) = system.command_queue.create(*RESET, ["CP000"], deadline=deadline)
    attempt = Attempt(number=1, message_id="urn:x", worker="killed:1", started_at=deadline)
    system.command_queue.change(command.command_id, lambda found: begun(found, attempt))
    system.start_workers()
    expired = final(system, command, eventually)
    assert (expired.state, expired.reason) == ("expired", "its deadline is over; the last attempt: interrupted")
    assert site.calls == []


def test_a_cancelled_command_is_not_delivered(make_system: Any, site: Any, eventually: Any) -> None:
    system = make_system(works=False)
    first, second = (system.command_queue.create(*RESET, ["CP000"])[0] for _ in range(2))
    assert system.command_queue.cancel(first.command_id, by="operator").state == "cancelled"
    system.start_workers()
    final(system, second, eventually)
    assert len(site.calls) == 1
    assert system.command_queue.get(first.command_id).reason == "cancelled by operator"


def test_a_command_cancelled_while_it_is_sent_is_decided_by_the_answer(
    make_system: Any, site: Any, eventually: Any
) -> None:
    system = make_system(2)
    site.behave["CP000"] = lambda call: time.sleep(0.4)
    (answered,) = system.command_queue.create(*RESET, ["CP000"])
    (unanswered,) = system.command_queue.create(*RESET, ["CP001"], timeout=0.4)
    site.behave["CP001"] = lambda call: time.sleep(1)
    for command in (answered, unanswered):
        eventually(lambda command=command: state(system, command) == "sending")
        system.command_queue.cancel(command.command_id, by="operator")
    assert final(system, answered, eventually).state == "done"
    cancelled = final(system, unanswered, eventually)
    assert (cancelled.state, cancelled.attempts[0].outcome) == ("cancelled", "timed_out")


@pytest.mark.parametrize("stations", [1, 3])
def test_commands_are_on_disk_when_they_are_created(
    make_system: Any, monkeypatch: pytest.MonkeyPatch, stations: int
) -> None:
    """A store keeps what is stored durably also when the machine loses its power."""
    system = make_system(stations, works=False)
    written: list[tuple[int, Any]] = []

    def noting(verb: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **values: Any) -> Any:
            if COMMANDS in (*arguments, *values.get("put", ())):
                written.append((len(values.get("put", {COMMANDS: [1]})[COMMANDS]), values.get("durable")))
            return verb(*arguments, **values)

        return noted

    for verb in ("create", "put", "write"):
        monkeypatch.setattr(system.store, verb, noting(getattr(system.store, verb)))
    system.command_queue.create(*RESET, [f"CP{number:03d}" for number in range(stations)])
    assert written == [(stations, True)]


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(hours=1)])
def test_a_command_whose_creator_died_before_it_was_in_line_is_found_also_after_our_clock_was_set_back(
    make_system: Any, eventually: Any, ahead: timedelta
) -> None:
    system = make_system(works=False)
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    system.command_queue.change(
        command.command_id, lambda c: replace(c, created_at=c.created_at + ahead, due_at=c.created_at + ahead)
    )
    claim = system.command_queue.lines.claim("CP000", "its creator died", 60)
    system.command_queue.lines.release(claim, None, is_empty=True)
    Mending(system.store, system.command_queue, patience=0).mend({})
    system.start_workers()
    assert final(system, command, eventually).state == "done"


def test_a_command_whose_creator_died_is_found_also_where_another_one_waits_for_contact(
    make_system: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = make_system()
    (waiting,) = system.command_queue.create(*RESET, ["CP000"], deliver="on_next_contact")
    eventually(lambda: not system.command_queue.lines.not_due(waiting.deadline, ["CP000"]))
    eventually(lambda: system.command_queue.lines.not_due(datetime.now(timezone.utc), ["CP000"]))
    with monkeypatch.context() as patch:
        patch.setattr(system.command_queue.lines, "touch", lambda *_: None)
        (command,) = system.command_queue.create(*RESET, ["CP000"])
    Mending(system.store, system.command_queue, patience=0).mend({})
    assert final(system, command, eventually).state == "done"
    assert state(system, waiting) == "queued"


def test_a_worker_that_has_lost_its_line_leaves_what_another_one_sends_alone(make_system: Any) -> None:
    """As after a wake-up hook, or a pause of the machine, that outlasted the lease."""
    system = make_system(works=False)
    queue = system.command_queue
    (command,) = queue.create(*RESET, ["CP000"], max_attempts=1)
    stalled = queue.lines.claim("CP000", "stalled:1", 0)
    assert queue.lines.claim("CP000", "other:1", 60) is not None
    attempt = Attempt(number=1, message_id="urn:x", worker="other:1", started_at=datetime.now(timezone.utc))
    queue.change(command.command_id, lambda found: begun(found, attempt))
    line = system.store.get(LINES, "CP000")
    wake_up = WakeUp(system.stations)
    delivery = Delivery(queue, system.commands.call, back_off=BackOff(1, 1), timeout_of=lambda _: 1.0, wake_up=wake_up)
    delivery.work_on(stalled)
    assert state(system, command) == "sending"
    assert system.store.get(LINES, "CP000") == line


def test_an_end_that_was_not_told_is_told_later_and_once(make_system: Any) -> None:
    system = make_system(works=False)
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    closed = replace(command, state="failed", is_open=False, closed_at=datetime.now(timezone.utc))
    system.store.put(COMMANDS, {key_of(command.command_id): write(closed)})
    mending = Mending(system.store, system.command_queue, patience=0)
    mark = mending.mend({})
    mending.mend({})
    mending.mend(mark)
    assert [event.kind for event in system.events.list().items if event.kind.startswith("command.")] == [
        "command.failed"
    ]


@pytest.mark.parametrize(
    ("action", "payload", "station", "error"),
    [
        ("Explode", {}, "CP000", InvalidMessage),
        ("Reset", {}, "CP000", InvalidMessage),
        ("Reset", {"type": "Soft"}, "CP999", NotFound),
    ],
)
def test_what_cannot_be_a_command_is_said_at_once(
    make_system: Any, action: str, payload: dict[str, Any], station: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        make_system(works=False).command_queue.create(action, payload, [station])


def test_a_thread_that_could_not_start_takes_no_place_of_one_that_can(
    make_system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    system = make_system(works=False)
    system.command_queue.create(*RESET, ["CP000"])
    free = system.command_workers._free()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        system.command_workers.run(threading.Event())
    assert system.command_workers._free() == free
