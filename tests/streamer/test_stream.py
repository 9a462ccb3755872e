"""A whole stream, without its WebSocket: whatever the packets are, files and counts add up."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acs import media
from contract import names, wav
from contract.manifest import Manifest, SegmentEntry, decode_manifest
from streamer.clock import MAX_LEAD_SECONDS
from streamer.settings import load
from streamer.spool import Spool, blob_of
from streamer.stream import Stream
from tests.streamer.conftest import FRAME, ORIGIN, audio, metadata, pcm

_SETTINGS = {
    "AUDIO_STORAGE_CONNECTION_STRING": "x",
    "TOKEN_CHECK": "off",
    "GRANT_CHECK": "off",
    "SEGMENT_SECONDS": "1",
    "MAX_JUMP_SECONDS": "3",
    # Tests send faster than real time, so arrival says nothing.
    "MEDIA_SPEED": "0",
}
_RATES = (16_000, 24_000)
_ROUNDING = timedelta(microseconds=1)

# How far a timestamp is from the previous one, in frames: on time, repeats, losses, jumps, resets.
_STEPS = st.sampled_from([1, 1, 1, 1, 1, 1, 1, 1, 0, 2, 3, 7, 60, 400, -1, -2, -40, -500])
_PACKETS = st.lists(
    st.one_of(
        st.tuples(
            st.just("frames"),
            st.sampled_from([None, "4:+15551230000", "8:acs:a_b"]),
            _STEPS,
            st.integers(1, 40),
            st.sampled_from(["data", "data", "silent", "no data", "no stamp"]),
        ),
        st.tuples(st.just("metadata"), st.sampled_from(_RATES)),
    ),
    max_size=30,
)


class _Outbox:
    def __init__(self) -> None:
        self.files: list[tuple[Path, SegmentEntry | None]] = []

    def add(self, path: Path, entry: SegmentEntry | None = None) -> None:
        self.files.append((path, entry))


def create_stream(
    spool: Spool, outbox: _Outbox, settings: Mapping[str, str] = MappingProxyType({})
) -> Stream:
    """Return a stream with the settings of all tests, and a test's own."""
    return Stream(
        "call",
        "",
        settings=load({**_SETTINGS, **settings}),
        spool=spool,
        outbox=outbox,  # type: ignore[arg-type]
        request_close=lambda close: None,
    )


