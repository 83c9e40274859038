"""Moving house: everything of one store into another, of any kind, resumed where it broke off and verified at the end.

The system that writes to the source is stopped meanwhile. Where the copy is, stands in the target, in the collection
``storage_copies``, until it has been verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ocpp_soap.errors import StorageError
from ocpp_soap.storage.base import Collection, Document, Page, Storage
from ocpp_soap.storage.encoding import encode

PROGRESS = Collection("storage_copies")
_AT_ONCE = 500

Progress = Callable[[str, str, int, int], None]
"""Called with the step (``copy`` or ``verify``), the collection, the documents done and their number in all."""

Changes = Mapping[Collection, Callable[[Document], Document]]
"""What becomes of each document of a collection on its way, the same whenever it is asked: page tokens are of a store.

A collection into which that looks is copied before."""


@dataclass(frozen=True)
class Copied:
    """What was copied of a collection: how many documents, and the checksum that both stores have."""

    collection: str
    documents: int
    checksum: str


def copy(
    source: Storage,
    target: Storage,
    collections: Sequence[Collection],
    counters: Sequence[str],
    *,
    changes: Changes = MappingProxyType({}),
    progress: Progress = lambda step, collection, done, total: None,
) -> list[Copied]:
    """Copy the documents of the collections, and let the counters of the target go on behind those of the source.

    Called again after it broke off, it goes on. Raises StorageError if the source holds nothing or what the target
    cannot hold, if the target holds something else or a part of another copy, and if both differ in the end, because
    something wrote meanwhile.
    """
    if target.count(PROGRESS) == 0:
        _refuse_empty(source, collections)
        _refuse_foreign(target, collections)
        target.put(PROGRESS, {collection.name: {"done": 0, "cursor": None} for collection in collections})
    for collection in collections:
        _copy(source, target, collection, changes, progress)
    for counter in counters:
        _advance(source, target, counter)
    copied = [_verify(source, target, collection, changes, progress) for collection in collections]
    for collection in collections:
        target.delete(PROGRESS, collection.name)
    return copied


def _refuse_empty(source: Storage, collections: Sequence[Collection]) -> None:
    if not any(map(source.count, collections)):
        about = source.check()
        place = ", ".join(f"{name} {value}" for name, value in about.detail.items() if name != "bytes")
        raise StorageError(
            f"The source, {about.backend} with {place}, holds nothing: check its place in the configuration (a "
            "relative path begins at the current folder)"
        )


def _refuse_foreign(target: Storage, collections: Sequence[Collection]) -> None:
    for collection in collections:
        found = target.count(collection)
        if found:
            documents = "1 document" if found == 1 else f"{found} documents"
            raise StorageError(
                f"The target already holds {documents} in {collection.name}, and no copy to it broke off: "
                "name an empty store"
            )


def _copy(source: Storage, target: Storage, collection: Collection, changes: Changes, progress: Progress) -> None:
    begun = target.get(PROGRESS, collection.name)
    done, cursor = (begun.document["done"], begun.document["cursor"]) if begun else (0, None)
    total = source.count(collection)
    change = changes.get(collection, _unchanged)
    progress("copy", collection.name, done, total)
    for page in _pages(source, collection, cursor):
        entries = [(item.key, change(item.document)) for item in page.items]
        try:
            if collection.append_only:
                target.append(collection, entries, durable=True)
            else:
                target.put(collection, dict(entries))
        except ValueError as error:
            raise StorageError(f"{collection.name}: the target cannot hold one of its documents: {error}") from error
        done += len(entries)
        target.put(PROGRESS, {collection.name: {"done": done, "cursor": page.cursor}})
        progress("copy", collection.name, done, total)


def _advance(source: Storage, target: Storage, counter: str) -> None:
    behind = source.increment(counter) - target.increment(counter)
    if behind > 0:
        target.increment(counter, behind)


def _verify(source: Storage, target: Storage, collection: Collection, changes: Changes, progress: Progress) -> Copied:
    change = changes.get(collection, _unchanged)
    there = _checksum(source, collection, change, progress, source.count(collection))
    here = _checksum(target, collection, _unchanged, progress, there[0])
    if here != there:
        raise StorageError(
            f"{collection.name}: the source has {there[0]} documents with the checksum {there[1][:12]}, the target "
            f"{here[0]} with {here[1][:12]}. Stop what writes to either of them, then copy into an empty store"
        )
    return Copied(collection.name, *there)


def _unchanged(document: Document) -> Document:
    return document


def _checksum(
    store: Storage, collection: Collection, change: Callable[[Document], Document], progress: Progress, total: int
) -> tuple[int, str]:
    """How many documents, and a digest of all keys and contents in their order, each content changed before."""
    digest = hashlib.sha256()
    done = 0
    for page in _pages(store, collection, None):
        for item in page.items:
            digest.update(f"{len(item.key)}:{item.key}{encode(change(item.document), sort_keys=True)}\n".encode())
        done += len(page.items)
        progress("verify", collection.name, done, total)
    return done, digest.hexdigest()


def _pages(store: Storage, collection: Collection, after: str | None) -> Iterator[Page]:
    while True:
        try:
            page = store.find(collection, limit=_AT_ONCE, after=after)
        except ValueError:
            raise StorageError(
                f"{collection.name}: the copy that broke off was from another store: copy from that one, or into an "
                "empty store"
            ) from None
        if page.items:
            yield page
        if page.next is None:
            return
        after = page.next
