"""The storage contract: plain documents under string keys, and a dozen atomic verbs.

A document is a ``dict`` with string keys of any spelling (dots, dollars, unicode) that holds None, bool, int (64 bit),
float (finite), str, aware datetimes (to the microsecond, read back in UTC), and lists and dicts of these; anything else
is a ValueError, as is an empty key of a document. Collections are declared in advance, with the top-level fields that
can be searched. Every verb is atomic by itself and safe to call from any thread and any process; there are no
transactions over several documents, so what must not happen twice is keyed by its content.

Some verbs take a ``pending``, which says that an answer can wait for them instead of the calling thread. A backend may
then begin the write and return what it returns where that succeeds; ``pending`` is told when it is over, and the
caller answers nobody before. What is refused, or fails, is then told by ``pending`` only.

Every verb raises :class:`~ocpp_soap.errors.StoreClosed` after :meth:`Storage.close` and
:class:`~ocpp_soap.errors.StoreUnavailable` when the backend cannot do it now.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

from ocpp_soap.errors import NotAlone
from ocpp_soap.pending import Pending

Document = dict[str, Any]
Entries = Sequence[tuple[str, Document]]
"""Keys and documents, to be appended to a time series."""


MOST_AHEAD = timedelta(seconds=1)
"""How far the time of ``Collection.latest`` may lie ahead of the backend's clock and still count."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Only:
    """A field of an index that serves searches for this one ``value`` of it only.

    A backend may leave documents with another value out of the index, so that it costs nothing for them.
    """

    field: str
    value: str


Index = tuple["str | Only", ...]
"""The fields that a kind of search compares, in the order of the backend's index."""


def field_names(index: Index) -> tuple[str, ...]:
    """The names of the fields of an index."""
    return tuple(part.field if isinstance(part, Only) else part for part in index)


@dataclass(frozen=True, eq=False)
class Collection:
    """A kind of document, declared once. ``indexes``: one tuple of top-level fields for each kind of search.

    See ``Storage.find``. In the place of a field there may be an :class:`Only`.
    An indexed field holds strings, numbers, bools or datetimes, not a mixture of them; None is the same as missing.
    ``append_only``: written by ``append`` only, as a time series, kept in the order of arrival.
    ``latest``: a field by which ``put`` leaves the stored document alone where it has a greater value there; but not
    where that is a time more than :data:`MOST_AHEAD` in the future: then a clock was ahead when it was stored.
    ``telemetry``: much of it arrives, so that ``write`` may take the cheapest way that survives kill -9; entries of
    several processes, or some of which were written durably or with what is no telemetry, may then be kept in another
    order than they were written in.
    ``watched``: fields by each of which ``append_found`` searches often, for a backend that can tell whether a document
    with a value of it was written since; a document keeps its value.
    """

    name: str
    indexes: tuple[Index, ...] = ()
    append_only: bool = False
    latest: str = ""
    telemetry: bool = False
    watched: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.name, *self.fields):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r}: a collection or an indexed field is named in lower case, like 'id_tag'")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields that are compared, by an index or as ``latest``, each once."""
        compared = [*(name for index in self.full_indexes for name in index), *filter(None, (self.latest,))]
        return tuple(dict.fromkeys(compared))

    @cached_property
    def full_indexes(self) -> tuple[tuple[str, ...], ...]:
        """The indexes of a backend whose indexes have all documents, each once."""
        return tuple(dict.fromkeys(map(field_names, self.indexes)))


