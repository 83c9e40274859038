"""The folders of the file area, the right to use them, and the list of what was uploaded.

``<path>/transfers/<random name>/`` is the folder of one command and all that its credentials reach;
``<path>/firmware/`` holds the files that can be offered. What root makes here gets the owner of
the folder it is in.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO

from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.files.names import checked
from ocpp_soap.central_system.files.record import Direction, Grant, StoredFile
from ocpp_soap.central_system.files.space import Space
from ocpp_soap.central_system.fleet_collections import FILES, GRANTS
from ocpp_soap.central_system.records import Listing, digest, document_of, record_of, select
from ocpp_soap.errors import ConfigurationError, NotFound
from ocpp_soap.storage.base import Document, Range, Storage
from ocpp_soap.storage.private_files import make_folder, opener

PAGE = 500
_CHUNK = 1024 * 1024


class FileArea:
    """The file area under ``path``. ``max_size`` in bytes and ``lifetime`` in seconds are of one command."""

    def __init__(self, store: Storage, events: Events, path: Path, *, max_size: int, lifetime: float) -> None:
        self._store = store
        self._events = events
        self._path = path
        self._max_size = max_size
        self._lifetime = lifetime

    def grant_upload(self, charge_box_identity: str) -> tuple[Grant, str]:
        """The right to upload into a new folder, and its password."""
        return self._grant(charge_box_identity, Direction.UPLOAD)

    def grant_download(
        self, charge_box_identity: str, firmware: str, since: datetime | None = None
    ) -> tuple[Grant, str]:
        """The right to fetch a firmware file, and its password; ``since``: the station fetches it then or later.

        Raises NotFound, ValueError for what is no name or a time too far ahead, or ConfigurationError for a file that
        this user may not read.
        """
        source = self._path / "firmware" / checked(firmware)
        with _open(source) as content:
            grant, password = self._grant(charge_box_identity, Direction.DOWNLOAD, firmware, since)
            target = self.folder(grant) / firmware
            try:
                try:
                    os.link(source, target)
                except OSError:
                    _copy(content, target)
            except BaseException:
                self.end(grant)
                raise
        return grant, password

    def assign(self, grant: Grant, command_id: int) -> None:
        """Say for which command a right was given."""
        self._store.put(GRANTS, {grant.username: document_of(replace(grant, command_id=command_id))})

    def verify(self, username: str, password: str) -> Grant | None:
        """The right that these credentials give; None: none, or no longer."""
        stored = self._store.get(GRANTS, username) if username else None
        grant = record_of(Grant, stored.document) if stored else None
        expected = grant.password_digest if grant else ""
        is_right = hmac.compare_digest(_digest(password), expected)
        return grant if grant is not None and is_right and grant.is_valid else None

    def folder(self, grant: Grant) -> Path:
        """The folder of a right; it exists as long as the right does."""
        return self._path.resolve() / "transfers" / grant.username

    def space(self, grant: Grant) -> Space:
        """The space that a right has for uploads."""
        return Space(self.folder(grant), grant.max_size)

    def received(self, grant: Grant, name: str) -> StoredFile:
        """List a file that has arrived in the folder of a right."""
        file = self.folder(grant) / checked(name)
        found = StoredFile(
            file_id=digest(grant.username, name)[:16],
            charge_box_identity=grant.charge_box_identity,
            name=name,
            size=file.stat().st_size,
            sha256=_sha256(file),
            received_at=datetime.now(timezone.utc),
            username=grant.username,
            command_id=grant.command_id,
        )
        self._store.put(FILES, {found.file_id: document_of(found)})
        self._events.add(
            "file.received",
            grant.charge_box_identity,
            key=f"file:{found.file_id}:{found.sha256}",
            file_id=found.file_id,
            name=name,
            size=found.size,
            command_id=grant.command_id,
        )
        return found

    def get(self, file_id: str) -> StoredFile | None:
        """The uploaded file of that id, or None."""
        stored = self._store.get(FILES, file_id)
        return None if stored is None else record_of(StoredFile, stored.document)

    def path_of(self, file: StoredFile) -> Path:
        """Where an uploaded file is."""
        return self._path.resolve() / "transfers" / file.username / file.name

    def list(
        self,
        *,
        charge_box_identity: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[StoredFile]:
        """The uploaded files, of a station or of all, in the order of arrival."""
        where: Document = {} if charge_box_identity is None else {"charge_box_identity": charge_box_identity}
        return select(
            self._store,
            FILES,
            where,
            lambda document: record_of(StoredFile, document),
            order="received_at",
            descending=descending,
            limit=limit,
            after=after,
        )

    def remove(self, file_id: str) -> bool:
        """Delete an uploaded file; False: there is none of that id."""
        file = self.get(file_id)
        if file is None:
            return False
        self.path_of(file).unlink(missing_ok=True)
        return self._store.delete(FILES, file_id)

    def add_firmware(self, source: Path, name: str = "") -> Path:
        """Copy a file to where it can be offered to stations, under its name or another. Raises ValueError for none."""
        target = self._path / "firmware" / checked(name or source.name)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        with source.open("rb") as content:
            _make_folder(target.parent)
            try:
                _copy(content, part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        return target

    def firmware(self) -> Iterator[Path]:
        """The files that can be offered, by name."""
        folder = self._path / "firmware"
        return iter(sorted(file for file in folder.glob("*") if not file.name.startswith(".")))

    def tidy(self, mark: Document) -> Document:
        """Take back rights whose time is over, with their folders unless something listed is in them."""
        while True:
            page = self._store.find(GRANTS, {"expires_at": Range(None, datetime.now(timezone.utc))}, limit=PAGE)
            for item in page.items:
                self.end(record_of(Grant, item.document))
            if len(page.items) < PAGE:
                return mark

    def end(self, grant: Grant) -> None:
        """Take a right back, with its folder but for what has arrived."""
        folder = self.folder(grant)
        for file in folder.glob("*"):
            if grant.direction == Direction.DOWNLOAD or self.get(digest(grant.username, file.name)[:16]) is None:
                file.unlink(missing_ok=True)
        self.space(grant).remove()
        self._store.delete(GRANTS, grant.username)

    def _grant(
        self, charge_box_identity: str, direction: Direction, file_name: str = "", since: datetime | None = None
    ) -> tuple[Grant, str]:
        now = datetime.now(timezone.utc)
        try:
            expires_at = max(now, since or now) + timedelta(seconds=self._lifetime)
        except OverflowError:
            raise ValueError(
                f"{since}: expected a time that is at least files.lifetime before the year 10000"
            ) from None
        password = secrets.token_hex(16)
        grant = Grant(
            username=f"f{secrets.token_hex(8)}",
            password_digest=_digest(password),
            charge_box_identity=charge_box_identity,
            direction=direction.value,
            created_at=now,
            expires_at=expires_at,
            max_size=self._max_size,
            file_name=file_name,
        )
        _make_folder(self.folder(grant).parent)
        for made in self.space(grant).make():
            _hand_over(made)
        self._store.create(GRANTS, grant.username, document_of(grant))
        return grant, password


def _open(firmware: Path) -> BinaryIO:
    try:
        if firmware.is_file():
            return firmware.open("rb")
    except OSError as error:
        reason = f"{error.strerror}; it has to belong to the user of `ocpp-soap serve`"
        raise ConfigurationError(f"firmware {firmware.name} cannot be read: {reason}") from None
    raise NotFound(f"there is no firmware {firmware.name}; `ocpp-soap files add-firmware {firmware.name}` adds it")


def _copy(content: BinaryIO, target: Path) -> None:
    with open(target, "xb", opener=opener) as copy:
        _hand_over(target)
        shutil.copyfileobj(content, copy, _CHUNK)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        make_folder(folder)
        _hand_over(folder)


def _hand_over(made: Path) -> None:
    """Give what root has made to the user and group of the folder that it is in, as far as root may."""
    if os.geteuid() == 0:
        with suppress(OSError):
            owner = made.parent.stat()
            os.lchown(made, owner.st_uid, owner.st_gid)


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _sha256(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
