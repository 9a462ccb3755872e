"""A track's promises, over random drops, repeats, delays, reorderings and jitter."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.manifest import Counts
from streamer.clock import Clock
from streamer.cuts import CutPlanner
from streamer.track import CLOCK_STEP_FRAMES, DECISION_FRAMES, TrackSettings, create_track
from tests.streamer.writers import MemoryWriter

RATE = 16_000
FRAME = 320
ORIGIN_US = 1_731_698_172_925_000
SEGMENT_FRAMES = 50


class Recorder:
    """A track, with its segments in memory."""

    def __init__(
        self,
        *,
        flush_bytes: int = 4096,
        jump_seconds: int = 10,
        length: int = SEGMENT_FRAMES * FRAME,
    ) -> None:
        self.clock = Clock(RATE)
        self.segments: list[MemoryWriter] = []
        self.track = create_track(
            self.clock,
            CutPlanner(length, 0, RATE),
            TrackSettings(tolerance=960, jump=jump_seconds * RATE, flush_bytes=flush_bytes),
            self.open,
        )

    def open(self, position: int) -> MemoryWriter:
        self.segments.append(MemoryWriter(position))
        return self.segments[-1]

    def send(self, index: int, *, shift_ms: float = 0, pcm: bytes | None = None) -> None:
        stamp = ORIGIN_US + index * 20_000 + int(shift_ms * 1000)
        self.track.place(stamp, frame(index) if pcm is None else pcm, silent=False)

    def finish(self) -> Counts:
        self.track.finish()
        return self.track.totals

    def audio(self) -> bytes:
        """Return all audio, each segment at its place; segments must not overlap."""
        out = bytearray()
        for segment in self.segments:
            at = segment.start * 2
            assert at >= len(out)
            out += bytes(at - len(out))
            out += segment.pcm
        return bytes(out)


def frame(index: int) -> bytes:
    """Return a frame that is unique, and not silent."""
    return (index + 1).to_bytes(4, "little") * (FRAME // 2)


# "late3" arrives three frames late; "again2" arrives, and is repeated two frames later; before
# "tick", the buffer is flushed, as it is once a second.
faults = st.lists(
    st.sampled_from(
        ["keep"] * 8
        + ["drop", "repeat", "again1", "again2", "late1", "late3", "late12", "tick", "tick again2"]
    ),
    min_size=2,
    max_size=200,
)


@settings(max_examples=300, deadline=None)
@given(faults=faults, flush=st.sampled_from([640, 5000, 32_000]))
# A repeat of a frame that has just been flushed, but not the last one.
@example(faults=["keep", "again2", "keep", "tick", "keep"], flush=32_000)
# A repeat of a frame beside which a late frame was placed, in the buffer.
@example(faults=["keep", *["drop"] * 5, "late12", *["keep"] * 11, "again2", "keep"], flush=32_000)
def test_every_frame_is_at_its_place(faults: list[str], flush: int) -> None:
    recorder = Recorder(flush_bytes=flush)
    faults[0] = "keep"
    sent: list[int] = []
    ticks: set[int] = set()
    pending: list[tuple[int, int]] = []
    for index, fault in enumerate(faults):
        if fault == "drop":
            continue
        if fault.startswith("tick"):
            ticks.add(len(sent))
        if fault.startswith("late"):
            pending.append((index + int(fault[4:]), index))
        else:
            sent.append(index)
            if fault == "repeat":
                sent.append(index)
            elif "again" in fault:
                pending.append((index + int(fault[-1]), index))
        sent += [late for due, late in pending if due == index]
        pending = [(due, late) for due, late in pending if due > index]
    sent += [late for _, late in pending]
    for number, index in enumerate(sent):
        if number in ticks:
            recorder.track.flush()
        recorder.send(index)
    totals = recorder.finish()
    audio = recorder.audio()

    assert len(audio) == (max(sent) + 1) * FRAME * 2, "the length is that of the span"
    present = 0
    for index in range(max(sent) + 1):
        content = audio[index * FRAME * 2 : (index + 1) * FRAME * 2]
        if content == frame(index):
            present += 1
        else:
            assert content == bytes(FRAME * 2), f"frame {index} is neither itself nor silence"
    assert totals.frames == present
    assert totals.frames + totals.repeated + totals.late_dropped == len(sent)
    assert totals.filled_samples == (max(sent) + 1 - present) * FRAME
    assert totals.unstamped == totals.corrected_samples == totals.clock_steps == 0
    if not any(fault.startswith("late") for fault in faults):
        assert present == len(set(sent))


@settings(max_examples=200, deadline=None)
@given(
    jitter=st.lists(st.integers(-9, 9), min_size=2, max_size=300),
    flush=st.sampled_from([640, 32_000]),
)
def test_jitter_adds_and_removes_no_sample(jitter: list[int], flush: int) -> None:
    recorder = Recorder(flush_bytes=flush)
    for index, shift in enumerate(jitter):
        recorder.send(index, shift_ms=shift)
    totals = recorder.finish()
    assert b"".join(bytes(s.pcm) for s in recorder.segments) == b"".join(
        map(frame, range(len(jitter)))
    )
    assert totals.gaps == totals.filled_samples == 0


@pytest.mark.parametrize("seed", range(20))
def test_wide_jitter_of_a_monotonic_clock_adds_and_removes_no_sample(seed: int) -> None:
    """A busy sender stamps frames as they arrive: in order, up to 50 ms late, in bursts."""
    rng = random.Random(seed)
    recorder = Recorder()
    stamp = 0.0
    for index in range(2000):
        # The last frames are on time: nothing after them could tell jitter from loss.
        late = rng.choice([0, 0, 0, 0, rng.uniform(0, 50)]) if index < 1970 else 0
        stamp = max(stamp + 0.001, index * 20 + late)
        recorder.send(index, shift_ms=stamp - index * 20)
    totals = recorder.finish()
    assert b"".join(bytes(s.pcm) for s in recorder.segments) == b"".join(map(frame, range(2000)))
    assert totals.gaps == 0


def test_one_lost_frame_is_filled_at_its_place() -> None:
    recorder = Recorder()
    for index in range(100):
        if index != 40:
            recorder.send(index)
    totals = recorder.finish()
    assert recorder.audio()[40 * FRAME * 2 : 41 * FRAME * 2] == bytes(FRAME * 2)
    assert (totals.gaps, totals.filled_samples, totals.frames) == (1, FRAME, 99)


def test_the_jitter_buffer_is_bounded() -> None:
    recorder = Recorder(flush_bytes=640)
    most = 0
    for index in range(0, 4000, 2):
        recorder.send(index)
        most = max(most, recorder.track.pending_bytes)
    assert most <= (DECISION_FRAMES + 2) * FRAME * 2


def test_slow_drift_is_corrected_in_silence_and_nowhere_else() -> None:
    """The sender's crystal is 200 ppm slow: in ten minutes its timestamps gain 120 ms."""
    recorder = Recorder(length=RATE * 3600)
    count = 30_000
    for index in range(count):
        silent = index % 500 > 450
        stamp = ORIGIN_US + round(index * 20_000 * 1.0002)
        recorder.track.place(stamp, bytes(FRAME * 2) if silent else frame(index), silent)
    totals = recorder.finish()
    assert totals.frames == count
    assert totals.gaps == 0
    length = len(recorder.audio()) // 2
    assert abs(length - count * FRAME * 1.0002) <= FRAME
    assert totals.corrected_samples == length - count * FRAME
    voiced = b"".join(frame(index) for index in range(100))
    assert recorder.audio().startswith(voiced)


