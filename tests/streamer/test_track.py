"""A track's rules one by one, and over random drops, repeats, delays, reorderings and jitter."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.streamer.track_rig import FRAME, ORIGIN_US, RATE, Rig, Sent, frame, steady

SEGMENT_FRAMES = 50

# "late3" arrives three frames late; "again2" arrives, and is repeated two frames later; before
# "tick", what waited long enough is decided and the buffer is flushed, as it is once a second.
faults = st.lists(
    st.sampled_from(
        ["keep"] * 8
        + ["drop", "repeat", "again1", "again2", "late1", "late3", "late12", "tick", "tick again2"]
    ),
    min_size=2,
    max_size=200,
)


def apply_faults(faults: list[str]) -> list[tuple[Sent, bool]]:
    """Return frames with those faults, as they arrive; each with whether there is a tick before."""
    sent: list[tuple[Sent, bool]] = []
    pending: list[tuple[int, int]] = []

    def send(number: int, now: int, tick: bool = False) -> None:
        sent.append((Sent(number, number * 0.02, now * 0.02), tick))

    for now, fault in enumerate(faults):
        if fault == "drop":
            continue
        if fault.startswith("late"):
            pending.append((now + int(fault[4:]), now))
        else:
            send(now, now, fault.startswith("tick"))
            if fault == "repeat":
                send(now, now)
            elif "again" in fault:
                pending.append((now + int(fault[-1]), now))
        for due, number in pending:
            if due == now:
                send(number, now)
        pending = [(due, number) for due, number in pending if due > now]
    for due, number in sorted(pending):
        send(number, due)
    return sent


@settings(max_examples=200, deadline=None)
@given(faults=faults, flush=st.sampled_from([640, 5000, 32_000]))
# A repeat of a frame that has just been flushed, but not the last one.
@example(faults=["keep", "again2", "keep", "tick", "keep"], flush=32_000)
# A repeat of a frame beside which a late frame was placed, in the buffer.
@example(faults=["keep", *["drop"] * 5, "late12", *["keep"] * 11, "again2", "keep"], flush=32_000)
def test_every_frame_is_at_its_place(faults: list[str], flush: int) -> None:
    rig = Rig(flush_seconds=flush / 32_000)
    sent = apply_faults(["keep", *faults[1:]])
    for item, tick in sent:
        if tick:
            rig.track().decide()
            rig.track().flush()
        rig.send([item])
    totals = rig.finish()
    audio = rig.audio()

    last = max(item.number for item, _ in sent)
    assert len(audio) == (last + 1) * FRAME * 2, "the length is that of the span"
    present = 0
    for number in range(last + 1):
        content = audio[number * FRAME * 2 : (number + 1) * FRAME * 2]
        if content == frame(number):
            present += 1
        else:
            assert content == bytes(FRAME * 2), f"frame {number} is neither itself nor silence"
    assert totals.frames == present
    assert totals.frames + totals.repeated + totals.late_dropped == len(sent)
    assert totals.filled_samples == (last + 1 - present) * FRAME
    assert totals.unstamped == totals.corrected_samples == totals.clock_steps == 0
    if not any(fault.startswith("late") for fault in faults):
        assert present == len({item.number for item, _ in sent})


@settings(max_examples=100, deadline=None)
@given(
    jitter=st.lists(st.integers(-7, 7), min_size=2, max_size=300),
    flush=st.sampled_from([0.02, 1.0]),
)
def test_jitter_adds_and_removes_no_sample(jitter: list[int], flush: float) -> None:
    """Within 7 ms: 15 ms from the first timestamp on would be drift."""
    rig = Rig(flush_seconds=flush)
    rig.send(steady(range(len(jitter)), lambda n: n * 0.02 + jitter[n] / 1000))
    totals = rig.finish()
    assert rig.audio() == b"".join(map(frame, range(len(jitter))))
    assert totals.gaps == totals.filled_samples == totals.corrected_samples == 0


@pytest.mark.parametrize("seed", range(20))
def test_wide_jitter_of_a_monotonic_clock_adds_and_removes_no_sample(seed: int) -> None:
    """A busy sender stamps frames as they arrive: in order, up to 50 ms late, in bursts."""
    rng = random.Random(seed)
    stamps = [0.0]
    for number in range(1, 2000):
        # The last frames are on time: nothing after them could tell jitter from loss.
        late = rng.choice([0, 0, 0, 0, rng.uniform(0, 0.05)]) if number < 1970 else 0
        stamps.append(max(stamps[-1] + 0.001, number * 0.02 + late))
    rig = Rig().send(steady(range(2000), stamps.__getitem__))
    totals = rig.finish()
    assert rig.audio() == b"".join(map(frame, range(2000)))
    assert totals.gaps == 0


def test_one_lost_frame_is_filled_at_its_place() -> None:
    rig = Rig().send(steady(number for number in range(100) if number != 40))
    totals = rig.finish()
    assert rig.audio()[40 * FRAME * 2 : 41 * FRAME * 2] == bytes(FRAME * 2)
    assert (totals.gaps, totals.filled_samples, totals.frames) == (1, FRAME, 99)


def test_what_waits_in_a_burst_is_bounded() -> None:
    rng = random.Random(1)
    rig = Rig(flush_seconds=0.02)
    most = 0
    for number in range(4000):
        rig.send([Sent(number, rng.uniform(-1e6, 1e6), 0.0)])
        most = max(most, rig.track().pending_bytes)
    assert most <= 52 * FRAME * 2


def test_slow_drift_is_corrected_in_silence_and_nowhere_else() -> None:
    """The sender's crystal is 200 ppm slow: in ten minutes its timestamps gain 120 ms."""
    rig = Rig(length=RATE * 3600)
    count = 30_000
    for number in range(count):
        silent = number % 500 > 450
        pcm = bytes(FRAME * 2) if silent else frame(number)
        moment = number * 0.02 * 1.0002
        rig.send([Sent(number, moment, moment, pcm, silent=silent)])
    totals = rig.finish()
    assert totals.frames == count
    assert totals.gaps == 0
    length = len(rig.audio()) // 2
    assert abs(length - count * FRAME * 1.0002) <= FRAME
    assert totals.corrected_samples == length - count * FRAME
    assert rig.audio().startswith(b"".join(map(frame, range(100))))


