"""How much memory there is for pages of files: the machine's, or what is left to the control group of this process.

A container or a service with a limit pays for the pages that it reads out of that limit, however much the machine has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class _Names(NamedTuple):
    """How one version of control groups calls the files of a group: limit, use, and in its statistics what can go."""

    limit: str
    used: str
    can_go: str


_VERSION_1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_VERSION_2 = _Names("memory.max", "memory.current", "inactive_file")


def spare_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that the system can give to files without taking them from a process; 0 where it does not tell."""
    return max(0, min([_available(proc / "meminfo"), *_left(proc / "self" / "cgroup", groups)]))


def _available(table: Path) -> int:
    """What the machine can give."""
    return _row(table, "MemAvailable:") * 1024


def _left(table: Path, groups: Path) -> Iterator[int]:
    """What each control group with a limit that this process is in can give."""
    with suppress(OSError, ValueError):
        for line in table.read_text(encoding="ascii", errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _left_on_the_way(groups, path, _VERSION_2)
            elif "memory" in controllers.split(","):
                yield from _left_on_the_way(groups / "memory", path, _VERSION_1)


def _left_on_the_way(root: Path, path: str, names: _Names) -> Iterator[int]:
    """What the group of that path can give, and each of those it is in; a container may see only the outermost."""
    inner = PurePosixPath(path.lstrip("/"))
    for group in (inner, *inner.parents):
        with suppress(OSError, ValueError):  # no such group, no limit in it ("max"), or none that we may read
            limit = int((root / group / names.limit).read_text(encoding="ascii"))
            used = int((root / group / names.used).read_text(encoding="ascii"))
            yield limit - used + _row(root / group / "memory.stat", names.can_go)


def _row(table: Path, name: str) -> int:
    """The number of a row; 0 where it is not there."""
    with suppress(OSError, ValueError):
        for line in table.read_text(encoding="ascii").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == name:
                return int(words[1])
    return 0
