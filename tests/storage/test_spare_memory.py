"""The memory that there is for pages of files, on a machine and within a control group."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocpp_soap.storage.spare_memory import spare_memory

MIB = 2**20


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine that has 900 MiB to spare, without control groups."""
    put(tmp_path / "proc/meminfo", "MemTotal:  2097152 kB\nMemFree:  1024 kB\nMemAvailable:  921600 kB\n")
    return tmp_path


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def put_group(group: Path, limit: str, used: int, inactive: int) -> None:
    """A group of version 2."""
    put(group / "memory.max", f"{limit}\n")
    put(group / "memory.current", f"{used}\n")
    put(group / "memory.stat", f"anon 1\nfile 5\ninactive_file {inactive}\nactive_file 7\n")


def spare(machine: Path) -> int:
    return spare_memory(machine / "proc", machine / "groups")


def test_it_is_what_linux_says(machine: Path) -> None:
    assert spare(machine) == 900 * MIB


def test_it_is_none_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert spare(tmp_path) == 0


def test_a_container_has_what_its_limit_leaves_and_what_it_can_let_go_of(machine: Path) -> None:
    put(machine / "proc/self/cgroup", "0::/\n")
    put_group(machine / "groups", str(512 * MIB), 400 * MIB, 88 * MIB)
    assert spare(machine) == 200 * MIB


def test_a_limit_above_what_the_machine_has_changes_nothing(machine: Path) -> None:
    put(machine / "proc/self/cgroup", "0::/\n")
    put_group(machine / "groups", str(2**40), 400 * MIB, 0)
    assert spare(machine) == 900 * MIB


def test_a_group_without_a_limit_changes_nothing(machine: Path) -> None:
    put(machine / "proc/self/cgroup", "0::/system.slice/ocpp-soap.service\n")
    put_group(machine / "groups/system.slice/ocpp-soap.service", "max", 400 * MIB, 0)
    assert spare(machine) == 900 * MIB


def test_the_groups_that_a_group_is_in_count_too(machine: Path) -> None:
    put(machine / "proc/self/cgroup", "0::/system.slice/ocpp-soap.service\n")
    put_group(machine / "groups/system.slice/ocpp-soap.service", str(800 * MIB), 0, 0)
    put_group(machine / "groups/system.slice", str(600 * MIB), 100 * MIB, 0)
    assert spare(machine) == 500 * MIB


def test_a_group_that_is_full_has_none(machine: Path) -> None:
    put(machine / "proc/self/cgroup", "0::/\n")
    put_group(machine / "groups", str(100 * MIB), 101 * MIB, 0)
    assert spare(machine) == 0


def test_version_1_of_control_groups_is_read_too_where_a_container_sees_its_own_group_only(machine: Path) -> None:
    put(machine / "proc/self/cgroup", "5:cpu,cpuacct:/docker/2f0b\n4:memory:/docker/2f0b\n0::/docker/2f0b\n")
    group = machine / "groups/memory"
    put(group / "memory.limit_in_bytes", f"{512 * MIB}\n")
    put(group / "memory.usage_in_bytes", f"{300 * MIB}\n")
    put(group / "memory.stat", f"inactive_file 1\ntotal_inactive_file {8 * MIB}\n")
    assert spare(machine) == 220 * MIB


@pytest.mark.parametrize("groups", ["", "nonsense\n", "0::\n", "x:memory\n"])
def test_what_is_not_written_as_linux_does_is_passed_over(machine: Path, groups: str) -> None:
    put(machine / "proc/self/cgroup", groups)
    assert spare(machine) == 900 * MIB
    put(machine / "proc/meminfo", "MemAvailable: much\n")
    assert spare(machine) == 0
