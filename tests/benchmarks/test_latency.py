"""The latency benchmark: what it reads in the log, and what it computes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from benchmarks import latency
from benchmarks.latency import Events, SlowSpeech, compute_latencies, percentile, read_events
from contract.manifest import Manifest
from tests.calls.sample_streams import SampleStream, new_call_id, noise


def sample_manifest() -> Manifest:
    stream = SampleStream(new_call_id(), {None: noise(32_000)}, segment_seconds=1)
    return stream.manifest


def log_line(at: datetime, event: str) -> str:
    local = at.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S},{local.microsecond // 1000:03d} INFO calls.pipeline: {event}"


def test_the_first_event_of_each_segment_and_call_counts() -> None:
    at = datetime(2026, 11, 26, 12, 0, 0, 250_000, tzinfo=UTC)
    later = at + timedelta(seconds=1)
    events = read_events(
        [
            "Traceback (most recent call last):",
            log_line(at, "segment_analysed call=c segment=c/s/mixed/1.wav"),
            log_line(later, "segment_analysed call=c segment=c/s/mixed/1.wav"),
            log_line(at, "call_assembled call=c"),
            log_line(later, "call_assembled call=c"),
            log_line(later, "stream_ended call=d"),
        ]
    )
    assert events == Events({"c/s/mixed/1.wav": at}, {"c": at})


def test_latencies_begin_at_the_end_of_the_audio() -> None:
    manifest = sample_manifest()
    call = manifest.call_connection_id
    analysed = {
        entry.name(call, manifest.stream_id).blob: entry.end + timedelta(seconds=number)
        for number, entry in enumerate(manifest.segments)
    }
    assembled = {call: manifest.ended_at + timedelta(seconds=1.5)}
    latencies = compute_latencies([manifest], Events(analysed, assembled))
    assert latencies == ([0.0, 1.0], [1.5])
    with pytest.raises(KeyError):
        compute_latencies([manifest], Events(analysed, {}))


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1.0), (1, 1.0), (50, 50.0), (99, 99.0), (100, 100.0)]
)
def test_percentiles(percent: int, value: float) -> None:
    assert percentile(map(float, range(100, 0, -1)), percent) == value
    assert percentile([7.0], percent) == 7.0


async def test_the_stand_in_takes_its_time() -> None:
    async with SlowSpeech(0.1) as speech, aiohttp.ClientSession(speech.endpoint) as session:
        started = time.monotonic()
        async with session.post("/speechtotext/transcriptions:transcribe", data=b"") as response:
            assert (await response.json())["phrases"] == []
        assert time.monotonic() - started >= 0.1
        assert speech.running == 0


def test_help_and_defaults() -> None:
    options = latency.create_parser().parse_args([])
    assert (options.calls, options.engine, options.transcript_seconds) == (30, "slow", 20.0)
