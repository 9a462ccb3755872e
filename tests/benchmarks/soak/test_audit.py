"""The audit finds every frame, and reports what is missing, there twice or out of place."""

from __future__ import annotations

import pytest

from contract.manifest import Counts
from tests.benchmarks.soak.books import (
    FRAME,
    ORIGIN_US,
    audio,
    audit_segments,
    record,
    segment,
    sent,
)

NUMBERS = range(100)
FRAMES = [sent(number) for number in NUMBERS]


def test_all_frames_are_kept_wherever_segments_are_cut() -> None:
    pcm = audio(*NUMBERS)
    cut = 33 * 2 * FRAME + 26
    totals = audit_segments(
        record(FRAMES), segment(pcm[:cut]), segment(pcm[cut:], cut / 2 / 16_000)
    )
    assert totals.is_well, totals.errors
    assert totals.kept == totals.sent == 100
    assert totals.reported_lost == totals.shortened == 0
    assert totals.worst_error_ms < 0.1


def test_a_frame_that_is_removed_is_unaccounted_for() -> None:
    pcm = audio(*range(50)) + bytes(2 * FRAME) + audio(*range(51, 100))
    totals = audit_segments(record(FRAMES), segment(pcm))
    assert (totals.kept, totals.unaccounted, totals.reported_lost) == (99, 1, 0)
    assert not totals.is_well
    assert "[50]" in totals.errors[0]


@pytest.mark.parametrize("name", ["late_dropped", "lost"])
def test_a_count_tells_of_as_many_frames_as_it_says(name: str) -> None:
    pcm = audio(*range(50), *range(52, 100))
    totals = audit_segments(
        record(FRAMES),
        segment(pcm[: 50 * 640]),
        segment(pcm[50 * 640 :], 1.04, Counts(**{name: 1})),
    )
    assert getattr(totals, name) == 1
    assert totals.unaccounted == 1


def test_a_frame_in_two_places_is_a_duplicate() -> None:
    totals = audit_segments(record(FRAMES), segment(audio(*NUMBERS, 7)))
    assert totals.duplicates == 1
    assert not totals.is_well


def test_a_frame_in_two_segments_that_do_not_meet_is_a_duplicate() -> None:
    totals = audit_segments(record(FRAMES), segment(audio(*NUMBERS)), segment(audio(7), 30))
    assert totals.duplicates == 1


def test_a_repeat_must_be_counted() -> None:
    books = record([*FRAMES, sent(7, is_copy=True, sent_at=2.1)])
    pcm = audio(*NUMBERS)
    totals = audit_segments(books, segment(pcm, counts=Counts(repeated=1)))
    assert totals.is_well, totals.errors
    assert (totals.sent, totals.kept, totals.repeated) == (101, 100, 1)
    assert audit_segments(books, segment(pcm)).unaccounted == 1
    assert audit_segments(record(FRAMES), segment(pcm, counts=Counts(repeated=1))).errors


def test_a_kill_tells_of_what_was_not_flushed_and_no_more() -> None:
    killed_at = FRAMES[-1].sent_at + 0.5
    short = audit_segments(
        record(FRAMES, killed_at=killed_at), segment(audio(*range(50)), recovered=True)
    )
    assert short.is_well, short.errors
    assert (short.kept, short.unflushed) == (50, 50)
    earlier = audit_segments(
        record(FRAMES, killed_at=killed_at), segment(audio(*range(30)), recovered=True)
    )
    assert earlier.unaccounted > 0


def test_copies_that_a_kill_took_leave_the_counts_to_others() -> None:
    killed_at = FRAMES[-1].sent_at + 0.1
    books = record([*FRAMES, sent(98, is_copy=True, sent_at=killed_at - 0.1)], killed_at=killed_at)
    pcm = audio(0, *range(2, 60))
    counts = Counts(late_dropped=1, gaps=1)
    totals = audit_segments(
        books, segment(pcm[:640], counts=counts), segment(pcm[640:], 0.04, recovered=True)
    )
    assert totals.is_well, totals.errors
    assert (totals.kept, totals.late_dropped, totals.unflushed) == (59, 1, 41)


def test_a_reset_tells_of_what_was_on_its_way() -> None:
    books = record(FRAMES, reset_at=FRAMES[-1].sent_at)
    totals = audit_segments(books, segment(audio(*range(90))))
    assert totals.is_well, totals.errors
    assert totals.in_flight == 10


def test_silent_frames_are_known_by_their_count() -> None:
    frames = [sent(number, is_silent=number < 5) for number in NUMBERS]
    pcm = bytes(5 * 2 * FRAME) + audio(*range(5, 100))
    assert audit_segments(record(frames), segment(pcm, counts=Counts(silent_frames=5))).kept == 100
    assert (
        audit_segments(record(frames), segment(pcm, counts=Counts(silent_frames=4))).unaccounted
        == 1
    )


def test_a_shortened_frame_needs_a_correction() -> None:
    pcm = audio(*range(50))[:-200] + audio(*range(50, 100))
    corrected = audit_segments(record(FRAMES), segment(pcm, counts=Counts(corrections=1)))
    assert corrected.is_well, corrected.errors
    assert (corrected.kept, corrected.shortened) == (100, 1)
    cut = audit_segments(record(FRAMES), segment(pcm))
    assert (cut.kept, cut.unaccounted) == (99, 1)


def test_a_correction_must_be_counted_in_the_frames_own_segment() -> None:
    first, second = audio(*range(50))[:-200], audio(*range(50, 100))
    meets = 1 - 100 / (50 * FRAME)
    counts = Counts(corrections=1)
    right = (segment(first, counts=counts), segment(second, meets))
    wrong = (segment(first), segment(second, meets, counts=counts))
    assert audit_segments(record(FRAMES), *right).is_well
    assert audit_segments(record(FRAMES), *wrong).unaccounted == 1


