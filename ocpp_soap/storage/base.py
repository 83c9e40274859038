"""The storage contract: plain documents under string keys, and a dozen atomic verbs.

A document is a ``dict`` with string keys of any spelling (dots, dollars, unicode) that holds None, bool, int (64 bit),
float, str, aware datetimes (to the microsecond, read back in UTC), and lists and dicts of these. Collections are
declared in advance, with the top-level fields that can be searched. Every verb is atomic by itself and safe to call
from any thread and any process; there are no transactions over several documents, so what must not happen twice is
keyed by its content.

Every verb raises :class:`~ocpp_soap.errors.StoreClosed` after :meth:`Storage.close` and
:class:`~ocpp_soap.errors.StoreUnavailable` when the backend cannot do it now.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Collection:
    """A kind of document. ``indexes``: the tuples of top-level fields that ``find`` may search and sort by.

    ``append_only``: written by ``append`` only, as a time series, kept in the order of arrival.
    """

    name: str
    indexes: tuple[tuple[str, ...], ...] = ()
    append_only: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as stored; ``revision`` grows with every write of it."""

    key: str
    revision: int
    document: Document


@dataclass(frozen=True, slots=True)
class Range:
    """A condition on one field: ``at_least <= value < below``; either end may be open (None)."""

    at_least: Any = None
    below: Any = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the documents found; ``next`` goes into ``after`` of the next call, None: there are no more."""

    items: list[Stored]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What ``check`` tells of a backend: its name and version, and how long a round trip took."""

    backend: str
    version: str
    latency_ms: float
    detail: Mapping[str, Any] = field(default_factory=dict)


class Storage(ABC):
    """The verbs that a backend implements. See the module for what a document may hold."""

    @abstractmethod
    def create(self, collection: Collection, key: str, document: Document, *, durable: bool = False) -> Stored:
        """Store a new document. Raises AlreadyExists. ``durable``: on disk (not only safe from kill -9) on return."""

    @abstractmethod
    def get(self, collection: Collection, key: str) -> Stored | None:
        """The document of that key, or None."""

    @abstractmethod
    def get_many(self, collection: Collection, keys: Iterable[str]) -> dict[str, Stored]:
        """Those of the keys that exist."""

    @abstractmethod
    def replace(
        self, collection: Collection, key: str, document: Document, *, revision: int, durable: bool = False
    ) -> Stored:
        """Store a new content for a key that still has that revision. Raises NotFound, RevisionConflict."""

    @abstractmethod
    def put(self, collection: Collection, documents: Mapping[str, Document]) -> None:
        """Store each of the documents whether or not its key exists; the last writer wins. For any number at once."""

    @abstractmethod
    def delete(self, collection: Collection, key: str, *, revision: int | None = None) -> bool:
        """Remove a document; False: there was none. Raises RevisionConflict if a revision is given and differs."""

    @abstractmethod
    def find(
        self,
        collection: Collection,
        where: Mapping[str, Any] | None = None,
        *,
        order: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """Documents whose fields equal the values of ``where`` (or lie in its one :class:`Range`).

        The fields of ``where``, then ``order``, must be the beginning of a declared index (``order`` alone, or no
        ``where``, too). ``order`` None sorts by key, or by arrival in an append-only collection. The order is total
        (ties by key or arrival), so paging with ``after`` neither skips nor repeats what did not change. A document
        without the ``order`` field comes first. Raises ValueError for a search that no index serves.
        """

    @abstractmethod
    def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        """How many documents ``find`` would return in all."""

    @abstractmethod
    def increment(self, counter: str, by: int = 1) -> int:
        """Add ``by`` (at least 1) to a named counter that begins at 0 and return its new value; never twice the same.

        Values are unique and below 2**31; a backend may skip some.
        """

    @abstractmethod
    def append(
        self, collection: Collection, entries: Sequence[tuple[str, Document]], *, durable: bool = False
    ) -> int:
        """Add entries to a time series in their order, all or none; one whose key is there already is passed over.

        Returns how many were new.
        """

    @abstractmethod
    def check(self) -> StoreInfo:
        """Ask the backend for a sign of life."""

    @abstractmethod
    def close(self) -> None:
        """Write what is pending and let go of files and connections. Calling it again does nothing."""