@dataclass(frozen=True, slots=True)
class Other:
    """A document beside which another must not be created: one of that key, or one that a search finds.

    ``which`` is the key, or what ``count`` takes, without a range. ``also``: top-level fields that need no index, and
    the text or number that the document has there too; they are compared in each document that is found.
    """

    collection: Collection
    which: str | Mapping[str, Any]
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as stored; ``revision`` grows with every write of it."""

    key: str
    revision: int
    document: Document


class Again(NamedTuple):
    """A document that was read again. ``state`` stands for its content; ``stored`` is None if that was known."""

    state: Any
    stored: Stored | None


@dataclass(frozen=True, slots=True)
class Range:
    """A condition on one field: ``at_least <= value < below``; either end may be open (None)."""

    at_least: Any = None
    below: Any = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the documents found; ``next`` goes into ``after`` of the next call, None: there are no more.

    ``cursor`` goes into ``after`` too: the place behind the last item, None only if there is no item. With it, a
    reader of a time series comes back later for what has arrived since.
    """

    items: list[Stored]
    next: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What ``check`` tells of a backend: its name and version, and how long a round trip took."""

    backend: str
    version: str
    latency_ms: float
    detail: Mapping[str, Any] = field(default_factory=dict)


class Storage(ABC):
    """The verbs that a backend implements. See the module for what a document may hold.

    ``again_for_one``: how many times :meth:`get_again` reads a document among others for what one :meth:`get` costs.
    """

    again_for_one: int = 15

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Any) -> Storage:
        """The store that the section ``storage`` of the configuration describes; it connects at the first use."""

    @abstractmethod
    def create(self, collection: Collection, key: str, document: Document, *, durable: bool = False) -> Stored:
        """Store a new document. Raises AlreadyExists. ``durable``: on disk (not only safe from kill -9) on return."""

    def create_alone(
        self,
        collection: Collection,
        key: str,
        document: Document,
        others: Sequence[Other],
        append: Mapping[Collection, Entries] | None = None,
        *,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> Stored:
        """Store a new document if in the same moment there is none of ``others``.

        Then append entries, as :meth:`create_and_append` does. Raises NotAlone if there is one of them, and always
        where the backend cannot tell: the caller then looks for them, before and afterwards. Raises AlreadyExists, and
        ValueError as ``count`` does.

        A backend that cannot look in the same moment may look when it has stored the document, so that of two the later
        one finds the other, and append only where it finds none. The document is then stored although NotAlone is
        raised, or although ``pending`` is told that not all was.
        """
        raise NotAlone(f"{collection.name}: this store cannot tell in the same moment what else there is")

    @abstractmethod
    def get(self, collection: Collection, key: str) -> Stored | None:
        """The document of that key, or None."""

    @abstractmethod
    def get_many(self, collection: Collection, keys: Iterable[str]) -> dict[str, Stored]:
        """Those of the keys that exist."""

    def get_again(self, collection: Collection, known: Mapping[str, Any]) -> dict[str, Again]:
        """Those of the keys that exist, each with its state, which is to be given the next time; None at first.

        For what is read again and again and seldom changes: of what still has the state that is given, which another
        content has by chance once in 2**64 times, a backend need not make a document.
        """
        return {key: Again(None, stored) for key, stored in self.get_many(collection, known).items()}

    @abstractmethod
    def replace(
        self,
        collection: Collection,
        key: str,
        document: Document,
        *,
        revision: int,
        durable: bool = False,
        before: Document | None = None,
    ) -> Stored:
        """Store a new content for a key that still has that revision. Raises NotFound, RevisionConflict.

        ``before``: the content in that revision, for callers that have it; what is the same need not be written.
        """

    def create_and_append(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        *,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> Stored:
        """As ``create``, and then append entries as ``write`` does, in the same go where the backend can.

        Nothing is appended beside a document that is refused. When it raises StoreUnavailable, the document may be
        stored without them: its sender has to come again.
        """
        stored = self.create(collection, key, document, durable=durable)
        self.write(append=append)
        return stored

    def replace_and_append(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        *,
        revision: int,
        durable: bool = False,
        before: Document | None = None,
        pending: Pending | None = None,
    ) -> Stored:
        """As ``replace``, and then append entries, as :meth:`create_and_append` does."""
        stored = self.replace(collection, key, document, revision=revision, durable=durable, before=before)
        self.write(append=append)
        return stored

    @abstractmethod
    def put(self, collection: Collection, documents: Mapping[str, Document]) -> None:
        """Store each of the documents whether or not its key exists. For any number at once.

        The last writer wins; in a collection with a field ``latest``, the document with the greatest value of it, as
        said there.
        """

    @abstractmethod
    def delete(self, collection: Collection, key: str, *, revision: int | None = None) -> bool:
        """Remove a document; False: there was none. Raises RevisionConflict if a revision is given and differs."""

    @abstractmethod
    def delete_where(self, collection: Collection, where: Mapping[str, Any], *, limit: int = 10_000) -> int:
        """Remove up to ``limit`` of the documents that ``find`` would return, the first ones; return how many.

        Raises ValueError as ``find`` does. Others may see some of them gone before the rest.
        """

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
        settled: bool = False,
    ) -> Page:
        """Documents whose fields equal the values of ``where`` (or lie in its one :class:`Range`).

        Sorted by ``order``, else by the field of the Range, else by key, or by arrival in an append-only collection.
        The fields of ``where`` in any order, then the one that sorts, must be a declared index; only a search without
        both needs none. The order is total (ties by key or arrival), so paging with ``after`` neither skips nor
        repeats what did not change. A document without the ``order`` field comes first, descending last, and is in no
        Range. Raises ValueError for a search that no index serves, for a limit below 1, and for a token of another
        search, of another kind of store or of another file; a token is a place, from which either direction goes on.

        ``settled``: for who follows a time series in the order of arrival with cursors. The page ends before what may
        still get another entry before it, by the clock of the backend; there is no ``next`` then.
        """

    @abstractmethod
    def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        """How many documents ``find`` would return in all. An index that begins with the fields of ``where`` serves."""

    @abstractmethod
    def increment(self, counter: str, by: int = 1) -> int:
        """Add ``by`` (at least 1) to a named counter that begins at 0 and return its new value; never twice the same.

        The values are below 2**31 (StorageError when they are used up); a backend may skip some. With ``by`` the
        caller owns the ``by`` values that end with the one returned.
        """

    @abstractmethod
    def append(self, collection: Collection, entries: Entries, *, durable: bool = False) -> int:
        """Add entries to a time series in their order; one whose key is there already is passed over.

        Returns how many were new. When it raises, a backend without transactions may hold the first entries; the same
        call again adds the rest and doubles none.
        """

    def write(
        self,
        *,
        append: Mapping[Collection, Entries] | None = None,
        put: Mapping[Collection, Mapping[str, Document]] | None = None,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> None:
        """Append to and put into several collections: as cheap as one write where the backend can.

        On return it is safe from kill -9 and seen by every later search; telemetry up to some seconds later while
        many thousands of messages a second arrive. Each part is atomic by itself. The appends come first, so that a
        failure between them leaves no ``put`` without its ``append``.
        """
        for collection, entries in (append or {}).items():
            self.append(collection, entries, durable=durable)
        for collection, documents in (put or {}).items():
            self.put(collection, documents)

    def append_found(
        self,
        collection: Collection,
        entries: Entries,
        source: Collection,
        where: Mapping[str, Any],
        fields: Callable[[Sequence[Stored]], Document],
        *,
        order: str | None = None,
        pending: Pending | None = None,
    ) -> None:
        """Append entries, each with what ``fields`` makes of the documents that ``find`` finds in ``source``.

        As cheap as one ``write`` where the backend can, and as safe. ``fields`` gets all that is found and may run in
        another thread, for which others wait; what it returns has no name that an entry has.
        """
        added = fields(self.find_all(source, where, order=order))
        self.write(append={collection: [(key, {**document, **added}) for key, document in entries]})

    def find_all(
        self, collection: Collection, where: Mapping[str, Any], *, order: str | None = None
    ) -> Sequence[Stored]:
        """All that ``find`` finds, which must not be much. Others may get the same documents: leave them alone."""
        return [item for page in self.find_pages(collection, where, order=order) for item in page.items]

    def find_pages(
        self,
        collection: Collection,
        where: Mapping[str, Any] | None = None,
        *,
        order: str | None = None,
        limit: int = 100,
    ) -> Iterator[Page]:
        """All that ``find`` finds, page by page; a page is read when the one before it was dealt with."""
        after = None
        while True:
            page = self.find(collection, where, order=order, limit=limit, after=after)
            yield page
            after = page.next
            if after is None:
                return

    @abstractmethod
    def indexes(self, collection: Collection) -> list[str]:
        """The names of the indexes of a collection that there are; for Cloud Firestore, those that it needs."""

    @abstractmethod
    def check(self) -> StoreInfo:
        """Ask the backend for a sign of life. Raises StorageError where it gives none, or is known to take no write."""

    def tend(self, stop: threading.Event) -> None:
        """Do what is to be done now and then until ``stop`` is set, in a process that does nothing else.

        It is done without that too, beside the work of others. Returns at once where there is nothing to do.
        """
        return

    @abstractmethod
    def close(self) -> None:
        """Write what is pending and let go of files and connections. Calling it again does nothing."""
