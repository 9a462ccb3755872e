"""What frames that wait say together."""

from __future__ import annotations

from streamer import frames
from streamer.frames import Frame

SAMPLES = 320
TOLERANCE = 3 * SAMPLES
JITTER = SAMPLES // 2


def waiting(*raws: float | None, arrivals: list[int] | None = None) -> list[Frame]:
    """Frames of these raw positions and arrivals, in frames' lengths; each arrives one later."""
    return [
        Frame(
            None if raw is None else round(raw * SAMPLES),
            (number if arrivals is None else arrivals[number]) * SAMPLES,
            bytes([number + 1]) * SAMPLES * 2,
            silent=False,
        )
        for number, raw in enumerate(raws)
    ]


def test_a_run_follows_on_within_jitter() -> None:
    items = waiting(7, 0, 1.4, 2)
    assert frames.find_last_run(items, JITTER) == items[1:]
    assert frames.find_last_run(waiting(0, 1, None), JITTER) == []


def test_a_line_holds_frames_in_any_order() -> None:
    items = waiting(101, 100, 7, None, 104)
    assert frames.find_line(items, items[0], TOLERANCE) == [items[0], items[1], items[4]]


def test_near_frames_follow_on_by_time_within_the_tolerance() -> None:
    items = waiting(2, 1, None, -1, 9, 4)
    assert frames.find_near(items, 0, TOLERANCE) == [items[1], items[0], items[5]]


def test_near_frames_tell_how_much_is_missing_or_how_many_fit() -> None:
    near = frames.find_near(waiting(2, 3, 4.2), 0, TOLERANCE)
    assert frames.compare_near(near, 0, JITTER) == (0, 2 * SAMPLES)
    assert frames.compare_near(waiting(0.6, 1.1, 2.6), 0, JITTER)[0] == 2


def test_the_first_frames_are_put_in_order() -> None:
    items = waiting(1, 0, 2)
    assert frames.order_first(items, TOLERANCE) == (0, [items[1], items[0], items[2]], 3)


def test_a_first_frame_whose_timestamp_is_wrong_goes_by_the_order_of_arrival() -> None:
    for wrong in (50_000, -50_000, 15, None):
        raw, ordered, agreeing = frames.order_first(waiting(wrong, 1, 2), TOLERANCE)
        assert (raw, agreeing) == (0, 2)
        assert [frame.raw for frame in ordered] == [None, SAMPLES, 2 * SAMPLES]


def test_two_wrong_timestamps_that_agree_are_outvoted_by_three() -> None:
    for wrong in (50_000, -50_000, 15, -15):
        raw, ordered, agreeing = frames.order_first(waiting(wrong, wrong + 1, 2, 3, 4), TOLERANCE)
        assert (raw, agreeing) == (0, 3)
        assert [frame.raw for frame in ordered] == [None, None, *(n * SAMPLES for n in (2, 3, 4))]
        assert [frame.pcm[0] for frame in ordered] == [1, 2, 3, 4, 5]


def test_a_loss_after_the_first_frame_makes_no_timestamp_wrong() -> None:
    items = waiting(0, 7, 8, arrivals=[0, 7, 8])
    assert frames.order_first(items, TOLERANCE) == (0, items, 3)


def test_first_frames_without_timestamps_stay_in_order() -> None:
    items = waiting(None, None)
    assert frames.order_first(items, TOLERANCE) == (None, items, 0)
