"""What the rules share: records as documents, lists in pages, content keys, and changes that lose no other's write."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Generic, TypeVar

import orjson

from ocpp_soap.central_system.texts import LONGEST_NAME, shortened
from ocpp_soap.dispatch import LONGEST_IN_WARNING, MessageWarning
from ocpp_soap.errors import NotFound, RetryLater, RevisionConflict
from ocpp_soap.messages import describe
from ocpp_soap.pending import Pending
from ocpp_soap.storage.base import Collection, Document, Entries, Storage, Stored
from ocpp_soap.storage.encoding import datetime_text

T = TypeVar("T")
ATTEMPTS = 100
PAGE = 500
_PLAIN = frozenset({str, int, float, bool, datetime, type(None)})
_FIELD_NAMES: dict[type[Any], dict[str, None]] = {}
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Some of the records found; ``next`` goes into ``after`` of the next call, None: there are no more."""

    items: list[T]
    next: str | None = None


def document_of(record: Any) -> Document:
    """A dataclass as a plain document: choices as their text, parts as documents, absent values left out."""
    document: Document = {}
    for name in _field_names(type(record)):
        value = getattr(record, name)
        if value is not None:
            document[name] = value if type(value) in _PLAIN else plain(value)
    return document


def storable(message: Any, warnings: list[MessageWarning]) -> Document:
    """A message as a plain document with no text that is longer than a name; ``warnings`` tells what was cut."""
    document = document_of(message)
    for info in describe(type(message)):
        if isinstance(document.get(info.name), str):
            document[info.name] = shortened(document[info.name], info.wire_name, warnings, LONGEST_NAME)
    return document


def plain(value: Any) -> Any:
    """A value as a document holds it."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return document_of(value)
    return value


def record_of(cls: type[T], document: Mapping[str, Any]) -> T:
    """The dataclass of a document; fields that the class does not have are passed over."""
    if document.keys() <= _field_names(cls).keys():
        return cls(**document)
    return cls(**{name: document[name] for name in _field_names(cls) if name in document})


def _field_names(cls: type[Any]) -> dict[str, None]:
    """The names of the fields in their order."""
    names = _FIELD_NAMES.get(cls)
    if names is None:
        names = _FIELD_NAMES[cls] = dict.fromkeys(field.name for field in dataclasses.fields(cls))
    return names


def warning_documents(warnings: Iterable[MessageWarning]) -> list[Document]:
    """Warnings as they are kept with a record: ``[{"kind": …, "where": …, "sent": …}]``."""
    return [warning_document(warning) for warning in warnings]


def warning_document(warning: MessageWarning) -> Document:
    """One warning as it is kept, of names and texts that are no longer than in any message that is read."""
    return {
        "kind": warning.kind,
        "where": warning.where[:LONGEST_IN_WARNING],
        "sent": warning.sent[:LONGEST_IN_WARNING],
    }


def fold(id_tag: str) -> str:
    """The spelling under which an idTag is compared: tags are case-insensitive (15 §3.8).

    For one that is too long to be a key of every store, and so is in no table, its digest stands.
    """
    folded = id_tag.strip().lower()
    return folded if len(folded) <= LONGEST_NAME else digest(folded)


def arrival_key() -> str:
    """A key for something that has no content of its own to be known by; later ones sort later, more or less."""
    return f"{time.time_ns():016x}{random.getrandbits(64):016x}"


def digest(*parts: Any, at: datetime | None = None) -> str:
    """A key made of content: equal parts give the same 40 hexadecimal digits in every process.

    With ``at``, the time at which it happened, later ones sort later, so that a store has them beside each other.
    """
    return digest_of(canonical(parts).encode("utf-8", "surrogatepass"), at)


def canonical(content: Any) -> str:
    """Content as one text that is the same for equal content, with times in UTC; documents keep their order."""
    try:
        return orjson.dumps(content, _time_text, _OPTIONS).decode()
    except TypeError:  # half a surrogate pair, or a number beyond 64 bits
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=_time_text)


def digest_of(content: bytes, at: datetime | None = None) -> str:
    """The key of content as bytes that are the same for equal content, see :func:`digest`."""
    key = hashlib.sha256(content).hexdigest()
    return key[:40] if at is None else f"{max(0, int(at.timestamp() * 1000)):012x}{key[:28]}"


def _time_text(value: Any) -> str:
    if isinstance(value, datetime):
        return datetime_text(value.astimezone(timezone.utc))
    raise TypeError(f"{value!r} cannot be part of a content key")


def revise(
    store: Storage,
    collection: Collection,
    key: str,
    change: Callable[[Document], Document | None],
    *,
    durable: bool = False,
    revision: int | None = None,
    stored: Stored | None = None,
    append: Mapping[Collection, Entries] | None = None,
    pending: Pending | None = None,
) -> Stored | None:
    """Change a document so that no concurrent writer's change is lost.

    ``change`` gets the content and returns the new one, or None to leave it; it runs again if somebody else wrote
    first. Returns the document as it is now, None if there is none. With ``revision``, raises RevisionConflict if the
    document has another one. ``stored`` is the document as read a moment ago, which saves a reading. ``append`` are
    entries that are appended with the change, and not without one; with ``pending`` both may only be begun on return.
    """
    for _ in range(ATTEMPTS):
        stored = stored or store.get(collection, key)
        if stored is None:
            return None
        if revision is not None and stored.revision != revision:
            raise RevisionConflict(f"{collection.name} {key}: changed since revision {revision}")
        content = change(dict(stored.document))
        if content is None:
            return stored
        try:
            known: dict[str, Any] = {"revision": stored.revision, "durable": durable, "before": stored.document}
            if append is None:
                return store.replace(collection, key, content, **known)
            return store.replace_and_append(collection, key, content, append, pending=pending, **known)
        except RevisionConflict:
            stored = None
        except NotFound:
            return None
    raise RetryLater(f"{collection.name} {key}: too many writers at once")


def select(
    store: Storage,
    collection: Collection,
    where: Mapping[str, Any],
    read: Callable[[Document], T],
    *,
    keep: Callable[[T], bool] | None = None,
    order: str | None = None,
    descending: bool = False,
    limit: int = 100,
    after: str | None = None,
) -> Listing[T]:
    """Find documents through an index, read them as records and keep those that ``keep`` says, up to ``limit``."""
    found: list[T] = []
    while True:
        page = store.find(collection, where, order=order, descending=descending, limit=limit - len(found), after=after)
        records = [read(item.document) for item in page.items]
        found += records if keep is None else [record for record in records if keep(record)]
        after = page.next
        if after is None or len(found) >= limit:
            return Listing(found, after)


def every(find: Callable[..., Listing[T]], **filters: Any) -> Iterator[T]:
    """All that a list of the rules finds, read page by page."""
    after = None
    while True:
        page = find(limit=PAGE, after=after, **filters)
        yield from page.items
        after = page.next
        if after is None:
            return