def test_a_silent_frame_that_drift_removes_opens_no_segment() -> None:
    recorder = Recorder()
    frames = 40 * SEGMENT_FRAMES
    for index in range(frames):
        recorder.send(index, shift_ms=-index / 40)
    assert not recorder.track.is_open
    recorder.track.place(ORIGIN_US + frames * 19_975, bytes(FRAME * 2), silent=True)
    assert recorder.finish().frames + recorder.track.counts.frames == frames + 1
    assert all(segment.pcm for segment in recorder.segments)


def test_a_jump_starts_a_segment_at_its_own_time() -> None:
    recorder = Recorder()
    for index in [*range(10), *range(5000, 5010)]:
        recorder.send(index)
    totals = recorder.finish()
    assert [segment.start for segment in recorder.segments] == [0, 5000 * FRAME]
    assert [len(segment.pcm) for segment in recorder.segments] == [10 * FRAME * 2] * 2
    assert (totals.frames, totals.gaps, totals.filled_samples) == (20, 0, 0)


def test_a_single_outlier_moves_nothing() -> None:
    recorder = Recorder()
    for index in range(40):
        recorder.send(index, shift_ms=86_400_000 if index == 20 else 0)
    totals = recorder.finish()
    assert recorder.audio() == b"".join(map(frame, range(40)))
    assert (totals.frames, totals.unstamped, totals.gaps) == (40, 1, 0)


def test_a_clock_set_back_costs_no_audio() -> None:
    recorder = Recorder()
    for index in range(300):
        recorder.send(index, shift_ms=-3_600_000 if index >= 100 else 0)
    totals = recorder.finish()
    assert recorder.audio() == b"".join(map(frame, range(300)))
    assert (totals.frames, totals.clock_steps) == (300, 1)


def test_fewer_frames_than_a_clock_step_are_late() -> None:
    recorder = Recorder()
    for index in range(200):
        recorder.send(index)
    for index in range(CLOCK_STEP_FRAMES - 1):
        recorder.send(index, pcm=b"\x07\x00" * FRAME)
    recorder.send(200)
    totals = recorder.finish()
    assert recorder.audio() == b"".join(map(frame, range(201)))
    assert totals.late_dropped == CLOCK_STEP_FRAMES - 1


def test_a_frame_without_a_timestamp_follows_in_order_and_is_counted() -> None:
    recorder = Recorder()
    for index in range(10):
        stamp = None if index in (0, 4) else ORIGIN_US + index * 20_000
        recorder.track.place(stamp, frame(index), silent=False)
    totals = recorder.finish()
    assert b"".join(bytes(s.pcm) for s in recorder.segments) == b"".join(map(frame, range(10)))
    assert totals.unstamped == 2


def test_tracks_share_one_clock_and_their_spans_line_up() -> None:
    clock, cuts = Clock(RATE), CutPlanner(SEGMENT_FRAMES * FRAME, 0, RATE)
    segments: dict[str, list[MemoryWriter]] = {"a": [], "b": []}

    def opener(name: str) -> object:
        def open_segment(position: int) -> MemoryWriter:
            segments[name].append(MemoryWriter(position))
            return segments[name][-1]

        return open_segment

    settings_ = TrackSettings(960, 10 * RATE, 32_000)
    tracks = {name: create_track(clock, cuts, settings_, opener(name)) for name in segments}  # type: ignore[arg-type]
    for index in range(180):
        for name, track in tracks.items():
            if name == "a" or index > 20:
                track.place(ORIGIN_US + index * 20_000, frame(index), silent=False)
    for track in tracks.values():
        track.finish()
    step = SEGMENT_FRAMES * FRAME
    assert [s.start for s in segments["a"]] == [0, step, 2 * step, 3 * step]
    assert [s.start for s in segments["b"]] == [21 * FRAME, step, 2 * step, 3 * step]
