"""Cuts: a fixed grid, or the quietest place near it, the same for all tracks."""

from __future__ import annotations

import numpy as np
import pytest

from contract.manifest import Counts
from streamer.clock import Clock
from streamer.cuts import CutPlanner
from streamer.track import TrackSettings, create_track

RATE = 16_000
FRAME = 320


class Writer:
    def __init__(self, start: int) -> None:
        self.start, self.pcm = start, bytearray()

    def append(self, pcm: bytes) -> None:
        self.pcm += pcm

    def patch(self, offset: int, pcm: bytes) -> None:
        self.pcm[offset : offset + len(pcm)] = pcm

    def cut(self, offset: int) -> bytes:
        tail = bytes(self.pcm[offset:])
        del self.pcm[offset:]
        return tail

    def finish(self, samples: int, counts: Counts) -> None:
        assert len(self.pcm) == 2 * samples


def speech_with_pauses(seconds: int, pauses: list[tuple[float, float]]) -> bytes:
    rng = np.random.default_rng(7)
    audio = (rng.standard_normal(seconds * RATE) * 3000).astype("<i2")
    for start, end in pauses:
        audio[int(start * RATE) : int(end * RATE)] = 0
    return audio.tobytes()


@pytest.mark.parametrize("flush_bytes", [640, 32_000])
def test_a_cut_is_put_into_the_pause_and_no_sample_is_lost(flush_bytes: int) -> None:
    pauses = [(4.4, 4.6), (10.1, 10.4), (15.3, 15.5)]
    audio = {"a": speech_with_pauses(20, pauses), "b": speech_with_pauses(20, [*pauses, (5, 5.3)])}
    clock, cuts = Clock(RATE), CutPlanner(5 * RATE, RATE, RATE)
    segments: dict[str, list[Writer]] = {"a": [], "b": []}
    tracks = {}
    for name in segments:

        def open_segment(position: int, name: str = name) -> Writer:
            segments[name].append(Writer(position))
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
    for name, found in segments.items():
        assert b"".join(bytes(segment.pcm) for segment in found) == audio[name]
    starts = [segment.start for segment in segments["a"]]
    assert starts == [segment.start for segment in segments["b"]]
    assert len(starts) == 4
    for start, (begin, end) in zip(starts[1:], pauses, strict=True):
        assert begin <= start / RATE <= end


def test_a_track_that_begins_between_the_cut_and_its_boundary_is_not_cut_there() -> None:
    """The cut was decided before it began, by another: it has none until the next.

    It used to be cut where it began, and a track further behind then ran past two cuts at once.
    """
    cuts = CutPlanner(100, 30, 50)
    assert [cuts.after(at) for at in (0, 80, 129)] == [130, 130, 230]
    cuts.decide(130)
    (cut,) = {cuts.after(at) for at in (0, 50, 69)}
    assert 70 <= cut <= 130
    assert cuts.after(cut) == cut + 130
    cuts.decide(130)
    assert cuts.after(cut + 5) == cut + 130


def test_a_track_far_behind_is_cut_at_its_own_time() -> None:
    """Another has been cut an hour ahead, which is no reason for an hour's segment."""
    cuts = CutPlanner(100, 30, 50)
    cuts.decide(cuts.after(100_000))
    assert cuts.after(10) == 130
    cuts.decide(130)
    assert 70 <= cuts.after(10) <= 130
    assert cuts.after(100_050) > 100_050


def test_without_a_window_cuts_are_a_grid() -> None:
    cuts = CutPlanner(100, 0, RATE)
    assert [cuts.after(at) for at in (0, 99, 100, -1)] == [100, 100, 200, 0]
    assert not cuts.listens


def test_a_window_as_long_as_the_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        CutPlanner(100, 50, RATE)