def _frame(index: int, raw_id: str | None, kind: str, rate: int) -> str:
    data = bytes([index % 251 + 1, 0]) * (rate // 50)
    packet = json.loads(audio(index, raw_id=raw_id, data=data, silent=kind != "data"))
    if kind == "no data":
        del packet["audioData"]["data"]
    elif kind == "no stamp":
        packet["audioData"].update(timestamp="yesterday", silent=False)
    return json.dumps(packet)


@settings(max_examples=150, deadline=None)
@given(packets=_PACKETS, pauses=st.booleans())
# A frame that is late while no segment is open, and no segment begins after it.
@example(packets=[("frames", None, 1, 50, "data"), ("frames", None, -2, 1, "data")], pauses=False)
# Tracks that begin between the decision about a cut and the cut's boundary.
@example(
    packets=[
        ("frames", None, 1, 41, "data"),
        ("frames", "8:acs:a_b", 1, 1, "data"),
        ("frames", "4:+15551230000", 1, 1, "data"),
        ("frames", None, 1, 25, "data"),
        ("frames", "4:+15551230000", 1, 1, "data"),
        ("frames", "8:acs:a_b", 1, 1, "data"),
    ],
    pauses=True,
)
def test_files_and_counts_of_a_stream_add_up(packets: list, pauses: bool) -> None:
    root = Path(tempfile.mkdtemp(prefix="stream-test-"))
    spool = Spool(root, 1 << 30)
    outbox = _Outbox()
    sent = 0

    async def feed() -> None:
        nonlocal sent
        window = {"SEGMENT_PAUSE_WINDOW_SECONDS": "0.3"} if pauses else {}
        stream = create_stream(spool, outbox, window)
        rate, index = _RATES[0], 10_000
        assert stream.handle_message(metadata(rate).encode()) is None
        for packet in packets:
            if packet[0] == "metadata":
                rate = packet[1]
                if stream.handle_message(metadata(rate).encode()) is not None:
                    break
                continue
            _, raw_id, step, count, kind = packet
            for number in range(count):
                index += 1 if number else step
                assert stream.handle_message(_frame(index, raw_id, kind, rate).encode()) is None
                sent += 1
        # A hang must fail here, or hypothesis would retry it forever.
        await asyncio.wait_for(stream.end("end of test"), 60)

    try:
        asyncio.run(feed())
        *files, (last, _) = outbox.files
        manifest = decode_manifest(last.read_bytes())
        _check_counts(manifest, sent)
        _check_notes(manifest, [path for path, entry in files if entry is None])
        segments = [(path, entry) for path, entry in files if entry is not None]
        _check_files(manifest, segments)
        outbox_bytes = sum(path.stat().st_size - wav.HEADER_BYTES for path, _ in segments)
        assert spool.used_bytes == outbox_bytes
        assert not list(spool.streams.iterdir())
    finally:
        spool.close()
        shutil.rmtree(root)


async def test_a_participant_who_joins_without_a_timestamp_is_placed_where_the_others_are(
    tmp_path: Path,
) -> None:
    """The start of the stream would be too early by the length of the call."""
    spool = Spool(tmp_path, 1 << 30)
    outbox = _Outbox()
    stream = create_stream(spool, outbox)
    stream.handle_message(metadata().encode())
    for index in range(500):
        stream.handle_message(audio(index, raw_id="4:+1").encode())
    stampless = json.loads(audio(500, raw_id="4:+2"))
    stampless["audioData"]["timestamp"] = "0001-01-01T00:00:00"
    stream.handle_message(json.dumps(stampless).encode())
    for index in range(501, 510):
        stream.handle_message(audio(index, raw_id="4:+2").encode())
    await stream.end("end of test")
    spool.close()
    manifest = decode_manifest(outbox.files[-1][0].read_bytes())
    (entry,) = (e for e in manifest.segments if e.track == "p2")
    assert (entry.start, entry.samples) == (ORIGIN + timedelta(seconds=10), 10 * FRAME)
    assert (entry.counts.frames, entry.counts.unstamped) == (10, 1)


async def test_an_idle_track_is_finished_but_not_one_that_advances(
    tmp_path: Path,
) -> None:
    """A track whose clock was a minute ahead used to cut all others into segments of a second."""
    spool = Spool(tmp_path, 1 << 30)
    outbox = _Outbox()
    # Only the test's own ticks count.
    stream = create_stream(spool, outbox, {"SEGMENT_SECONDS": "30", "FLUSH_SECONDS": "10"})
    stream.handle_message(metadata().encode())
    stream.handle_message(audio(0, raw_id="idle").encode())
    for index in range(60):
        stream.handle_message(audio(index, raw_id="behind").encode())
        stream.handle_message(audio(index + 3000, raw_id="ahead").encode())
        if index % 10 == 9:
            stream._on_tick()
    async with asyncio.timeout(60):
        while not any(entry is not None for _, entry in outbox.files):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [entry.track for _, entry in outbox.files if entry is not None] == ["p1"]
    await stream.end("end of test")
    spool.close()
    manifest = decode_manifest(outbox.files[-1][0].read_bytes())
    assert {e.track: e.samples for e in manifest.segments} == {
        "p1": FRAME,
        "p2": 60 * FRAME,
        "p3": 60 * FRAME,
    }


async def _record(root: Path, sent: Iterable[tuple[float, str]]) -> Manifest:
    """Send messages in real time, as a clock of the test has it; return the manifest."""
    spool, outbox, now = Spool(root, 1 << 30), _Outbox(), 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        stream = create_stream(spool, outbox, {"SEGMENT_SECONDS": "30", "MEDIA_SPEED": "1"})
        ticks = 0
        for arrival, message in sent:
            while ticks * 0.5 <= arrival:
                now = ticks * 0.5
                stream._on_tick()
                ticks += 1
            now = arrival
            assert stream.handle_message(message.encode()) is None
    await stream.end("end of test")
    spool.close()
    return decode_manifest(outbox.files[-1][0].read_bytes())


def _paced(
    numbers: Iterable[int], rate: int, raw_id: str | None = None, step: float = 0.0
) -> list[tuple[float, str]]:
    """Frames that arrive each 20 ms, from a sender whose clock is ``step`` seconds off."""
    origin = ORIGIN + timedelta(seconds=step)
    return [
        (n * 0.02, audio(n, raw_id=raw_id, data=pcm(n, rate // 50), origin=origin)) for n in numbers
    ]


@pytest.mark.parametrize("step", [3600.0, -3600.0, 5.0, -5.0, 0.5, -0.5])
async def test_a_step_of_the_clock_where_the_format_changes_is_a_step(
    tmp_path: Path, step: float
) -> None:
    manifest = await _record(
        tmp_path,
        [
            (0.0, metadata(16_000)),
            *_paced(range(50), 16_000),
            (1.0, metadata(24_000)),
            *_paced(range(50, 100), 24_000, step=step),
        ],
    )
    first, last = manifest.segments
    assert (first.start, first.end) == (ORIGIN, ORIGIN + timedelta(seconds=1))
    assert (last.start, last.end) == (first.end, ORIGIN + timedelta(seconds=2))
    assert (manifest.counts.frames, manifest.counts.clock_steps) == (100, 1)


async def test_no_change_of_the_format_makes_a_stream_longer_than_its_time(tmp_path: Path) -> None:
    """Sent at once: each format used to grant the lead of a whole stream."""
    sent = []
    for number in range(5):
        rate = _RATES[number % 2]
        sent += [(0.0, metadata(rate))]
        sent += [(0.0, m) for _, m in _paced(range(number * 200, number * 200 + 200), rate)]
    manifest = await _record(tmp_path, sent)
    span = manifest.segments[-1].end - manifest.segments[0].start
    assert span <= timedelta(seconds=MAX_LEAD_SECONDS + 1)
    assert manifest.counts.frames >= MAX_LEAD_SECONDS * 50
    assert manifest.counts.frames + manifest.counts.lost == 1000


@pytest.mark.parametrize("step", [0.0, -5.0, 5.0])
async def test_who_joins_behind_a_change_of_the_format_lines_up_with_the_others(
    tmp_path: Path, step: float
) -> None:
    after = sorted(
        [
            *_paced(range(50, 150), 24_000, "4:+1", step),
            *_paced(range(100, 150), 24_000, "4:+2", step),
        ],
        key=lambda message: message[0],
    )
    manifest = await _record(
        tmp_path,
        [
            (0.0, metadata(16_000)),
            *_paced(range(50), 16_000, "4:+1"),
            (1.0, metadata(24_000)),
            *after,
        ],
    )
    spans = {
        (entry.track, entry.sample_rate): (entry.start - ORIGIN, entry.end - ORIGIN)
        for entry in manifest.segments
    }
    assert spans == {
        ("p1", 16_000): (timedelta(), timedelta(seconds=1)),
        ("p1", 24_000): (timedelta(seconds=1), timedelta(seconds=3)),
        ("p2", 24_000): (timedelta(seconds=2), timedelta(seconds=3)),
    }
    assert manifest.counts.clock_steps == (1 if step else 0)


async def test_a_format_that_changes_back_and_forth_keeps_the_time(tmp_path: Path) -> None:
    """No segment overlaps another, nothing drifts, and a gap at a change is a gap."""
    sent: list[tuple[float, str]] = []
    for number in range(12):
        rate, first = _RATES[number % 2], number * 37
        sent += [(first * 0.02, metadata(rate)), *_paced(range(first, first + 33), rate, step=1e-3)]
    manifest = await _record(tmp_path, sent)
    counts = manifest.counts
    assert (counts.frames, counts.gaps, counts.filled_samples) == (
        12 * 33,
        11,
        4 * (6 * 480 + 5 * 320),
    )
    assert counts.anomalies == counts.gaps + counts.filled_samples, "nothing else is counted"
    for before, after in itertools.pairwise(manifest.segments):
        assert abs(after.start - before.end) <= _ROUNDING
    length = manifest.segments[-1].end - manifest.segments[0].start
    assert abs(length - timedelta(seconds=(11 * 37 + 33) * 0.02)) <= timedelta(milliseconds=1)


async def test_stamps_of_the_year_9998_name_no_moment(tmp_path: Path) -> None:
    """The stream is named by our own clock, like one without timestamps."""
    far = datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC) - ORIGIN
    begun = datetime.now(UTC)
    manifest = await _record(
        tmp_path,
        [(0.0, metadata()), *_paced(range(100), 16_000, step=far.total_seconds())],
    )
    (entry,) = manifest.segments
    # Two seconds by the test's clock, which is not that of the wall.
    assert begun - timedelta(seconds=3) <= entry.start <= datetime.now(UTC)
    assert entry.end - entry.start == timedelta(seconds=2)
    assert manifest.counts.frames == 100


async def test_audio_of_an_unknown_rate_is_on_the_disk_within_a_second(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 30)
    # Only the test's own ticks count: there are two in a second.
    stream = create_stream(spool, _Outbox(), {"FLUSH_SECONDS": "10"})
    for index in range(5):
        stream.handle_message(audio(index).encode())
    assert not list(tmp_path.rglob("*.part"))
    for _ in range(2):
        stream._on_tick()
    (part,) = tmp_path.rglob("*.part")
    assert len(part.read_bytes()) == wav.HEADER_BYTES + 5 * 2 * FRAME
    await stream.end("end of test")
    spool.close()


def _check_counts(manifest: Manifest, sent: int) -> None:
    counts = manifest.counts
    assert manifest.packets.get(media.AUDIO_DATA, 0) == sent
    assert counts.frames + counts.repeated + counts.late_dropped == sent
    assert counts.lost == 0
    for rate in _RATES:
        entries = [entry for entry in manifest.segments if entry.sample_rate == rate]
        frames = sum(e.counts.frames for e in entries)
        synthesized = sum(e.counts.filled_samples + e.counts.corrected_samples for e in entries)
        assert sum(e.samples for e in entries) == frames * (rate // 50) + synthesized


def _check_notes(manifest: Manifest, notes: list[Path]) -> None:
    """Every participant has a note, and a number that no other has."""
    said = {names.parse_note(blob_of(p)[1]).track: p.read_text() for p in notes}
    assert said == manifest.participants
    assert len(set(said.values())) == len(said)
    assert {e.track for e in manifest.segments} <= {*said, names.MIXED_TRACK}


def _check_files(manifest: Manifest, segments: list[tuple[Path, SegmentEntry]]) -> None:
    by_name = {blob_of(path)[1]: entry for path, entry in segments}
    assert by_name == {
        entry.name("call", manifest.stream_id).blob: entry for entry in manifest.segments
    }
    tracks = defaultdict(list)
    for path, entry in segments:
        content = path.read_bytes()
        audio = wav.parse(content)
        assert (audio.sample_rate, audio.data_bytes) == (entry.sample_rate, entry.samples * 2)
        assert len(content) == entry.bytes
        assert hashlib.sha256(content).hexdigest() == entry.sha256
        assert entry.samples, "no segment is empty"
        # Its counts explain its length, except for frames across its first and last sample.
        explained = entry.counts.frames * (entry.sample_rate // 50) + entry.counts.corrected_samples
        assert 0 <= entry.counts.filled_samples <= entry.samples
        unexplained = explained + entry.counts.filled_samples - entry.samples
        assert abs(unexplained) <= 2 * entry.sample_rate // 50
        tracks[entry.track].append(entry)
    for entries in tracks.values():
        for before, after in itertools.pairwise(sorted(entries, key=lambda e: e.start)):
            assert before.end - after.start <= _ROUNDING
