"""The segmenter: audio in order becomes segments, cut where the stream's cuts are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from streamer.clock import Clock
from streamer.cuts import CutPlanner
from streamer.segmenter import Segmenter
from streamer.track import create_track
from streamer.track_state import TrackSettings
from tests.streamer.writers import MemoryWriter

RATE = 16_000
FRAME = 320


class Recorder:
    """A segmenter that starts at position 0, with its segments in memory."""

    def __init__(
        self, *, length: int = 50 * FRAME, flush_bytes: int = 4096, window: int = 0
    ) -> None:
        self.segments: list[MemoryWriter] = []
        self.segmenter = Segmenter(
            CutPlanner(length, window, RATE),
            self._open,
            sample_rate=RATE,
            flush_bytes=flush_bytes,
        )
        self.segmenter.position = 0

    def _open(self, position: int) -> MemoryWriter:
        self.segments.append(MemoryWriter(position))
        return self.segments[-1]

    def audio(self) -> list[bytes]:
        """Close the last segment, and return the audio of all."""
        self.segmenter.close_segment()
        return [bytes(segment.pcm) for segment in self.segments]


def frame(index: int) -> bytes:
    return (index + 1).to_bytes(4, "little") * (FRAME // 2)


@pytest.mark.parametrize("flush_bytes", [100, 640, 4096])
def test_audio_is_split_at_the_cuts(flush_bytes: int) -> None:
    recorder = Recorder(length=250, flush_bytes=flush_bytes)
    pcm = frame(0) + frame(1)
    recorder.segmenter.append(pcm)
    assert recorder.audio() == [pcm[:500], pcm[500:1000], pcm[1000:]]
    assert [segment.start for segment in recorder.segments] == [0, 250, 500]


def test_audio_is_buffered_until_it_is_flushed() -> None:
    recorder = Recorder(flush_bytes=2 * 640)
    segmenter = recorder.segmenter
    segmenter.append(frame(0))
    segmenter.append(frame(1))
    assert (segmenter.buffered, bytes(recorder.segments[0].pcm)) == (1280, b"")
    segmenter.append(frame(2))
    assert (segmenter.buffered, bytes(recorder.segments[0].pcm)) == (640, frame(0) + frame(1))
    segmenter.flush()
    assert (segmenter.buffered, len(recorder.segments[0].pcm)) == (0, 1920)


def test_no_audio_opens_no_segment() -> None:
    recorder = Recorder()
    recorder.segmenter.append(b"")
    assert not recorder.segmenter.is_open
    assert not recorder.audio()


def test_a_gap_is_silence_and_each_segment_counts_its_part() -> None:
    recorder = Recorder(length=100)
    recorder.segmenter.append(frame(0)[:160])
    recorder.segmenter.fill(150)
    assert recorder.audio() == [frame(0)[:160] + bytes(40), bytes(200), bytes(60)]
    counts = [segment.counts for segment in recorder.segments]
    assert [c.filled_samples for c in counts if c] == [20, 100, 30]
    assert [c.gaps for c in counts if c] == [1, 0, 0]


@pytest.mark.parametrize("flush_after", [0, 1, 2, 3])
def test_a_late_frame_replaces_the_silence_wherever_it_lies(flush_after: int) -> None:
    """In the file, in the buffer, or across both."""
    recorder = Recorder(flush_bytes=1 << 20)
    segmenter = recorder.segmenter
    steps: list[Callable[[], None]] = [
        lambda: segmenter.append(frame(0)),
        lambda: segmenter.fill(FRAME // 2),
        lambda: segmenter.fill(FRAME // 2),
        lambda: segmenter.append(frame(2)),
    ]
    for number, step in enumerate(steps):
        step()
        if number == flush_after:
            segmenter.flush()
    assert segmenter.replace_gap(FRAME + 5, frame(1), 10)
    assert not segmenter.replace_gap(FRAME, frame(1), 10), "the gap is used up"
    assert recorder.audio() == [frame(0) + frame(1) + frame(2)]
    assert segmenter.totals.late == 1
    assert (segmenter.totals.frames, segmenter.totals.filled_samples) == (3, 0)


def test_recent_audio_is_recognised_at_its_place_only() -> None:
    recorder = Recorder()
    segmenter = recorder.segmenter
    for index in range(140):
        segmenter.append(frame(index))
        if index % 5 == 0:
            segmenter.flush()
    assert segmenter.contains(130 * FRAME + 100, frame(130), 160)
    assert not segmenter.contains(130 * FRAME + 200, frame(130), 160)
    assert not segmenter.contains(130 * FRAME, frame(131), 160)
    assert not segmenter.contains(0, frame(0), 160), "too long ago"


def test_audio_is_recognised_by_its_samples_wherever_chunks_begin() -> None:
    """Across a cut, across what is flushed, and not at half a sample."""
    recorder = Recorder(length=2 * FRAME + 77)
    segmenter = recorder.segmenter
    for index in range(5):
        segmenter.append(frame(index))
        if index == 3:
            segmenter.flush()
    across = (frame(2) + frame(3))[100:740]
    assert segmenter.contains(2 * FRAME + 50, across, 0)
    assert not segmenter.contains(2 * FRAME + 51, across, 0)
    assert not segmenter.contains(2 * FRAME, (frame(2) + frame(3))[101:741], FRAME)


def test_a_restart_begins_a_segment_of_its_own() -> None:
    recorder = Recorder()
    recorder.segmenter.append(frame(0))
    recorder.segmenter.restart_at(40 * FRAME)
    recorder.segmenter.append(frame(1))
    assert recorder.audio() == [frame(0), frame(1)]
    assert [segment.start for segment in recorder.segments] == [0, 40 * FRAME]


def test_a_gap_before_a_restart_is_closed_with_the_segment() -> None:
    segmenter = Recorder().segmenter
    segmenter.append(frame(0))
    segmenter.fill(FRAME)
    assert segmenter.is_missing(FRAME, FRAME, 0)
    segmenter.restart_at(40 * FRAME)
    for place in (FRAME, 2 * FRAME, 39 * FRAME):
        assert segmenter.is_missing(place, FRAME, 0)
    assert not segmenter.is_missing(0, FRAME, 0)
    assert not segmenter.is_missing(40 * FRAME, FRAME, 0)


@pytest.mark.parametrize("samples", [FRAME, -FRAME, -FRAME - 7, -2 * FRAME, -9 * FRAME, 77])
def test_drift_is_corrected_at_the_quietest_place(samples: int) -> None:
    recorder = Recorder()
    segmenter = recorder.segmenter
    for pcm in (frame(0), bytes(2 * FRAME), frame(1)):
        segmenter.append(pcm)
    corrected = segmenter.correct(samples)
    half = FRAME // 2
    assert corrected == max(samples, -3 * half), "half of each frame stays"
    middle = max(half, FRAME + corrected)
    first = min(FRAME, max(half, 2 * FRAME - half + corrected))
    last = 3 * FRAME + corrected - first - middle
    parts = [frame(0)[: 2 * first], bytes(2 * middle), frame(1)[: 2 * last]]
    assert recorder.audio() == [b"".join(parts)]
    assert segmenter.totals.corrected_samples == corrected
    assert segmenter.position == 3 * FRAME + corrected
    assert segmenter.correct(samples) == 0, "nothing is buffered"


def test_direct_appends_are_off_while_the_planner_listens() -> None:
    for window, direct_bytes in ((0, 4096), (10, 0)):
        segmenter = Segmenter(
            CutPlanner(1000, window, RATE),
            MemoryWriter,
            sample_rate=RATE,
            flush_bytes=4096,
        )
        assert segmenter.direct_bytes == direct_bytes


def speech_with_pauses(seconds: int, pauses: list[tuple[float, float]]) -> bytes:
    rng = np.random.default_rng(7)
    audio = (rng.standard_normal(seconds * RATE) * 3000).astype("<i2")
    for start, end in pauses:
        audio[int(start * RATE) : int(end * RATE)] = 0
    return audio.tobytes()


@pytest.mark.parametrize("flush_bytes", [640, 32_000])
def test_cuts_lie_in_pauses_and_no_sample_is_lost(flush_bytes: int) -> None:
    pauses = [(4.4, 4.6), (10.1, 10.4), (15.3, 15.5)]
    audio = {"a": speech_with_pauses(20, pauses), "b": speech_with_pauses(20, [*pauses, (5, 5.3)])}
    clock = Clock(RATE, lambda: 0.0, lambda: 0, speed=0)
    cuts = CutPlanner(5 * RATE, RATE, RATE)
    segments: dict[str, list[MemoryWriter]] = {"a": [], "b": []}
    tracks = {}
    for name in ("a", "b"):

        def open_segment(position: int, name: str = name) -> MemoryWriter:
            segments[name].append(MemoryWriter(position))
            return segments[name][-1]

        tracks[name] = create_track(
            clock, cuts, TrackSettings(960, 10 * RATE, flush_bytes), open_segment
        )
    for index in range(1000):
        for name, track in tracks.items():
            pcm = audio[name][index * 2 * FRAME : (index + 1) * 2 * FRAME]
            track.place(1_000_000 + index * 20_000, pcm, silent=False)
    for track in tracks.values():
        track.finish()
    for name, written in segments.items():
        assert b"".join(bytes(segment.pcm) for segment in written) == audio[name]
    starts = [segment.start for segment in segments["a"]]
    assert starts == [segment.start for segment in segments["b"]]
    assert len(starts) == 4
    for start, (begin, end) in zip(starts[1:], pauses, strict=True):
        assert begin <= start / RATE <= end


def test_what_is_counted_belongs_to_the_segment_of_its_frame() -> None:
    recorder = Recorder(length=10 * FRAME)
    for index in range(20):
        if index in (9, 12):
            recorder.segmenter.count("silent_frames")
        recorder.segmenter.append(frame(index))
    recorder.audio()
    counts = [segment.counts for segment in recorder.segments]
    assert [(count.frames, count.silent_frames) for count in counts if count] == [(10, 1), (10, 1)]


def test_a_correction_belongs_to_the_segment_of_its_frame() -> None:
    recorder = Recorder(length=10 * FRAME, flush_bytes=100 * FRAME)
    for index in range(9):
        recorder.segmenter.append(frame(100))
        assert recorder.segmenter.position == (index + 1) * FRAME
    for index in range(4):
        recorder.segmenter.append(frame(index))
    # The last frames are the quietest, and behind the cut.
    assert recorder.segmenter.correct(100) == 100
    assert recorder.segmenter.correct(-200) == -200
    recorder.audio()
    corrections = [segment.counts and segment.counts.corrections for segment in recorder.segments]
    assert corrections == [0, 3]
    corrected = [
        segment.counts and segment.counts.corrected_samples for segment in recorder.segments
    ]
    assert corrected == [0, -100]


@pytest.mark.parametrize("length", [10 * FRAME, 100 * FRAME])
def test_at_least_half_of_each_frame_stays_however_often_drift_is_corrected(length: int) -> None:
    recorder = Recorder(length=length, flush_bytes=100 * FRAME)
    for index in range(8, 20):
        recorder.segmenter.append(frame(index))
        recorder.segmenter.correct(-1000)
    (audio, *rest) = recorder.audio()
    audio += b"".join(rest)
    for index in range(8, 20):
        assert frame(index)[:FRAME] in audio, index
    recorder.segmenter.append(frame(20))
    assert recorder.segmenter.correct(-100) == -100, "the next buffer is corrected again"


def test_a_cut_at_a_pause_takes_what_was_counted_behind_it() -> None:
    recorder = Recorder(length=50 * FRAME, window=10 * FRAME, flush_bytes=20 * FRAME)
    for index in range(100):
        silent = 50 <= index < 55
        if silent or index == 58:
            recorder.segmenter.count("silent_frames" if silent else "unstamped")
        recorder.segmenter.append(bytes(2 * FRAME) if silent else frame(1000 + index))
        if index == 56:
            recorder.segmenter.fill(2 * FRAME)
    recorder.audio()
    first, second, *_ = [segment.counts for segment in recorder.segments]
    assert first
    assert second
    cut = recorder.segments[1].start
    assert 50 * FRAME < cut < 55 * FRAME
    silent_before = -(-(cut - 50 * FRAME) // FRAME)
    assert (first.silent_frames, second.silent_frames) == (silent_before, 5 - silent_before)
    assert (first.unstamped, second.unstamped) == (0, 1)
    assert (first.gaps, second.gaps) == (0, 1)
    assert (first.filled_samples, second.filled_samples) == (0, 2 * FRAME)


def test_a_cut_at_a_pause_closes_no_gap_behind_it() -> None:
    """The cut is decided after the gap: its late audio has room once, and then is not missing."""
    recorder = Recorder(length=50 * FRAME, window=10 * FRAME, flush_bytes=20 * FRAME)
    segmenter = recorder.segmenter
    for index in range(57):
        silent = 50 <= index < 55
        segmenter.append(bytes(2 * FRAME) if silent else frame(1000 + index))
    segmenter.fill(FRAME)
    for index in range(58, 70):
        segmenter.append(frame(1000 + index))
    assert recorder.segments[1].start < 55 * FRAME
    assert segmenter.is_missing(57 * FRAME, FRAME, 0)
    assert segmenter.replace_gap(57 * FRAME, frame(1057), 0)
    assert not segmenter.is_missing(57 * FRAME, FRAME, 0)


@pytest.mark.parametrize("cut", [77, 160, 161, 300])
def test_a_gap_that_a_cut_splits_is_missing_as_one(cut: int) -> None:
    segmenter = Recorder(length=10 * FRAME + cut).segmenter
    segmenter.fill(9 * FRAME)
    segmenter.append(frame(9))
    segmenter.fill(2 * FRAME)
    segmenter.append(frame(12))
    for place in (10, 11):
        assert segmenter.is_missing(place * FRAME, FRAME, 0)
    for place in (9, 12):
        assert not segmenter.is_missing(place * FRAME, FRAME, 0)


def test_audio_that_is_written_again_does_not_become_louder() -> None:
    """The quietest place stays where it is, though drift is corrected before the cut."""
    cuts = []
    for corrects in (False, True):
        recorder = Recorder(length=50 * FRAME, window=10 * FRAME, flush_bytes=40 * FRAME)
        for index in range(70):
            loud = 40 <= index < 50
            recorder.segmenter.append((900 if loud else 1000).to_bytes(2, "little") * FRAME)
            if corrects and index == 49:
                recorder.segmenter.correct(1)
        recorder.audio()
        cuts.append(recorder.segments[1].start // FRAME)
    assert cuts[0] in range(40, 50)
    assert cuts[1] in range(40, 50)


@pytest.mark.parametrize("corrected", [-100, 100])
def test_late_audio_after_a_correction_overwrites_nothing_else(corrected: int) -> None:
    recorder = Recorder(flush_bytes=100 * FRAME)
    segmenter = recorder.segmenter
    # Quieter than silence is nothing: the first frame is, and so the gap behind it moves.
    segmenter.append(bytes(2 * FRAME))
    segmenter.append(frame(1))
    segmenter.fill(FRAME)
    segmenter.append(frame(3))
    segmenter.correct(corrected)
    assert segmenter.replace_gap(2 * FRAME + corrected, frame(2), 0)
    (audio,) = recorder.audio()
    assert audio == bytes(2 * (FRAME + corrected)) + frame(1) + frame(2) + frame(3)


@pytest.mark.parametrize(("missing", "fits"), [(FRAME // 2, True), (FRAME // 2 + 1, False)])
def test_late_audio_over_a_cut_is_kept_where_most_of_it_fits(missing: int, fits: bool) -> None:
    recorder = Recorder(length=10 * FRAME)
    segmenter = recorder.segmenter
    segmenter.fill(12 * FRAME)
    assert segmenter.replace_gap(10 * FRAME - missing, frame(1), 0) is fits
    assert segmenter.counts.frames == segmenter.counts.late == int(fits)


@pytest.mark.parametrize("window", [0, 5 * FRAME])
def test_a_frame_is_inserted_before_others_across_a_cut(window: int) -> None:
    recorder = Recorder(length=30 * FRAME, flush_bytes=100 * 2 * FRAME, window=window)
    numbers = [n for n in range(40) if n != 27]
    for n in numbers[:29]:
        recorder.segmenter.append(frame(n))
    assert recorder.segmenter.insert(frame(27), 2 * FRAME + 100)
    for n in numbers[29:]:
        recorder.segmenter.append(frame(n))
    assert recorder.segmenter.position == 40 * FRAME
    assert b"".join(recorder.audio()) == b"".join(map(frame, range(40)))
    assert recorder.segmenter.totals.frames == 40


def test_a_frame_is_not_inserted_into_what_was_flushed() -> None:
    recorder = Recorder()
    recorder.segmenter.append(frame(0))
    recorder.segmenter.flush()
    recorder.segmenter.append(frame(1))
    assert not recorder.segmenter.insert(frame(2), 2 * FRAME)
    assert recorder.audio() == [frame(0) + frame(1)]


def test_a_frame_is_not_inserted_into_one_that_a_cut_split() -> None:
    recorder = Recorder(length=2 * FRAME - 100)
    recorder.segmenter.append(frame(0))
    recorder.segmenter.append(frame(1))
    recorder.segmenter.append(frame(2))
    assert not recorder.segmenter.insert(frame(3), FRAME + 100)
    assert b"".join(recorder.audio()) == b"".join(map(frame, range(3)))


def test_gaps_behind_an_inserted_frame_move_with_it() -> None:
    recorder = Recorder()
    recorder.segmenter.append(frame(0))
    recorder.segmenter.fill(FRAME)
    assert recorder.segmenter.insert(frame(1), 2 * FRAME)
    assert recorder.segmenter.replace_gap(2 * FRAME, frame(2), 0)
    assert recorder.audio() == [frame(1) + frame(0) + frame(2)]
