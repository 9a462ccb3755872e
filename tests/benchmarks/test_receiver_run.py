"""A short run of a real receiver under the real load."""

from __future__ import annotations

import io
import os
from typing import cast, get_args

import pytest

from benchmarks import receiver_process, receiver_run
from benchmarks.receiver_run import ReceiverName, measure


@pytest.fixture(autouse=True)
def any_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides may share a core: nothing is measured here."""
    core = min(os.sched_getaffinity(0))
    monkeypatch.setattr(receiver_process, "SERVER_CORE", core)
    monkeypatch.setattr(receiver_run, "LOAD_CORE", core)


RECEIVERS = [name for name in get_args(ReceiverName) if name != "streamer"]


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_every_frame_of_the_load_is_received(receiver: str) -> None:
    run = measure(cast(ReceiverName, receiver), streams=2, seconds=0.1)
    assert (run.receiver, run.streams) == (receiver, 2)
    assert (run.sent, run.lost) == (2 * 5, 0)
    assert run.cpu_us_per_frame >= 0
    assert run.core_share >= 0
    assert 0 < run.lateness_p50_ms <= run.lateness_p99_ms


def test_a_load_that_ended_early_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="the load ended early"):
        receiver_run._read_line(io.StringIO())
