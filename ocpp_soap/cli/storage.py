"""``ocpp-soap storage``: check, back up and move what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ocpp_soap import storage
from ocpp_soap.central_system.collections import ALL, COUNTERS, WEBHOOKS
from ocpp_soap.central_system.webhooks import moved
from ocpp_soap.cli.context import interrupted_by_sigterm, load_settings
from ocpp_soap.cli.output import json_option, print_hint, print_json, print_record, print_table
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.storage import BACKENDS, Storage
from ocpp_soap.storage.copy import copy as copy_store
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.firebase_indexes import composite_indexes

_BACKEND = click.Choice(list(BACKENDS))


@click.group(name="storage")
def command() -> None:
    """Check, back up and move what is stored."""


@command.command()
@click.option("--backend", type=_BACKEND, help="Another one than the configured.")
@json_option
@click.pass_context
def check(ctx: click.Context, /, *, backend: str | None, as_json: bool) -> None:
    """Ask the store for its version and latency, its indexes and the number of documents.

    \b
    Example:
      ocpp-soap storage check
    """
    with _opened(ctx, backend) as store:
        info = store.check()
        collections = [(item.name, store.count(item), store.indexes(item)) for item in ALL]
    about = {
        "backend": info.backend,
        "version": info.version,
        "latency_ms": round(info.latency_ms, 3),
        **info.detail,
    }
    if as_json:
        rows = [dict(zip(("collection", "documents", "indexes"), row, strict=True)) for row in collections]
        print_json({**about, "collections": rows})
        return
    print_record(about)
    counts = [(name, documents, len(indexes)) for name, documents, indexes in collections]
    print_table(("collection", "documents", "indexes"), counts, nothing="Nothing is stored.")


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_context
def backup(ctx: click.Context, /, *, path: Path) -> None:
    """Copy the file store to the new file PATH while the system runs.

    \b
    Example:
      ocpp-soap storage backup /var/backups/ocpp-soap-$(date +%F).sqlite
    """
    with _opened(ctx, None) as store:
        if not isinstance(store, FileStorage):
            raise ConfigurationError(
                "storage backup copies a file store. Use mongodump for MongoDB, gcloud firestore export for Firebase, "
                "or: storage copy --to file"
            )
        store.backup(path)
    print_hint(f"{path} holds everything up to now. To use it, name it in storage.file.path.")


@command.command()
@click.option("--from", "source", type=_BACKEND, required=True, help="Where everything is now.")
@click.option("--to", "target", type=_BACKEND, required=True, help="An empty store.")
@json_option
@click.pass_context
def copy(ctx: click.Context, /, *, source: str, target: str, as_json: bool) -> None:
    """Copy everything to another store, and verify it. Stop the central system first.

    Both are used as the configuration describes them. A copy that broke off goes on when the command is given again.

    \b
    Example:
      ocpp-soap storage copy --from file --to mongodb
    """
    if source == target:
        raise ConfigurationError("storage copy needs two different backends")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[tuple[str, str], TaskID] = {}
    with (
        _opened(ctx, source) as old,
        _opened(ctx, target) as new,
        Progress(*columns, console=Console(stderr=True)) as bar,
    ):

        def progress(step: str, collection: str, done: int, total: int) -> None:
            task = tasks.setdefault((step, collection), TaskID(-1))
            if task == -1:
                task = tasks[step, collection] = bar.add_task(f"{step} {collection}", total=total)
            bar.update(task, completed=done)

        changes = {WEBHOOKS: partial(moved, old, new)}
        copied = copy_store(old, new, ALL, COUNTERS, changes=changes, progress=progress)
    if as_json:
        print_json({"from": source, "to": target, "collections": copied})
        return
    rows = [(item.collection, item.documents, item.checksum[:12]) for item in copied]
    print_table(("collection", "documents", "checksum"), rows, nothing="Nothing is stored.")
    print_hint(f"Both stores hold the same. Now set storage.backend: {target}")


@command.command()
def indexes() -> None:
    """Print the composite indexes that Cloud Firestore needs, as firestore.indexes.json.

    For another database than (default), name it in firebase.json.

    \b
    Example:
      ocpp-soap storage indexes > firestore.indexes.json
      echo '{"firestore": {"database": "(default)", "indexes": "firestore.indexes.json"}}' > firebase.json
      firebase deploy --only firestore:indexes --project my-project
    """
    print_json(composite_indexes(ALL))


@contextmanager
def _opened(ctx: click.Context, backend: str | None) -> Iterator[Storage]:
    chosen: Any = load_settings(ctx).storage
    if backend is not None:
        chosen = chosen.model_copy(update={"backend": backend})
    with closing(storage.open(chosen)) as store, interrupted_by_sigterm():
        yield store