def test_drift_that_is_not_corrected_yet_is_told_with_each_segment() -> None:
    rig = Rig(length=RATE)
    rig.send(steady(range(500), lambda n: n * 0.02 * 1.001))
    rig.finish()
    skews = [segment.skew / RATE * 1000 for segment in rig.segments["a"]]
    expected = [min(second, 10) * 1.0 for second in range(1, len(skews) + 1)]
    assert skews == [pytest.approx(value, abs=1.0) for value in expected]


def test_drift_that_removes_silence_leaves_no_segment_empty() -> None:
    """One silent frame lies in a segment of its own when drift is corrected."""
    rig = Rig()
    numbers = iter(range(10_000))
    for number in numbers:
        rig.send([Sent(number, number * 0.019975, number * 0.02)])
        if number > 500 and not rig.track().is_open:
            break
    last = next(numbers)
    rig.send([Sent(last, last * 0.019975 - 0.009, last * 0.02, bytes(FRAME * 2), silent=True)])
    rig.track().flush()
    assert rig.finish().frames == last + 1
    assert all(segment.pcm for segment in rig.segments["a"])


def test_a_jump_starts_a_segment_at_its_own_time() -> None:
    rig = Rig().send(steady([*range(10), *range(5000, 5010)]))
    totals = rig.finish()
    segments = rig.segments["a"]
    assert [segment.start for segment in segments] == [0, 5000 * FRAME]
    assert [len(segment.pcm) for segment in segments] == [10 * FRAME * 2] * 2
    assert (totals.frames, totals.gaps, totals.filled_samples) == (20, 0, 0)


def test_a_single_outlier_moves_nothing() -> None:
    rig = Rig().send(steady(range(40), lambda n: n * 0.02 + (86_400 if n == 20 else 0)))
    totals = rig.finish()
    assert rig.audio() == b"".join(map(frame, range(40)))
    assert (totals.frames, totals.unstamped, totals.gaps) == (40, 1, 0)


def test_a_clock_set_back_costs_no_audio() -> None:
    rig = Rig().send(steady(range(300), lambda n: n * 0.02 - (3600 if n >= 100 else 0)))
    totals = rig.finish()
    assert rig.audio() == b"".join(map(frame, range(300)))
    assert (totals.frames, totals.clock_steps) == (300, 1)


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_other_audio_of_a_time_that_is_taken_is_kept(count: int) -> None:
    """Nothing is dropped unless it is equal; only a gap that is closed makes a frame too late."""
    others = [Sent(1000 + n, n * 0.02, 4.0 + n * 0.02) for n in range(count)]
    rest = steady(range(200, 300), delay=count * 0.02)
    rig = Rig().send([*steady(range(200)), *others, *rest])
    totals = rig.finish()
    numbers = [*range(300), *(other.number for other in others)]
    places = rig.places(numbers)
    # Drift correction may have cut some short, to get back to the timestamps.
    assert len(places) >= len(numbers) + totals.corrected_samples // (FRAME // 2)
    assert max(abs(place - n * 0.02) for n, place in places.items() if n < 1000) < 0.201
    assert (totals.frames, totals.late_dropped, totals.repeated) == (300 + count, 0, 0)


