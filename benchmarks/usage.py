"""What processes use, as the system counts it: CPU and memory of one and all that it started."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Of some processes, so far."""

    cpu_seconds: float
    memory_bytes: int
    """Resident, pages that several of them share counted once; what the kernel holds for sockets is not in it."""


def usage(*pids: int) -> Usage:
    """Of these processes and their descendants that run."""
    cpu, memory = 0.0, 0
    for pid in _with_descendants(pids):
        with suppress(FileNotFoundError, ProcessLookupError):  # It ended meanwhile.
            fields = _stat(pid)
            cpu += (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
            memory += _proportional_bytes(pid)
    return Usage(cpu, memory)


def whole_machine_cpu_seconds() -> float:
    """What all programs and the kernel have used of all cores since the start; proc_stat(5)."""
    user, nice, system, _, _, interrupts, soft_interrupts, stolen = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + interrupts + soft_interrupts + stolen) / _TICKS_PER_SECOND


def _stat(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) behind the name, from the third on."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _proportional_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _with_descendants(pids: tuple[int, ...]) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(FileNotFoundError, ProcessLookupError):
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found
