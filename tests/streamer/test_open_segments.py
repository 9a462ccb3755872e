"""What a kill left of open segments: each sample once, and counts that tell what happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contract import wav
from contract.manifest import Counts, SegmentEntry, decode_manifest
from streamer.open_segments import read_parts
from streamer.recovery import Recovery
from streamer.spool import Spool
from streamer.stream_folder import StreamFolder
from tests.streamer.spools import START, create_state, restart

FRAME = 320


def recover(spool: Spool) -> list[tuple[SegmentEntry, bytes]]:
    """Restart, and return the recovered segments with their samples."""
    spool = restart(spool)
    return [
        (entry, wav.samples(path.read_bytes()))
        for path, entry in Recovery(spool).run()
        if entry is not None
    ]


@pytest.mark.parametrize("written", [0, 40, 50, 80])
@pytest.mark.parametrize("seconds_start", [0.0, 0.0004321])
def test_a_kill_after_a_cut_leaves_the_tail_in_one_segment(
    spool: Spool, written: int, seconds_start: float
) -> None:
    """24 flushed frames used to be lost between the truncation and the tail's append."""
    folder = StreamFolder(spool, create_state())
    start = START + timedelta(seconds=seconds_start)
    frames = [bytes([n + 1, 0]) * FRAME for n in range(180)]
    first = folder.open_segment("mixed", start, 16_000)
    first.append(b"".join(frames[:150]))
    tail = first.cut(100 * FRAME * 2)
    second = folder.open_segment("mixed", first.end, 16_000)
    pcm = (tail + b"".join(frames[150:]))[: written * FRAME * 2]
    if pcm:
        second.append(pcm)
    segments = recover(spool)
    audio = b"".join(samples for _, samples in segments)
    assert audio == b"".join(frames[: max(150, 100 + written)])
    assert [entry.samples // FRAME for entry, _ in segments] == (
        [150] if written < 50 else [100, written]
    )
    assert all(entry.counts == Counts(frames=entry.samples // FRAME) for entry, _ in segments)


def test_what_a_cut_moved_is_not_told_as_lost_however_often_recovery_is_killed(
    spool: Spool,
) -> None:
    """The state is of before the cut, and an earlier recovery has shortened the first segment."""
    folder = StreamFolder(spool, create_state())
    first = folder.open_segment("mixed", START, 16_000)
    first.append(bytes([1, 0]) * 150 * FRAME)
    folder.state.open_counts = {first.key: Counts(frames=150)}
    folder.state.open_samples = {first.key: 150 * FRAME}
    folder.save_state()
    tail = first.cut(100 * FRAME * 2)
    folder.open_segment("mixed", first.end, 16_000).append(tail)
    spool = restart(spool)
    read_parts(spool, folder.path, [])
    segments = recover(spool)
    assert [entry.counts for entry, _ in segments] == [Counts(frames=100), Counts(frames=50)]


def test_silence_of_the_last_second_is_not_recovered_as_frames(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    folder.state.open_counts = {file.key: Counts(frames=50, gaps=1, filled_samples=16_000)}
    folder.state.open_samples = {file.key: 32_000}
    folder.save_state()
    file.append(bytes(2 * 32_000))
    file.append(bytes(2 * 16_000))
    ((entry, _),) = recover(spool)
    assert entry.counts == Counts(frames=100, gaps=1, filled_samples=16_000)


def test_frames_that_were_in_memory_are_told_as_lost(spool: Spool) -> None:
    folder = StreamFolder(spool, create_state())
    file = folder.open_segment("mixed", START, 16_000)
    memory = folder.open_segment("mixed", START + timedelta(seconds=10), 16_000)
    folder.state.open_counts = {
        file.key: Counts(frames=100),
        memory.key: Counts(frames=30, repeated=2),
    }
    folder.state.open_samples = {file.key: 32_000, memory.key: 9600}
    folder.save_state()
    file.append(bytes(2 * 16_000))
    spool = restart(spool)
    _, (path, _) = Recovery(spool).run()
    counts = decode_manifest(path.read_bytes()).counts
    assert counts == Counts(frames=50, lost=80, repeated=2)