def test_a_late_frame_whose_segment_is_closed_is_counted() -> None:
    frames = [sent for sent in steady(range(200)) if sent.number != 40]
    frames.insert(150, Sent(40, 0.8, 3.0))
    rig = Rig().send(sorted(frames, key=lambda sent: sent.arrival))
    totals = rig.finish()
    assert (totals.frames, totals.late_dropped, totals.repeated) == (199, 1, 0)
    assert len(rig.audio()) == 200 * FRAME * 2


def test_a_frame_without_a_timestamp_follows_in_order_and_is_counted() -> None:
    rig = Rig().send(steady(range(10), lambda n: None if n in (0, 4) else n * 0.02))
    totals = rig.finish()
    assert rig.audio() == b"".join(map(frame, range(10)))
    assert totals.unstamped == 2


def test_silence_with_timestamps_in_whole_seconds_keeps_its_time() -> None:
    """A frame of it may be taken for a repeat, since it is equal; then a gap takes its place."""
    silence = bytes(FRAME * 2)
    frames = [Sent(n, float(int(0.5 + n * 0.02)), n * 0.02, silence) for n in range(500)]
    rig = Rig().send(frames)
    totals = rig.finish()
    assert totals.frames + totals.repeated == 500
    assert abs(rig.length_seconds() - 10) <= 1
    assert not any(rig.audio())


def test_tracks_share_one_clock_and_their_spans_line_up() -> None:
    rig = Rig()
    tracks = steady(range(180)) + steady(range(21, 180), track="b", delay=0.001)
    rig.send(sorted(tracks, key=lambda sent: sent.arrival))
    rig.finish()
    step = SEGMENT_FRAMES * FRAME
    assert [segment.start for segment in rig.segments["a"]] == [0, step, 2 * step, 3 * step]
    assert [segment.start for segment in rig.segments["b"]] == [
        21 * FRAME,
        step,
        2 * step,
        3 * step,
    ]
    assert rig.clock.origin_us == ORIGIN_US


def test_a_silent_frame_costs_no_more_than_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most frames of an unmixed call are silent: none of them may ask the clock."""
    rig = Rig(length=1000 * FRAME)
    rig.send(Sent(n, n * 0.02, n * 0.02) for n in range(60))
    asked: list[float] = []

    def now() -> float:
        asked.append(rig.now)
        return rig.now

    monkeypatch.setattr(rig.clock, "_now", now)
    rig.send(Sent(n, n * 0.02, 60 * 0.02, silent=n % 2 == 1) for n in range(60, 80))
    assert not asked
    counts = rig.finish()
    assert (counts.frames, counts.silent_frames) == (80, 10)


@pytest.mark.parametrize("window", [0, 5 * FRAME, 10 * FRAME + 17])
@pytest.mark.parametrize("length", [50 * FRAME, 50 * FRAME + 100])
@pytest.mark.parametrize("mark", ["silent_frames", "unstamped"])
def test_a_segment_s_last_frame_is_counted_once_and_with_its_marks(
    window: int, length: int, mark: str
) -> None:
    """Also where a segment ends within a frame, and the cut is decided later."""
    rig = Rig(window=window, length=length)
    is_silent = mark == "silent_frames"
    rig.send(
        Sent(n, n * 0.02 if is_silent else None, n * 0.02, silent=is_silent) for n in range(230)
    )
    rig.finish()
    for segment in rig.segments["a"]:
        assert segment.counts is not None
        assert getattr(segment.counts, mark) == segment.counts.frames
        assert abs(segment.counts.frames - len(segment.pcm) / 2 / FRAME) < 1


@pytest.mark.parametrize("lost", range(50, 100))
@pytest.mark.parametrize("count", [1, 3])
def test_every_frame_is_written_within_a_second(lost: int, count: int) -> None:
    """Wherever the ticks are when a loss makes frames wait."""
    rig = Rig(length=1500 * FRAME, flush_seconds=1.5)
    second = round(1 / 0.02)
    for number in range(200):
        if lost <= number < lost + count:
            continue
        rig.wait_until(number * 0.02)
        earlier = number - second
        if earlier >= 0 and not lost <= earlier < lost + count:
            assert frame(earlier) in rig.audio(), f"frame {earlier} is in memory only"
        rig.send(steady([number]))
