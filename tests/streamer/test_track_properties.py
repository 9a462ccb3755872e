"""The track's promises (see ``streamer/track.py``), over random senders and networks.

A sender speaks on some tracks, pauses, and stamps its frames; its clock is set, drifts, jitters and
errs. The network loses, repeats, delays and holds up frames.

What must hold for every sender is tried with new senders each time. Where frames lie depends on
what can be told apart, so those tests name what cannot, and try the same senders each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from contract.manifest import Counts
from streamer.clock import MAX_LEAD_SECONDS
from streamer.segmenter import Segmenter
from tests.streamer.track_rig import FRAME, ORIGIN_US, RATE, Rig, Sent, frame

LIMIT = 0.060
SLACK_SECONDS = 1.1
"""Beyond ``MAX_LEAD_SECONDS``: a second of audio that is buffered without a look at the clock."""

SILENCE = bytes(FRAME * 2)
TRACKS = "abc"


class Event(NamedTuple):
    """What happens to ``frames`` frames of a sender, and how much of it."""

    kind: str
    amount: float
    frames: int


class Sender(NamedTuple):
    """A random sender: how many frames on each of how many tracks, and what happens at which."""

    length: int
    tracks: int
    drift: float
    jitter: list[int]
    events: dict[int, Event]


class Spoken(NamedTuple):
    """A frame as it was spoken; a late one, or one near a fault of its clock, is not calm."""

    sent: Sent
    spoken_at: float
    is_calm: bool


class Cuts(NamedTuple):
    """Where segments end, and how much is buffered."""

    length: int
    window: int
    flush_seconds: float

    def rig(self) -> Rig:
        return Rig(length=self.length, window=self.window, flush_seconds=self.flush_seconds)


amounts = st.one_of(
    st.floats(-0.2, 0.2),
    st.floats(-20, 20),
    st.sampled_from([-3e8, -3600.0, 3600.0, 3e8]),
)
clock_faults = st.one_of(
    st.builds(Event, st.just("step"), amounts, st.just(1)),
    st.builds(Event, st.just("outlier"), amounts, st.integers(1, 2)),
)
missing = st.builds(
    Event, st.sampled_from(["unstamped", "silence"]), st.just(0), st.integers(1, 30)
)
network = st.one_of(
    st.builds(Event, st.just("lose"), st.just(0), st.integers(1, 30)),
    st.builds(Event, st.just("pause"), st.floats(0.02, 15), st.just(1)),
)
repeat = st.builds(Event, st.just("repeat"), st.floats(0, 0.5), st.integers(1, 3))
stall = st.builds(Event, st.just("stall"), st.floats(0.05, 8), st.just(1))
late = st.builds(Event, st.just("delay"), st.floats(0, 0.25), st.integers(1, 3))
held = st.builds(Event, st.just("hold"), st.floats(0.1, 3), st.integers(2, 50))
very_late = st.builds(Event, st.just("delay"), st.floats(0, 3), st.integers(1, 10))
cuts = st.builds(
    Cuts,
    st.sampled_from([50 * FRAME, 50 * FRAME + 77, 30 * RATE]),
    st.sampled_from([0, 0, 10 * FRAME]),
    st.sampled_from([0.02, 0.3, 1.0]),
)


@st.composite
def senders(
    draw: st.DrawFn,
    *events: st.SearchStrategy[Event],
    jitter: int = 6,
    drift: float = 0.02,
    first: int = 1,
) -> Sender:
    """Senders to whose frames these events happen, from the frame of that index on."""
    count = draw(st.integers(first + 4, 400))
    return Sender(
        length=count,
        tracks=draw(st.integers(1, 3)),
        drift=draw(st.sampled_from([0.0, 0.01 * drift, drift]) | st.floats(-drift, drift)),
        jitter=draw(st.lists(st.integers(-jitter, jitter), min_size=1, max_size=60)),
        events=draw(
            st.dictionaries(st.integers(first, count - 1), st.one_of(*events), max_size=10)
        ),
    )


@st.composite
def held_senders(draw: st.DrawFn) -> Sender:
    """Senders of which some frames come late, all at once, while the others flow."""
    sender = draw(senders(network, jitter=2, drift=0.0002, first=10))
    at = draw(st.integers(10, sender.length))
    events = {index: event for index, event in sender.events.items() if index < at}
    return sender._replace(length=at + 300, events=events | {at: draw(held)})


def speak(sender: Sender) -> list[Spoken]:
    """Return a sender's frames in the order of their arrival."""
    frames: list[Spoken] = []
    faults_at: list[float] = []
    offset, now, held_until = 0.0, 0.0, 0.0
    step = 0.02 * (1 + sender.drift)
    running: dict[tuple[str, int], Event] = {}
    for index in range(sender.length):
        event = sender.events.get(index)
        if event is not None:
            if event.kind == "step":
                offset += event.amount
            elif event.kind == "stall":
                held_until = max(held_until, now + event.amount)
            elif event.kind == "pause":
                now += event.amount
            elif event.kind == "hold":
                # The last of them would have come then.
                held = event._replace(amount=now + event.amount + (event.frames - 1) * step)
                running |= {("hold", index + ahead): held for ahead in range(event.frames)}
            else:
                for ahead in range(event.frames):
                    running[event.kind, index + ahead] = event
            if event.kind in {"step", "outlier"}:
                faults_at.append(now)
        for track in range(sender.tracks):
            # What happens to single frames happens on one track.
            mine = {
                kind: event
                for (kind, at), event in running.items()
                if at == index and (event.frames + track) % sender.tracks == 0
            }
            if "lose" in mine:
                continue
            jitter = sender.jitter[index % len(sender.jitter)] / 1000
            stamp: float | None = now + offset + jitter
            if "outlier" in mine:
                stamp = now + offset + mine["outlier"].amount
            if "unstamped" in mine:
                stamp = None
            number = track * 100_000 + index
            pcm = SILENCE if "silence" in mine else frame(number)
            arrival = max(now, held_until) + track * 0.0001
            if "delay" in mine:
                arrival += mine["delay"].amount
            if "hold" in mine:
                arrival = max(arrival, mine["hold"].amount)
            sent = Sent(number, stamp, arrival, pcm, TRACKS[track], "silence" in mine)
            spoken = Spoken(sent, now, is_calm=not mine.keys() & {"delay", "hold"})
            frames.append(spoken)
            # Silence is like other silence: nobody can tell whether it came again.
            if "repeat" in mine and stamp is not None and "silence" not in mine:
                again = sent._replace(arrival=arrival + mine["repeat"].amount)
                frames.append(spoken._replace(sent=again))
        now += step
    frames.sort(key=lambda spoken: spoken.sent.arrival)
    return [
        spoken._replace(
            is_calm=spoken.is_calm
            and not any(-0.5 < spoken.spoken_at - fault < 1.1 for fault in faults_at)
        )
        for spoken in frames
    ]


