"""The space of a command, which uploads side by side share."""

from __future__ import annotations

import ftplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.central_system.files.area import FileArea
from ocpp_soap.central_system.files.record import Grant
from ocpp_soap.central_system.files.space import Ended, NoRoom, Space
from ocpp_soap.web.files import HttpFiles

WRITE = """
import sys
from pathlib import Path
from ocpp_soap.central_system.files.space import Space

with Space(Path(sys.argv[1]), 1000).open("theirs", "wb") as file:
    print("opened", flush=True)
    sys.stdin.readline()
    file.write(b"x" * 600)
"""


@pytest.fixture
def space(tmp_path: Path) -> Space:
    space = Space(tmp_path / "transfers" / "f1", 1000)
    space.make()
    return space


def files(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in folder.iterdir()}


def test_what_is_announced_is_set_aside_until_the_upload_ends(space: Space, tmp_path: Path) -> None:
    with space.upload("one", 600) as one:
        one.write(b"x" * 100)
        with pytest.raises(NoRoom) as refused, space.upload("two", 500):
            pass
        assert refused.value.room == 400
        with space.upload("three", 400) as three:
            three.write(b"x" * 400)
        one.write(b"x" * 500)
    assert files(tmp_path / "transfers" / "f1") == {"one": 600, "three": 400}


def test_uploads_of_unknown_size_grow_until_they_fill_the_space_together(space: Space, tmp_path: Path) -> None:
    with space.upload("one") as one, suppress(NoRoom), space.upload("two") as two:
        for _ in range(10):
            one.write(b"x" * 60)
            two.write(b"x" * 60)
    with space.upload("three") as three:
        three.write(b"x" * 480)
    sizes = files(tmp_path / "transfers" / "f1")
    assert sizes == {"one": 480, "three": 480}


def test_uploads_under_way_count_as_files(space: Space) -> None:
    with ExitStack() as stack:
        for number in range(10):
            stack.enter_context(space.upload(f"{number}", 1))
        with pytest.raises(NoRoom), space.upload("10", 1):
            pass
        with pytest.raises(NoRoom):
            space.open("10", "wb")


def test_a_file_can_be_replaced_by_one_for_which_there_is_room_without_it(space: Space, tmp_path: Path) -> None:
    for size in (900, 1000):
        with space.upload("log", size) as file:
            file.write(b"x" * size)
    with pytest.raises(NoRoom), space.upload("log", 1001):
        pass
    assert files(tmp_path / "transfers" / "f1") == {"log": 1000}


def upload(space: Space, content: bytes, meanwhile: Callable[[], Any] = bool) -> None:
    with space.upload("log", len(content)) as file:
        file.write(content[:1])
        meanwhile()
        file.write(content[1:])


def test_an_upload_that_is_tried_again_ends_the_one_whose_line_went_dead(space: Space, tmp_path: Path) -> None:
    with pytest.raises(Ended):
        upload(space, b"x" * 900, lambda: upload(space, b"y" * 900))
    assert (tmp_path / "transfers" / "f1" / "log").read_bytes() == b"y" * 900


def test_one_file_that_two_append_to_does_not_outgrow_the_space(space: Space, tmp_path: Path) -> None:
    with space.open("log", "ab") as one, space.open("log", "ab") as two:
        one.write(b"x" * 500)
        two.write(b"x" * 500)
        with pytest.raises(NoRoom):
            one.write(b"x")
    assert files(tmp_path / "transfers" / "f1") == {"log": 1000}


