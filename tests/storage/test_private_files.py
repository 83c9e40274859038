"""What the store makes on the disk is for its own user, and for those with whom its file is shared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.private_files import make_file, make_folder

SESSIONS = Collection("sessions", watched=("station",))
VALUES = Collection("values", append_only=True, telemetry=True)


@pytest.fixture(params=[0o022, 0o000, 0o077])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def use(path: Path) -> None:
    """Use a store, and look at the modes of its file, of those beside it, and of what is in its folder."""
    with closing(FileStorage(path)) as store:
        store.create(SESSIONS, "s1", {"station": "CP001"})
        store.write(append={VALUES: [("v1", {"station": "CP001"})]})
        found = {file: file.stat().st_mode & 0o777 for file in path.parent.rglob("*")}
        shared = path.stat().st_mode & 0o777
        folder = path.with_name(f"{path.name}-log")
        assert {mode for file, mode in found.items() if file.is_file()} == {shared}
        assert len([file for file in found if file.is_file()]) >= 5
        assert found[folder] == shared | (shared & 0o444) >> 2


@pytest.mark.usefixtures("_umask")
def test_a_new_store_is_for_its_own_user(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store" / "test.sqlite"
    use(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [oct(folder.stat().st_mode & 0o777) for folder in path.parents[:2]] == ["0o700", "0o700"]


@pytest.mark.usefixtures("_umask")
@pytest.mark.parametrize("mode", [0o660, 0o644])
def test_what_stands_beside_a_file_is_shared_with_those_who_share_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "test.sqlite"
    path.touch()
    path.chmod(mode)
    use(path)
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.usefixtures("_umask")
def test_a_backup_is_for_its_own_user(tmp_path: Path) -> None:
    with closing(FileStorage(tmp_path / "test.sqlite")) as store:
        store.create(SESSIONS, "s1", {"station": "CP001"})
        store.backup(tmp_path / "backup.sqlite")
    assert (tmp_path / "backup.sqlite").stat().st_mode & 0o777 == 0o600


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "file").write_text("content")
    (folder / "file").chmod(0o640)
    make_folder(folder, 0o700)
    make_file(folder / "file")
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "file").stat().st_mode & 0o777 == 0o640
    assert (folder / "file").read_text() == "content"


def test_a_shared_folder_passes_its_group_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    make_folder(tmp_path / "log", 0o770)
    assert (tmp_path / "log").stat().st_mode & 0o7777 == 0o2770