@contextmanager
def count_corrected_frames() -> Iterator[list[int]]:
    """Note in how many frames each correction of drift may lie: they are no longer whole."""
    frames: list[int] = []
    correct = Segmenter.correct

    def spy(segmenter: Segmenter, samples: int) -> int:
        corrected = correct(segmenter, samples)
        frames.append(0 if corrected == 0 else 2 + 2 * abs(corrected) // FRAME)
        return corrected

    with mock.patch.object(Segmenter, "correct", spy):
        yield frames


def record(spoken: list[Spoken], rig: Rig) -> dict[str, Counts]:
    """Send frames, and check what holds whatever they are; return the counts of each track."""
    with count_corrected_frames() as corrected_frames:
        rig.send(item.sent for item in spoken)
        for track in rig.tracks.values():
            track.finish()
    open_seconds = rig.now
    absent_frames = 0
    totals = {name: rig.finish(name) for name in rig.tracks}
    for name, counts in totals.items():
        frames = [item.sent for item in spoken if item.sent.track == name]
        conserved = counts.frames + counts.repeated + counts.late_dropped + counts.lost
        assert conserved == len(frames)
        voiced = {sent.number for sent in frames if sent.pcm != SILENCE}
        absent = len(voiced) - len(rig.places(sorted(voiced), name))
        absent_frames += absent - counts.late_dropped - counts.lost - counts.late
        longest = open_seconds + MAX_LEAD_SECONDS + SLACK_SECONDS
        assert rig.length_seconds(name) <= longest
        assert len(rig.segments[name]) <= longest * RATE / rig.shortest_segment + longest / 10 + 2
        samples = sum(len(segment.pcm) for segment in rig.segments[name]) // 2
        expected = counts.frames * FRAME + counts.filled_samples + counts.corrected_samples
        # Of a late frame that begins in a segment that is closed, the rest is kept.
        assert expected - counts.late * FRAME <= samples <= expected
        assert all(segment.pcm for segment in rig.segments[name])
    assert absent_frames <= sum(corrected_frames), "each frame lies somewhere, or is counted"
    return totals


@settings(max_examples=250, deadline=None)
@given(
    sender=senders(clock_faults, missing, network, stall, repeat, very_late, held, jitter=50),
    cuts=cuts,
)
@example(
    # A frame seems to be overtaken by one that a cut has split.
    sender=Sender(147, 2, 0.0, [1, 0, 2, 11, 10, -20, 0, 0, 0, 0, -10], {}),
    cuts=Cuts(50 * FRAME, 10 * FRAME, 0.02),
)
def test_whatever_happens_every_frame_is_kept_or_counted(sender: Sender, cuts: Cuts) -> None:
    record(speak(sender), cuts.rig())


@settings(max_examples=250, deadline=None, derandomize=True)
@given(
    # What seems later than ARRIVAL_SLACK_SECONDS and was overtaken is another clock's. Drift and
    # jitter may hide that there is room for a late frame, or one without a timestamp may take
    # its room; then it is put where it arrived.
    sender=senders(missing, network, stall)
    | senders(network, repeat, late, jitter=2, drift=0.0002),
    cuts=cuts,
)
def test_frames_lie_at_their_timestamps_where_arrival_agrees(sender: Sender, cuts: Cuts) -> None:
    rig = cuts.rig()
    spoken = speak(sender)
    record(spoken, rig)
    origin = (rig.clock.microseconds(0) - ORIGIN_US) / 1e6
    for name in rig.tracks:
        stamps = {
            item.sent.number: item.sent.stamp
            for item in spoken
            if item.sent.track == name and item.sent.stamp is not None
        }
        for number, place in rig.places(sorted(stamps), name).items():
            assert abs(origin + place - stamps[number]) <= LIMIT + 1e-9, (name, number)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(sender=held_senders(), cuts=cuts)
def test_frames_that_come_late_and_at_once_move_no_others(sender: Sender, cuts: Cuts) -> None:
    rig = cuts.rig()
    spoken = speak(sender)
    totals = record(spoken, rig)
    assert all(counts.clock_steps == 0 for counts in totals.values())
    for name in rig.tracks:
        mine = [item for item in spoken if item.sent.track == name]
        others = {item.sent.number: item.spoken_at for item in mine if item.is_calm}
        assert totals[name].late + totals[name].late_dropped <= len(mine) - len(others)
        for number, place in rig.places(sorted(others), name).items():
            assert abs(place - others[number]) <= LIMIT, (name, number)


@settings(max_examples=250, deadline=None, derandomize=True)
# Not with stalls: a step while the network stalls may as well be a pause and a step.
@given(sender=senders(clock_faults, missing, network, repeat, late, first=10), cuts=cuts)
def test_all_tracks_are_on_one_clock(sender: Sender, cuts: Cuts) -> None:
    # A loss may hide a step from one track: then it goes on as if there had been neither.
    steps = [index for index, event in sender.events.items() if event.kind == "step"]
    losses = [index for index, event in sender.events.items() if event.kind == "lose"]
    assume(all(not -50 < loss - step < 50 for loss in losses for step in steps))
    rig = cuts.rig()
    spoken = speak(sender)
    record(spoken, rig)
    stamped: dict[str, dict[int, float]] = {name: {} for name in rig.tracks}
    for item in spoken:
        if item.sent.stamp is not None and item.is_calm:
            stamped[item.sent.track][item.sent.number] = item.sent.stamp
    errors = {
        name: {
            number % 100_000: place - stamps[number]
            for number, place in rig.places(sorted(stamps), name).items()
        }
        for name, stamps in stamped.items()
    }
    first, *others = errors.values()
    for other in others:
        for index in first.keys() & other.keys():
            assert abs(first[index] - other[index]) <= LIMIT + 1e-9


@settings(max_examples=250, deadline=None)
@given(
    stamps=st.lists(st.none() | st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=60),
    cuts=cuts,
)
def test_no_timestamp_is_an_error(stamps: list[int | None], cuts: Cuts) -> None:
    rig = cuts.rig()
    for number, stamp in enumerate(stamps):
        rig.wait_until(number * 0.02)
        rig.track().place(stamp, frame(number), silent=False)
    totals = rig.finish()
    assert totals.frames + totals.late_dropped + totals.lost == len(stamps)
    assert rig.length_seconds() <= len(stamps) * 0.02 + MAX_LEAD_SECONDS + SLACK_SECONDS
    for segment in rig.segments["a"]:
        assert rig.clock.microseconds(segment.start) > 0