def test_another_process_waits_with_writing_and_then_sees_what_was_written(space: Space, tmp_path: Path) -> None:
    folder = tmp_path / "transfers" / "f1"
    command = [sys.executable, "-c", WRITE, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "opened\n"
        with space.locked():
            (folder / "ours").write_bytes(b"x" * 300)
            assert other.stdin is not None
            other.stdin.write("\n")
            other.stdin.flush()
            time.sleep(0.3)
            assert files(folder) == {"ours": 300, "theirs": 0}
            (folder / "ours").write_bytes(b"x" * 500)
        assert "NoRoom" in other.communicate()[1]
    assert files(folder) == {"ours": 500, "theirs": 0}


class Body(BytesIO):
    """A body between whose halves something else happens."""

    def __init__(self, content: bytes, meanwhile: Callable[[], Any]) -> None:
        super().__init__(content)
        self._meanwhile = meanwhile

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() == 0:
            return super().read(len(self.getvalue()) // 2)
        self._meanwhile()
        return super().read(size)


@pytest.fixture
def put(area: FileArea) -> Iterator[Callable[..., str]]:
    """PUT a file as a server does, and what happens when half of it has come; the status."""
    grant, password = area.grant_upload("CP001")
    application = HttpFiles(area)

    def put_it(name: str, size: int, meanwhile: Callable[[], Any] = bool, *, announced: bool = True) -> str:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "PUT",
            "PATH_INFO": f"/files/{grant.username}/{password}/{name}",
            "wsgi.input": Body(b"x" * size, meanwhile),
            **({"CONTENT_LENGTH": str(size)} if announced else {"wsgi.input_terminated": True}),
        }
        statuses: list[str] = []
        list(application(environ, lambda status, headers, error=None: statuses.append(status)))  # type: ignore
        return statuses[0][:3]

    yield put_it
    folder = area.folder(grant)
    assert sum(files(folder).values()) <= grant.max_size
    assert [name for name in files(folder) if name.startswith(".")] == []


@pytest.mark.parametrize("announced", [True, False])
def test_puts_at_the_same_time_do_not_pass_the_limit(put: Callable[..., str], announced: bool) -> None:
    inner: list[str] = []

    def more() -> None:
        if len(inner) < 12:
            inner.append(put(f"{len(inner)}.bin", 150_000, announced=announced))

    assert put("first.bin", 150_000, more, announced=announced) in ("201", "413")
    assert set(inner) <= {"201", "413"}


def test_a_put_that_is_sent_again_meanwhile_is_over(put: Callable[..., str]) -> None:
    inner: list[str] = []
    assert put("log.bin", 150_000, lambda: inner.append(put("log.bin", 150_000)) if not inner else None) == "409"
    assert inner == ["201"]


def test_ftp_uploads_at_the_same_time_do_not_pass_the_limit(area: FileArea, serve: Callable[..., list[int]]) -> None:
    (port,) = serve()
    grant, password = area.grant_upload("CP001")
    with ExitStack() as stack:
        clients = [stack.enter_context(login(port, grant, password)) for _ in range(3)]
        under_way = [client.transfercmd(f"STOR {number}.bin") for number, client in enumerate(clients)]
        answers = []
        for client, data in zip(clients, under_way, strict=True):
            with data, suppress(OSError):
                data.sendall(b"x" * 150_000)
            with suppress(ftplib.error_temp):
                answers.append(client.voidresp()[:3])
    assert answers == ["226"]
    assert sum(files(area.folder(grant)).values()) <= 200_000


def login(port: int, grant: Grant, password: str) -> ftplib.FTP:
    client = ftplib.FTP(timeout=10)
    client.connect("127.0.0.1", port)
    client.login(grant.username, password)
    return client


def test_the_lock_goes_with_the_right(area: FileArea, system: Any) -> None:
    late = FileArea(system.store, system.events, system.settings.files.path, max_size=10, lifetime=-1)
    grant, _ = late.grant_upload("CP001")
    area.tidy({})
    assert list(area.folder(grant).parent.iterdir()) == []


def test_a_folder_of_a_version_before_gets_its_lock_when_it_is_needed(space: Space, tmp_path: Path) -> None:
    lock = tmp_path / "transfers" / "f1.lock"
    lock.unlink()
    with space.upload("a.log") as file:
        file.write(b"x" * 10)
    assert (tmp_path / "transfers" / "f1" / "a.log").read_bytes() == b"x" * 10
    assert lock.stat().st_mode & 0o777 == 0o600
