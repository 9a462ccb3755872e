"""The figures of a process, compared with what the process itself reads."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from benchmarks import process_stats

MEBIBYTE = 1 << 20


@pytest.fixture
def pid() -> Iterator[int]:
    """A process of its own, which may be slowed down and pinned."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def test_cpu_time_is_that_of_the_process() -> None:
    before = process_stats.cpu_seconds(os.getpid())
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        pass
    after = process_stats.cpu_seconds(os.getpid())
    assert 0.08 <= after - before < 5
    assert after == pytest.approx(time.process_time(), abs=0.5)


def test_memory_in_use_and_its_peak() -> None:
    before = process_stats.resident_kib(os.getpid())
    # So large that the allocator returns it to the system at once.
    memory = bytearray(b"x") * (64 * MEBIBYTE)
    assert process_stats.resident_kib(os.getpid()) - before > 48 * 1024
    del memory
    after = process_stats.resident_kib(os.getpid())
    assert process_stats.peak_resident_kib(os.getpid()) - after > 32 * 1024


def test_all_threads_run_on_one_core(pid: int) -> None:
    core = max(os.sched_getaffinity(0))
    process_stats.pin_threads(pid, core)
    assert os.sched_getaffinity(pid) == {core}


def test_all_threads_have_the_lowest_priority(pid: int) -> None:
    process_stats.lower_priority(pid)
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19


def test_a_missing_figure_names_the_remedy() -> None:
    with pytest.raises(RuntimeError, match="has no VmMissing: the benchmark needs Linux"):
        process_stats._status_kib(os.getpid(), "VmMissing")


def test_a_process_that_has_ended_is_an_error() -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    with pytest.raises(FileNotFoundError):
        process_stats.cpu_seconds(process.pid)
