"""The central system itself: its store, its rules, its handlers, and the way of a message through them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ocpp_soap import storage
from ocpp_soap.central_system.access import UNPROVEN, Access
from ocpp_soap.central_system.answers import leave_out_unsendable
from ocpp_soap.central_system.api_keys import ApiKeys
from ocpp_soap.central_system.approval import Approval
from ocpp_soap.central_system.audit import Audit
from ocpp_soap.central_system.background import Background
from ocpp_soap.central_system.call import CentralSystemCall
from ocpp_soap.central_system.command_queue.mending import Mending
from ocpp_soap.central_system.command_queue.queue import CommandQueue
from ocpp_soap.central_system.command_queue.setup import make_workers
from ocpp_soap.central_system.commands import Commands
from ocpp_soap.central_system.configurations import Configurations
from ocpp_soap.central_system.contacts import Contacts
from ocpp_soap.central_system.duties import Duties
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.transfers import FileTransfers
from ocpp_soap.central_system.hearing import Hearing
from ocpp_soap.central_system.journal import Journal
from ocpp_soap.central_system.kept import NOT_UNDERSTOOD, UNDERSTOOD, Kept, outcome_of
from ocpp_soap.central_system.labels import Labels
from ocpp_soap.central_system.lifecycle import log_answered, log_registered
from ocpp_soap.central_system.limits import RateLimit
from ocpp_soap.central_system.local_lists import LocalLists
from ocpp_soap.central_system.meter_values import MeterValues
from ocpp_soap.central_system.notifications import Notifications
from ocpp_soap.central_system.observation import WAITED_FOR, observe
from ocpp_soap.central_system.open_sessions import OpenSessions
from ocpp_soap.central_system.profiles import Profiles
from ocpp_soap.central_system.registration import Admission
from ocpp_soap.central_system.reservations import Reservations
from ocpp_soap.central_system.retention import Retention
from ocpp_soap.central_system.silence import Silences
from ocpp_soap.central_system.starting import Starting
from ocpp_soap.central_system.stations import Station, Stations
from ocpp_soap.central_system.statuses import Statuses
from ocpp_soap.central_system.stopping import Stopping
from ocpp_soap.central_system.tags import Tags
from ocpp_soap.central_system.transactions import Transaction, Transactions
from ocpp_soap.central_system.webhooks import Delivery, Webhooks
from ocpp_soap.dispatch import Call, Exchanged, Handlers, load_handlers
from ocpp_soap.errors import RetryLater, SecurityError, StoreClosed, StoreUnavailable
from ocpp_soap.messages import Role, StartTransactionRequest, StatusNotificationRequest, StopTransactionRequest
from ocpp_soap.paths import bundled
from ocpp_soap.soap.guard import Guard
from ocpp_soap.storage.base import Storage

if TYPE_CHECKING:
    from ocpp_soap.config import Settings


class CentralSystem:
    """Answers the messages of charge points by its handlers, which use the rules that are its attributes.

    One for each process, safe to use from many threads. It opens no socket; threads begin with the first message, so it
    may be made before a fork if its store may.
    """

    def __init__(self, store: Storage, settings: Settings, handlers: Handlers) -> None:
        self.store = store
        self.settings = settings
        self.handlers = handlers
        own = bundled("handlers")
        self._own_handlers = frozenset(name for name, folder in handlers.folders.items() if folder == own)
        self.contacts = Contacts(store)
        self.events = Events(store)
        self.api_keys = ApiKeys(store)
        self.audit = Audit(store)
        self.stations = Stations(store, self.contacts)
        self.access = Access(store, self.stations)
        self.admission = Admission(
            self.stations,
            self.contacts,
            self.access,
            unknown=settings.registration.unknown_charge_points,
            heartbeat_interval=settings.registration.heartbeat_interval,
        )
        self.tags = Tags(
            store,
            unknown=settings.authorization.unknown_tags,
            max_concurrent=settings.authorization.max_concurrent_transactions,
        )
        self.transactions = Transactions(store)
        self.meter_values = MeterValues(store)
        self.statuses = Statuses(store)
        self.notifications = Notifications(store)
        journal = settings.journal
        self.journal = Journal(store, enabled=journal.enabled, envelopes=journal.envelopes, keep_days=journal.keep_days)
        self.kept = Kept(store, self.admission.is_proven)
        self.profiles = Profiles(
            store,
            self.stations,
            timeout=settings.calls.timeout,
            guard=Guard(tuple(settings.calls.allowed_networks), tuple(settings.calls.denied_networks)),
        )
        self.commands = Commands(
            self.stations,
            self.profiles,
            self.journal,
            public_url=settings.server.public_url,
            log_payload=settings.log.payload,
        )
        self._station_limit = RateLimit(settings.limits.station_messages_per_minute)
        self.address_limit = RateLimit(settings.limits.address_messages_per_minute)
        self._stopping = Stopping(store, self.transactions, self.meter_values, self.events)
        self._add_fleet_rules(store, settings)
        self._add_background_work(store, settings)

    def _add_fleet_rules(self, store: Storage, settings: Settings) -> None:
        self.command_queue = CommandQueue(
            store,
            self.stations,
            self.events,
            deadline=settings.commands.deadline,
            max_attempts=settings.commands.max_attempts,
        )
        self.command_workers = make_workers(self.command_queue, self.commands, self.stations, settings)
        self.local_lists = LocalLists(store, self.tags, self.events, self.commands.call)
        self.reservations = Reservations(
            store, self.tags, self.events, self.command_queue, self.commands.call, timeout_of=self.profiles.timeout
        )
        events = self.events if "StartTransaction" in self._own_handlers else None
        self._starting = Starting(store, self.transactions, self.reservations, events)
        self.configurations = Configurations(store, self.events)
        self.command_queue.on_closed += [self.configurations.learn, self.local_lists.learn]
        self.labels = Labels(store)
        files = settings.files
        self.files = FileArea(store, self.events, files.path, max_size=files.max_size, lifetime=files.lifetime)
        self.file_transfers = FileTransfers(
            self.files,
            self.command_queue,
            public_url=settings.server.public_url,
            public_host=settings.ftp.public_host,
            ports=(settings.ftp.port, settings.ftp.ftps_port),
        )
        self.approval = Approval(self.stations, self.events)
        self.admission.registered = self._registered
        self.silences = Silences(
            store,
            self.events,
            heartbeats=settings.watch.silent_after_heartbeats,
            heartbeat_interval=settings.registration.heartbeat_interval,
        )
        self.open_sessions = OpenSessions(store, self.transactions, self.events, limit=settings.watch.open_transaction)

    def _add_background_work(self, store: Storage, settings: Settings) -> None:
        self.hearing = Hearing()
        self.hearing.add(self.command_queue.heard)
        self.hearing.add(self.silences.heard)
        self.admission.heard = self.hearing.note
        self.webhooks = Webhooks(store, self.events)
        self.webhook_delivery = Delivery(
            self.webhooks, self.events, timeout=settings.webhooks.timeout, attempts=settings.webhooks.attempts
        )
        self.duties = Duties(store)
        self.duties.add("commands", Mending(store, self.command_queue).mend)
        self.duties.add("silence", self.silences.search)
        self.duties.add("open sessions", self.open_sessions.search)
        self.duties.add("reservations", self.reservations.expire)
        self.duties.add("unanswered reservations", self.reservations.give_up)
        self.duties.add("files", self.files.tidy)
        days = {**settings.storage.retention_days, "events": settings.events.retention_days}
        self.duties.add("old entries", Retention(store, days).forget)
        self.background = Background()
        self.background.add("duties", self.duties.run)
        self.background.add("hearing", self.hearing.run)
        self.background.add("commands", self.command_workers.run, self.command_workers.kick)
        self.background.add("webhooks", self.webhook_delivery.run)

    @classmethod
    def open(cls, settings: Settings) -> CentralSystem:
        """The central system of a configuration: its store opened, its handlers loaded.

        Raises HandlerError or StorageError, in one sentence, if that cannot be.
        """
        handlers = load_handlers(Role.CENTRAL_SYSTEM, [*settings.handlers.paths, bundled("handlers")])
        return cls(storage.open(settings.storage), settings, handlers)

    def receive(self, call: Call) -> Any:
        """Answer one request with a response message.

        Raises Fault where no repeat of the request can help, RetryLater where one can.
        """
        if not call.again:
            self._station_limit.check(call.charge_box_identity)
        return self._answer(call, replayed=False)

    def receive_again(self, call: Call, *, is_believed: bool = True) -> Any:
        """Answer a kept request that an operator replays, as :meth:`receive`.

        It need not prove again what its station must, and does not count as a sign of life. One that is not believed
        gets SecurityError if its station must prove anything.
        """
        if not is_believed and self.admission.demands_proof(call.charge_box_identity):
            raise SecurityError("Whether it is from this station was not found out when it came.", kind=UNPROVEN)
        return self._answer(call, replayed=True)

    def _answer(self, call: Call, *, replayed: bool) -> Any:
        try:
            station = self.admission.admit(call, replayed=replayed)
            handler = self.handlers.by_action[call.action.name]
            extended = CentralSystemCall.of(call, self, station)
            extended.is_replayed = replayed
            if call.action.name not in self._own_handlers:
                extended.pending = None  # what somebody else's handler has stored it may look for
            response = handler(call.request, extended)
            if isinstance(call.request, StatusNotificationRequest):
                self.reservations.reported(call.charge_box_identity, call.request)
        except (StoreUnavailable, StoreClosed) as error:
            raise RetryLater("The store cannot take the message now.") from error
        leave_out_unsendable(call, response)
        if call.action.name in WAITED_FOR and not extended.is_told:
            observe(self.events, extended, response)
            extended.is_told = True
        extended.once_stored(lambda: self._tell(extended, response))
        return response

    def _tell(self, call: CentralSystemCall, response: Any) -> None:
        observe(self.events, call, response)
        if self.settings.log.lifecycle:
            log_answered(call, response)

    def observe(self, exchanged: Exchanged) -> None:
        """Note an answered request before its answer leaves; one that reports energy and was not understood is kept.

        Raises StoreUnavailable or RetryLater if it cannot be kept, so that the station must keep it.
        """
        if (exchanged.outcome != UNDERSTOOD or exchanged.warnings) and outcome_of(exchanged) in NOT_UNDERSTOOD:
            try:
                self.kept.keep(exchanged)
            except StoreClosed as error:
                raise RetryLater("This process ends.") from error
        self.journal.add(exchanged)

    def start_transaction(self, request: StartTransactionRequest, call: CentralSystemCall) -> Transaction:
        """The transaction of a start: the default rule of StartTransaction, see :class:`Starting`."""
        return self._starting.start(request, call, authorize=call.authorize, max_concurrent=self.tags.max_concurrent)

    def stop_transaction(self, request: StopTransactionRequest, call: CentralSystemCall) -> Transaction:
        """The transaction that a stop closed: the default rule of StopTransaction, see :class:`Stopping`."""
        return self._stopping.stop(request, call)

    def start_workers(self) -> None:
        """Begin the background work of a process that serves: delivery of commands, watching over the fleet."""
        self.background.start()

    def close(self) -> None:
        """Store what is pending and close the store. Calling it again does nothing."""
        with ExitStack() as last_to_first:
            for part in (self.store, self.events, self.journal, self.contacts, self.access):
                last_to_first.callback(part.close)
            self.background.stop()

    def __enter__(self) -> CentralSystem:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _registered(self, station: Station) -> None:
        self.approval.registered(station)
        if self.settings.log.lifecycle:
            log_registered(station)
