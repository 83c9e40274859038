"""Every error of this package, in one tree.

::

    OcppSoapError
    ├── ConfigurationError          a setting is unknown or wrong; nothing was started
    ├── HandlerError                a handler file is missing, doubled or broken; nothing was started
    ├── InvalidMessage              a message of ours breaks the specification; nothing was sent
    │   └── NotSupportedInVersion   … because the version does not have it
    ├── Fault                       a SOAP fault, sent or received (12/15 §8.2)
    │   ├── SecurityError           Sender
    │   ├── IdentityMismatch        Sender
    │   ├── ProtocolError           Sender
    │   ├── InternalError           Receiver
    │   └── NotSupported            Receiver
    ├── RetryLater                  could succeed later: HTTP 503 or 429, no envelope
    ├── StorageError
    │   ├── AlreadyExists           create: the key is taken
    │   ├── NotAlone                create_alone: what must not be there is, or may be
    │   ├── NotFound                replace: no such key
    │   ├── RevisionConflict        replace, delete: somebody else wrote first
    │   ├── DocumentTooLarge        the backend cannot hold a document of that size
    │   ├── StoreClosed             used after close()
    │   └── StoreUnavailable        the backend does not answer, is full or read-only: RetryLater to a station
    └── CallFailed                  a call to the other side got no usable answer
        ├── NoAddress               no callback address is known, or it may not be used
        ├── Unreachable             no connection
        │   └── ConnectionLost      … any more: it ended before the answer, the message may have arrived
        ├── TimedOut                connected, no answer in time
        ├── BadAnswer               an answer that is not OCPP
        ├── TryLater                HTTP 503 or 429: to be sent again later
        └── Refused                 a SOAP fault came back (its Fault is the cause)
"""

from __future__ import annotations

from typing import Any


class OcppSoapError(Exception):
    """Root of the tree. ``str(error)`` is one sentence for people. Each can be copied, and sent to another process."""

    def __reduce__(self) -> tuple[Any, ...]:
        """The text and the attributes: a class may be made of other things than these."""
        return _again, (type(self), self.args), self.__dict__


def _again(error: type[OcppSoapError], args: tuple[Any, ...]) -> OcppSoapError:
    return error.__new__(error, *args)


class ConfigurationError(OcppSoapError):
    """A setting is unknown or has a wrong value."""


class HandlerError(OcppSoapError):
    """A handler file cannot be used; the message names the file."""


class InvalidMessage(OcppSoapError):
    """A message that we were about to send breaks the specification."""


class NotSupportedInVersion(InvalidMessage):
    """The message, field or value does not exist in the version to be spoken."""


class Fault(OcppSoapError):
    """A SOAP fault of OCPP: the class name is the subcode, ``sender`` tells Sender from Receiver.

    One of a class that is none of the five has the subcode of the one that it is derived from, else InternalError.
    ``kind`` is a short stable name of what was wrong, for the log and the counters; the peer does not get it.
    """

    sender = False
    default_reason = "The request could not be processed."

    def __init__(self, reason: str = "", *, kind: str = "") -> None:
        super().__init__(reason or self.default_reason)
        self.kind = kind

    @property
    def subcode(self) -> str:
        """The local name of the subcode, as in 12/15 §8.2."""
        return next((cls.__name__ for cls in type(self).__mro__ if cls.__name__ in FAULTS), InternalError.__name__)

    @property
    def reason(self) -> str:
        """The text for the peer; it never holds an exception's own text."""
        return str(self.args[0])


class SecurityError(Fault):
    """Not authenticated, or not allowed to use the operation."""

    sender = True
    default_reason = "The sender is not allowed to use this operation."


class IdentityMismatch(Fault):
    """The chargeBoxIdentity is not the one expected."""

    sender = True
    default_reason = "The chargeBoxIdentity is not the one expected here."


class ProtocolError(Fault):
    """The message breaks the protocol."""

    sender = True
    default_reason = "The message does not follow the protocol."


class InternalError(Fault):
    """The receiver failed in a way that a repeat would meet again."""

    default_reason = "The receiver failed while processing the request."


class NotSupported(Fault):
    """The receiver does not have this operation."""

    default_reason = "The operation is not supported."


FAULTS: dict[str, type[Fault]] = {
    cls.__name__: cls for cls in (SecurityError, IdentityMismatch, ProtocolError, InternalError, NotSupported)
}


class RetryLater(OcppSoapError):
    """What was asked could succeed later, so the sender must keep its message: no fault, an HTTP status instead."""

    def __init__(self, reason: str, *, status: int = 503, after: int = 30) -> None:
        super().__init__(reason)
        self.status = status
        self.after = after


class StorageError(OcppSoapError):
    """Root of what a store raises."""


class AlreadyExists(StorageError):
    """The key to be created is taken."""


class NotAlone(StorageError):
    """A document that must not be there is there, or it cannot be told in the same moment."""


class NotFound(StorageError):
    """There is no document of that key."""


class RevisionConflict(StorageError):
    """The document was changed since it was read."""


class DocumentTooLarge(StorageError):
    """The document exceeds what the backend can hold."""


class StoreClosed(StorageError):
    """The store was closed."""


class StoreUnavailable(StorageError):
    """The backend does not answer, is full, or cannot be written."""


class CallFailed(OcppSoapError):
    """A call to the other side got no usable answer."""


class NoAddress(CallFailed):
    """No callback address is known, or the known one may not be used."""


class Unreachable(CallFailed):
    """No connection could be made."""


class ConnectionLost(Unreachable):
    """The connection ended before a complete answer came: the message may have arrived."""


class TimedOut(CallFailed):
    """No answer came in time."""


class BadAnswer(CallFailed):
    """What came back is not an OCPP answer."""


class TryLater(CallFailed):
    """The other side cannot take the message now and wants it again, in ``after`` seconds if it said so."""

    def __init__(self, message: str, after: int | None = None) -> None:
        super().__init__(message)
        self.after = after


class Refused(CallFailed):
    """A SOAP fault came back."""

    def __init__(self, message: str, fault: Fault) -> None:
        super().__init__(message)
        self.fault = fault