def test_a_unit_that_a_cut_splits_may_be_shortened_behind_the_cut() -> None:
    first, second = audio(*range(50))[:-4], audio(49)[-2:] + audio(*range(50, 100))
    meets = 1 - 2 / (50 * FRAME)
    counts = Counts(corrections=1)
    split = (segment(first), segment(second, meets, counts=counts))
    totals = audit_segments(record(FRAMES), *split)
    assert totals.is_well, totals.errors
    assert totals.shortened == 1


def test_no_correction_removes_a_whole_frame() -> None:
    pcm = audio(*range(50), *range(51, 100))
    counts = Counts(corrections=1)
    assert audit_segments(record(FRAMES), segment(pcm, counts=counts)).unaccounted == 1


def test_silence_may_be_reported_as_repeated_but_not_other_audio() -> None:
    frames = [sent(number, is_silent=number < 5) for number in NUMBERS]
    pcm = bytes(3 * 2 * FRAME) + audio(*range(5, 100))
    silent = audit_segments(
        record(frames), segment(pcm, counts=Counts(silent_frames=3, repeated=2))
    )
    assert silent.is_well, silent.errors
    assert (silent.kept, silent.repeated) == (98, 2)
    numbered = audit_segments(record(FRAMES), segment(audio(*range(98)), counts=Counts(repeated=2)))
    assert numbered.unaccounted == 2


def test_what_is_reported_as_repeated_is_a_copy_first() -> None:
    frames = [sent(number, is_silent=number < 5) for number in NUMBERS]
    frames.append(frames[-1]._replace(is_copy=True))
    pcm = bytes(4 * 2 * FRAME) + audio(*range(5, 100))
    counts = Counts(silent_frames=4, repeated=1)
    assert audit_segments(record(frames), segment(pcm, counts=counts)).unaccounted == 1


def test_a_frame_of_another_socket_or_track_is_an_error() -> None:
    pcm = audio(*NUMBERS)
    assert audit_segments(record(FRAMES), segment(pcm + audio(500))).errors
    assert len(audit_segments(record(FRAMES), segment(pcm, track="other")).errors) == 100


def test_frames_lie_where_their_timestamps_say() -> None:
    pcm = audio(*range(50)) + bytes(4 * FRAME * 2) + audio(*range(50, 100))
    totals = audit_segments(record(FRAMES), segment(pcm))
    assert totals.worst_error_ms == pytest.approx(80)
    assert "50 of 100 frames off" in totals.errors[0]
    unsettled = [frame._replace(is_clean=frame.number < 50) for frame in FRAMES]
    assert audit_segments(record(unsettled), segment(pcm)).is_well


def test_a_frame_from_before_its_track_began_has_no_place() -> None:
    frames = [*FRAMES[1:6], FRAMES[0], *FRAMES[6:]]
    pcm = audio(*range(2, 6), 0, *range(6, 100))
    books = record([frame for frame in frames if frame.number != 1])
    totals = audit_segments(books, segment(pcm, 0.04))
    assert totals.is_well, totals.errors
    assert totals.worst_error_ms <= 20.1


def test_after_a_step_frames_lie_where_the_others_do() -> None:
    frames = [
        frame
        if frame.number < 50
        else sent(
            frame.number,
            stamp_us=ORIGIN_US + frame.number * 20_000 - 5_000_000,
            era=1,
            clock_ms=-5e3,
        )
        for frame in FRAMES
    ]
    assert audit_segments(record(frames), segment(audio(*NUMBERS))).is_well
    # Not recorded as a step, but as if six seconds were missing.
    frames = [f if f.number < 50 else f._replace(era=1, clock_ms=0.0) for f in FRAMES]
    pcm = audio(*range(50)) + bytes(6 * 32_000) + audio(*range(50, 100))
    (error,) = audit_segments(record(frames), segment(pcm)).errors
    assert "6000 ms off after clock step 1" in error


def test_segments_must_not_overlap_or_be_too_long() -> None:
    overlapping = audit_segments(
        record(FRAMES), segment(audio(*range(50))), segment(audio(*range(50, 100)), 0.98)
    )
    assert "overlap by 20.0 ms" in overlapping.errors[0]
    long = audit_segments(
        record(FRAMES, ended_at=2.0), segment(audio(*NUMBERS)), segment(bytes(2), 3600)
    )
    assert "recorded" in long.errors[0]


def test_after_a_kill_frames_without_a_number_are_the_silent_ones() -> None:
    frames = [sent(number, is_silent=number >= 95) for number in NUMBERS]
    pcm = audio(*range(95)) + bytes(5 * 2 * FRAME)
    counts = Counts(frames=100, silent_frames=2)
    recovered = segment(pcm, counts=counts, recovered=True)
    assert audit_segments(record(frames), recovered).kept == 100
    assert audit_segments(record(frames), segment(pcm, counts=counts)).unaccounted == 3
    assert audit_segments(record(frames[:90] + frames[94:]), recovered).kept == 96


def test_a_copy_that_a_kill_may_have_lost_leaves_the_repeats_to_silence() -> None:
    frames = [sent(number, is_silent=number < 5) for number in NUMBERS]
    frames.append(sent(98, is_copy=True, sent_at=2.0))
    pcm = bytes(4 * 2 * FRAME) + audio(*range(5, 100))
    counts = Counts(frames=99, silent_frames=4, repeated=1)
    books = record(frames, killed_at=2.0)
    totals = audit_segments(books, segment(pcm, counts=counts, recovered=True))
    assert totals.is_well, totals.errors
    assert (totals.repeated, totals.unflushed) == (1, 1)
    assert audit_segments(record(frames), segment(pcm, counts=counts)).unaccounted == 1
