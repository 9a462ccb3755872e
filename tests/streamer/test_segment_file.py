"""One segment's file: whole when it is sealed, and bounded in memory while the disk is full."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from contract import wav
from contract.manifest import Counts
from streamer import metrics
from streamer.recovery import list_outbox
from streamer.segment_file import SEGMENT_BACKLOG_BYTES
from streamer.spool import Spool, blob_of
from streamer.stream_folder import StreamFolder, build_manifest, read_entries
from tests.streamer.spools import SECOND, START, create_state, seal_and_read


def test_a_sealed_segment_is_a_whole_wav_file(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    file.append(b"\1\0" * 100)
    file.append(b"\2\0" * 100)
    file.patch(50, b"\3\0" * 10)
    assert not list(list_outbox(spool))
    samples = seal_and_read(folder, file)
    assert samples == (b"\1\0" * 100 + b"\2\0" * 100)[:50] + b"\3\0" * 10 + samples[70:]
    assert len(samples) == 400
    (entry,) = read_entries(folder.path)
    assert (entry.samples, entry.bytes) == (200, 444)
    ((path, _),) = list_outbox(spool)
    assert blob_of(path)[1].endswith("/mixed/20260301T120000.000Z.wav")


def test_a_cut_removes_and_returns_the_tail(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    file.append(bytes(range(200)))
    assert file.cut(150) == bytes(range(150, 200))
    assert seal_and_read(folder, file) == bytes(range(150))


def test_a_cut_s_tail_stays_on_a_disk_that_has_only_its_margin(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the segment before it is sealed, the tail is on the disk twice, not once in memory."""
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    file.append(bytes(range(200)) * 100)
    disk = os.statvfs(spool.root)
    full = os.statvfs_result((4096, 4096, 4096, 256, 256, *disk[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    spool._seen_at = float("-inf")
    assert spool.room == 0
    tail = file.cut(10_000)
    rest = folder.open_segment("mixed", START + timedelta(seconds=1), 16_000)
    rest.append(tail)
    assert not rest.has_backlog
    assert rest.path.stat().st_size == wav.HEADER_BYTES + 10_000
    seal_and_read(folder, file)
    # The margin is whole again.
    rest.append(bytes(10_000))
    assert rest.has_backlog


def test_past_a_full_quota_audio_waits_in_memory_then_is_counted_as_lost(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 2 * 1024 * 1024)
    folder = StreamFolder(spool, create_state())
    hog = folder.open_segment("hog", START, 16_000)
    hog.append(bytes(2 * 1024 * 1024 - SECOND))
    file = folder.open_segment("mixed", START, 16_000)
    seconds = [bytes([number + 1]) * SECOND for number in range(50)]
    for second in seconds:
        file.append(second)
    assert spool.last_error is not None
    assert spool.fullness >= 1 - SECOND / spool.max_bytes
    with pytest.raises(OSError, match="no room"):
        file.seal(Counts(), folder.outbox_path(file))
    hog.cut(0)
    file.append(b"\xff" * SECOND)
    counts = Counts(frames=51 * 50)
    file.finish(counts)
    entry = file.seal(counts, folder.outbox_path(file))
    samples = wav.samples(folder.outbox_path(file).read_bytes())
    assert len(samples) == 51 * SECOND, "lost audio is silence of the same length"
    assert samples[50 * SECOND :] == b"\xff" * SECOND
    kept = [n for n, s in enumerate(seconds) if samples[n * SECOND : (n + 1) * SECOND] == s]
    lost = [n for n in range(50) if samples[n * SECOND : (n + 1) * SECOND] == bytes(SECOND)]
    assert kept == list(range(len(kept))), "what came first is kept"
    assert len(kept) + len(lost) == 50
    assert len(kept) * SECOND >= SEGMENT_BACKLOG_BYTES
    assert entry.counts.lost == len(lost) * 50
    assert entry.counts.frames == (len(kept) + 1) * 50
    assert entry.counts.filled_samples == len(lost) * 16_000


def test_what_is_lost_at_the_end_is_left_out_and_counted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert must not wait for the moment in which the segment can be sealed."""
    monkeypatch.setattr("streamer.segment_file.SEGMENT_BACKLOG_BYTES", SECOND)
    spool = Spool(tmp_path / "spool", 1024 * 1024)
    file = StreamFolder(spool, create_state()).open_segment("mixed", START, 16_000)
    file.append(b"\1\0" * 16_000)
    spool.reserve(spool.max_bytes - SECOND)
    before = _lost_frames()
    for number in (2, 3, 4):
        file.append(bytes([number, 0]) * 16_000)
    assert _lost_frames() - before == 100
    counts = Counts(frames=200)
    file.finish(counts)
    assert (file.samples, counts.frames, counts.lost) == (32_000, 100, 100)
    assert counts.filled_samples == 0


def _lost_frames() -> float:
    return metrics.REGISTRY.get_sample_value("streamer_frames_total", {"outcome": "lost"}) or 0.0


def test_a_full_spool_seals_what_it_has_and_the_rest_later(tmp_path: Path) -> None:
    """Sealing needs no room: the upload of the first part makes room for the rest."""
    spool = Spool(tmp_path / "spool", 1024 * 1024)
    folder = StreamFolder(spool, create_state())
    start = START + timedelta(microseconds=123_457)
    file = folder.open_segment("mixed", start, 16_000)
    file.append(b"\1\0" * 16_000)
    spool.reserve(spool.max_bytes - SECOND)
    file.append(b"\2\0" * 16_000)
    counts = Counts(frames=100, late=3)
    file.finish(counts)
    (rest, rest_counts) = file.split(counts) or (None, None)
    assert rest is not None
    assert rest_counts == Counts(frames=50)
    entry = file.seal(counts, folder.outbox_path(file))
    assert (entry.start, entry.samples, entry.counts) == (start, 16_000, Counts(frames=50, late=3))
    with pytest.raises(OSError, match="no room"):
        rest.split(rest_counts)
    spool.free(SECOND)
    assert rest.split(rest_counts) is None
    rest_entry = rest.seal(rest_counts, folder.outbox_path(rest))
    assert (rest_entry.start, rest_entry.samples) == (entry.end, 16_000)
    assert wav.samples(folder.outbox_path(rest).read_bytes()) == b"\2\0" * 16_000
    assert (spool.backlog_bytes, spool.open_bytes, spool.open_segments) == (0, 0, 0)


def test_a_patch_reaches_the_disk_although_the_spool_is_full(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1024 * 1024)
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    file.append(bytes(1000))
    spool.reserve(spool.max_bytes - 1000)
    file.append(bytes(1000))
    file.patch(900, b"\1" * 200)
    assert file.cut(950) == b"\1" * 150 + bytes(900)
    assert seal_and_read(folder, file) == bytes(900) + b"\1" * 50


def test_a_full_quota_that_clears_in_time_loses_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1024 * 1024)
    folder = StreamFolder(spool, create_state())
    hog = folder.open_segment("hog", START, 16_000)
    hog.append(bytes(1024 * 1024 - 100))
    file = folder.open_segment("mixed", START, 16_000)
    file.append(b"\1\0" * 1000)
    file.append(b"\2\0" * 1000)
    hog.cut(0)
    file.append(b"\3\0" * 1000)
    assert seal_and_read(folder, file) == b"".join(bytes([n, 0]) * 1000 for n in (1, 2, 3))


def test_the_backlog_of_all_segments_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a disk is full, each finished segment waits to be sealed with its backlog."""
    monkeypatch.setattr("streamer.segment_file.TOTAL_BACKLOG_BYTES", 10 * SECOND)
    spool = Spool(tmp_path / "spool", 1024 * 1024)
    spool.reserve(1024 * 1024)
    folder = StreamFolder(spool, create_state())
    files = [
        folder.open_segment("mixed", START + timedelta(seconds=8 * number), 16_000)
        for number in range(4)
    ]
    for number, file in enumerate(files):
        for second in range(8):
            file.append(bytes([8 * number + second + 1]) * SECOND)
        assert spool.backlog_bytes <= 10 * SECOND
    spool.free(1024 * 1024)
    audio = b""
    lost = 0
    for file in files:
        counts = Counts(frames=8 * 50)
        file.finish(counts)
        lost += counts.lost
        if file.samples:
            target = folder.outbox_path(file)
            assert file.seal(counts, target).counts.frames == file.samples // 320
            audio += wav.samples(target.read_bytes())
        else:
            file.discard()
    assert [audio[at] for at in range(0, len(audio), SECOND)] == [*range(1, 11)]
    assert lost == 22 * 50
    assert (spool.backlog_bytes, spool.used_bytes) == (0, 10 * SECOND)


def test_the_last_error_is_cleared_when_the_backlog_is_empty(spool: Spool) -> None:
    spool.reserve(spool.max_bytes)
    file = StreamFolder(spool, create_state()).open_segment("mixed", START, 16_000)
    file.append(bytes(SECOND))
    assert spool.last_error
    spool.free(spool.max_bytes)
    file.append(bytes(SECOND))
    file.append(bytes(SECOND))
    assert spool.last_error is None


def test_an_abandoned_segment_holds_no_room_and_no_descriptor(spool: Spool) -> None:
    open_files = len(os.listdir("/proc/self/fd"))
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    file.append(bytes(SECOND))
    shutil.rmtree(folder.path)
    with pytest.raises(FileNotFoundError):
        file.seal(Counts(), folder.outbox_path(file))
    file.abandon()
    with pytest.raises(FileNotFoundError):
        folder.finish(build_manifest(folder.state, [], START, "1000"))
    assert len(os.listdir("/proc/self/fd")) == open_files
    assert spool.used_bytes == 0
