"""CPU time, memory and cores of a process, from Linux's ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, of all the process's threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS


def resident_kib(pid: int) -> int:
    """Return the resident memory."""
    return _status_kib(pid, "VmRSS")


def peak_resident_kib(pid: int) -> int:
    """Return the highest resident memory so far."""
    return _status_kib(pid, "VmHWM")


def pin_threads(pid: int, core: int) -> None:
    """Run all the process's threads on one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def lower_priority(pid: int) -> None:
    """Give all the process's threads the lowest priority."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), 19)


def _status_kib(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/status has no {key}: the benchmark needs Linux")
