"""A stream's segments: sealed whatever the room, and never forgotten."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import names
from contract.manifest import DRAFT_ENDED_BY, Counts, Manifest, SegmentEntry, decode_manifest
from streamer.errors import SealFailed
from streamer.recovery import Recovery
from streamer.segment_file import SegmentFile
from streamer.spool import Spool, audio_bytes, blob_of
from streamer.stream_folder import read_state
from streamer.stream_segments import StreamSegments
from tests.streamer.crashes import InlineExecutor, SystemCalls
from tests.streamer.spools import SECOND, START, FakeTrack, create_state, restart

RATE = 16_000


class Uploads:
    """Stands in for the outbox: files wait until ``upload``."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.files: list[Path] = []
        self.entries: list[SegmentEntry] = []
        self.manifests: list[Manifest] = []

    def add(self, path: Path, entry: SegmentEntry | None = None) -> None:
        self.files.append(path)
        if path.suffix == names.NOTE:
            return
        if entry is None:
            self.manifests.append(decode_manifest(path.read_bytes()))
        else:
            self.entries.append(entry)

    def upload(self, count: int) -> None:
        for path in self.files[:count]:
            self.spool.free(audio_bytes(path))
            path.unlink()
        del self.files[:count]


def begin(spool: Spool, names: str = "a") -> tuple[StreamSegments, Uploads, dict[str, FakeTrack]]:
    uploads = Uploads(spool)
    tracks = {name: FakeTrack(name) for name in names}
    anything: Any = tracks
    return StreamSegments(spool, uploads, create_state(), anything), uploads, tracks  # type: ignore[arg-type]


def append(segments: StreamSegments, track: FakeTrack, pcm: bytes) -> None:
    if track.writer is None:
        track.start = track.position
        track.writer = segments.open(track.name, track.name, START, RATE)
    track.counts.frames += len(pcm) // 640
    track.position += len(pcm) // 2
    track.writer.append(pcm)


def close(track: FakeTrack) -> None:
    if track.writer is not None:
        writer, track.writer = track.writer, None
        counts, track.counts = track.counts, Counts()
        writer.finish(track.position - track.start, counts, 0.0)


@contextmanager
def small_spool(quota: int) -> Iterator[Spool]:
    root = Path(tempfile.mkdtemp(prefix="segments-test-"))
    spool = Spool(root, quota)
    spool.worker.shutdown()
    spool.worker = InlineExecutor()  # type: ignore[assignment]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamer.stream_segments._FIRST_DISK_PAUSE_SECONDS", 0.0)
        patch.setattr("streamer.segment_file.SEGMENT_BACKLOG_BYTES", 4 * SECOND)
        yield spool
    spool.close()
    shutil.rmtree(root)


@settings(max_examples=60, deadline=None)
@given(
    segment_seconds=st.integers(2, 6),
    spool_segments=st.integers(2, 8),
    tracks=st.integers(1, 3),
    uploads=st.lists(st.sampled_from([0, 0, 1, 100]), min_size=10, max_size=60)
    | st.lists(st.just(100), min_size=10, max_size=60),
)
def test_a_spool_of_any_size_keeps_moving(
    segment_seconds: int, spool_segments: int, tracks: int, uploads: list[int]
) -> None:
    """Each step is a second of audio on every track, and so many uploads."""
    with small_spool(spool_segments * segment_seconds * SECOND) as spool:
        asyncio.run(_stream(spool, segment_seconds, "abc"[:tracks], uploads))


async def _stream(spool: Spool, segment_seconds: int, names: str, steps: list[int]) -> None:
    segments, uploads, tracks = begin(spool, names)
    for second, count in enumerate(steps, 1):
        for track in tracks.values():
            append(segments, track, bytes([second, 0]) * RATE)
            if second % segment_seconds == 0:
                close(track)
        size = spool.early_cut_bytes()
        for name, track in tracks.items():
            if size is not None and segments.latest_bytes(name) >= size:
                close(track)
        await asyncio.sleep(0)
        uploads.upload(count)
        await asyncio.sleep(0)
    for track in tracks.values():
        close(track)
    finishing = asyncio.ensure_future(segments.finish("1000"))
    async with asyncio.timeout(60):
        while not finishing.done():
            uploads.upload(1)
            await asyncio.sleep(0)
    await finishing
    (manifest,) = uploads.manifests
    counts = manifest.counts
    assert counts.frames + counts.lost == 50 * len(steps) * len(names)
    assert sum(entry.samples for entry in uploads.entries) == (
        counts.frames * 320 + counts.filled_samples
    )
    if min(steps) == 100:
        assert counts.lost == 0, "uploads made room all the time"
    uploads.upload(1000)
    assert (spool.used_bytes, spool.backlog_bytes) == (0, 0)
    assert (spool.open_bytes, spool.open_segments) == (0, 0)


async def test_a_stream_whose_segment_cannot_be_sealed_keeps_its_folder(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The manifest used to be published without the segment, and the folder was removed."""
    segments, uploads, tracks = begin(spool)
    append(segments, tracks["a"], bytes(SECOND))
    with monkeypatch.context() as patch:
        patch.setattr(SegmentFile, "seal", lambda *_, **__: 1 / 0)
        close(tracks["a"])
        with pytest.raises(SealFailed, match="1 segments"):
            await segments.finish("1000")
    assert "seal_failed" in caplog.text
    assert not uploads.manifests
    (_, entry), _ = Recovery(restart(spool)).run()
    assert entry is not None
    assert entry.samples == RATE


async def test_a_sealed_segment_says_how_far_timestamps_were_ahead_of_its_audio(
    spool: Spool,
) -> None:
    segments, uploads, _ = begin(spool)
    writer = segments.open("a", "a", START, RATE)
    writer.append(bytes(SECOND))
    writer.finish(RATE, Counts(frames=50), RATE * 0.0075)
    await segments.finish("test")
    (manifest,) = uploads.manifests
    assert [entry.clock_offset_ms for entry in manifest.segments] == [7.5]


async def test_the_state_says_what_is_silence_before_the_silence_is_written(spool: Spool) -> None:
    segments, _, tracks = begin(spool)
    track = tracks["a"]
    append(segments, track, b"\1\0" * RATE)
    track.counts.gaps += 1
    track.counts.filled_samples += RATE
    assert track.writer is not None
    track.writer.append(bytes(SECOND))
    (folder,) = spool.streams.iterdir()
    state = read_state(folder)
    assert list(state.open_counts.values()) == [Counts(frames=50, gaps=1, filled_samples=RATE)]
    assert list(state.open_samples.values()) == [2 * RATE]


async def test_what_a_full_disk_refuses_is_told_as_lost_after_a_kill(spool: Spool) -> None:
    """On a disk that is really full: what was flushed survives, and the rest is counted."""
    with refusing_disk(spool) as calls:
        segments, _, tracks = begin(spool)
        segments.save_state()
        append(segments, tracks["a"], b"\1\0" * RATE)
        calls.disk_is_full = True
        append(segments, tracks["a"], b"\2\0" * RATE)
        append(segments, tracks["a"], b"\3\0" * RATE)
        # A kill: nothing more is written.
        calls.disk_is_full = False
    restarted = restart(spool)
    (_, entry), (manifest_path, _) = Recovery(restarted).run()
    assert entry is not None
    assert entry.samples == RATE
    counts = decode_manifest(manifest_path.read_bytes()).counts
    assert (counts.frames, counts.lost) == (50, 100)
    restarted.close()


async def test_a_tail_that_a_full_disk_refuses_is_told_as_lost_after_a_kill(spool: Spool) -> None:
    """The cut's own segment was sealed meanwhile, which removed the tail from its file."""
    spool.worker.shutdown()
    spool.worker = InlineExecutor()  # type: ignore[assignment]
    with refusing_disk(spool) as calls:
        segments, uploads, tracks = begin(spool)
        track = tracks["a"]
        segments.save_state()
        append(segments, track, b"\1\0" * (2 * RATE))
        assert track.writer is not None
        # A folder and a manifest find room; the tail's file does not.
        calls.disk_is_full = True
        tail = track.writer.cut(SECOND)
        counts, track.counts = Counts(frames=50), Counts(frames=50)
        track.writer.finish(RATE, counts, 0.0)
        track.writer = segments.open("a", "a", START + timedelta(seconds=1), RATE)
        track.writer.append(tail)
        calls.disk_is_full = False
        await segments.seal_all()
        assert [entry.samples for entry in uploads.entries] == [RATE]
    restarted = restart(spool)
    ((manifest_path, _),) = Recovery(restarted).run()
    counts = decode_manifest(manifest_path.read_bytes()).counts
    assert (counts.frames, counts.lost) == (50, 50)
    restarted.close()


@contextmanager
def refusing_disk(spool: Spool) -> Iterator[SystemCalls]:
    calls = SystemCalls(spool.root)
    try:
        yield calls
    finally:
        calls.close()


async def test_a_participant_is_in_the_state_and_in_a_note_before_their_audio(spool: Spool) -> None:
    segments, uploads, _ = begin(spool)
    segments.note_participant("p1", "4:+1")
    (folder,) = spool.streams.iterdir()
    assert read_state(folder).participants == {"p1": "4:+1"}
    await segments.seal_all()
    (note,) = uploads.files
    assert names.parse_note(blob_of(note)[1]).track == "p1"
    assert note.read_text() == "4:+1"
    await segments.finish("1000")
    assert uploads.manifests[0].participants == {"p1": "4:+1"}


async def test_a_draft_has_the_segments_so_far_and_does_not_end_the_stream(spool: Spool) -> None:
    segments, uploads, tracks = begin(spool)
    append(segments, tracks["a"], bytes(SECOND))
    close(tracks["a"])
    await segments.publish_draft()
    (draft,) = uploads.manifests
    assert draft.ended_by == DRAFT_ENDED_BY
    assert [entry.samples for entry in draft.segments] == [RATE]
    assert uploads.files[-1].parent == spool.outbox / "drafts"
    tracks["a"].position = 2 * RATE
    append(segments, tracks["a"], bytes(SECOND))
    close(tracks["a"])
    await segments.finish("1000")
    assert [entry.samples for entry in uploads.manifests[1].segments] == [RATE, RATE]
    await segments.publish_draft()
    assert len(uploads.manifests) == 2, "an ended stream has no draft"


async def test_a_stream_of_three_segments_creates_one_folder_and_seven_files(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Creating and removing them is most of what a stream costs beside its frames."""
    calls: Counter[str] = Counter()

    def count(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(path: Any, *arguments: Any, **options: Any) -> Any:
            is_new = name != "open" or (arguments[0] & os.O_CREAT and not os.path.exists(path))
            calls[name] += bool(is_new)
            return call(path, *arguments, **options)

        return counted

    for name in ("mkdir", "open", "rename", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, count(name, getattr(os, name)))
    segments, _, tracks = begin(spool)
    segments.save_state()
    for number in range(3):
        tracks["a"].position = number * RATE
        append(segments, tracks["a"], bytes(SECOND))
        segments.save_state()
        close(tracks["a"])
    await segments.finish("1000")
    # Two states, the entries, three segments, the manifest. Uploads remove what was renamed.
    assert calls == {"mkdir": 1, "open": 7, "rename": 4, "unlink": 3, "rmdir": 1}
