"""The comparison of uploaded with sent audio finds every kind of difference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contract import wav
from local.verify import AudioMismatch, Streams, TrackAudio, compare, compare_recording

START = datetime(2026, 11, 25, 12, tzinfo=UTC)
RATE = 16_000


def audio(*values: int, start: datetime = START) -> TrackAudio:
    return TrackAudio(start, b"".join(v.to_bytes(2, "little", signed=True) for v in values))


def streams(*tracks: dict[str | None, TrackAudio]) -> Streams:
    return list(tracks)


SENT = streams({"4:+1": audio(1, 2, 3), "4:+2": audio(4, 5, 6)})


def test_equal_samples_are_counted() -> None:
    assert compare(SENT, SENT) == 6


@pytest.mark.parametrize(
    ("uploaded", "message"),
    [
        (streams(), "1 streams were sent, 0 were uploaded"),
        (streams({"4:+1": audio(1, 2, 3)}), r"stream 0: tracks .*4:\+2.* were uploaded"),
        (
            streams({"4:+1": audio(1, 2, 3), "4:+2": audio(4, 9, 6)}),
            r"stream 0, 4:\+2: differs from sample 1 on",
        ),
        (
            streams({"4:+1": audio(1, 2, 3), "4:+2": audio(4, 5)}),
            r"stream 0, 4:\+2: has 2 samples; 3 were sent",
        ),
        (
            streams({"4:+1": audio(1, 2, 3), "4:+2": audio(4, 5, 6, start=START + timedelta(1))}),
            r"stream 0, 4:\+2: starts at",
        ),
    ],
)
def test_differences_are_named(uploaded: Streams, message: str) -> None:
    with pytest.raises(AudioMismatch, match=message):
        compare(SENT, uploaded)


def recording(*samples: int, channels: int) -> bytes:
    pcm = audio(*samples).pcm
    return wav.header(RATE, len(pcm), channels) + pcm


def test_a_recording_has_each_stream_at_its_time_and_silence_between() -> None:
    later = START + timedelta(seconds=4 / RATE)
    sent = streams({None: audio(1, 2)}, {None: audio(3, start=later)})
    compare_recording(sent, recording(1, 2, 0, 0, 3, channels=1), [None])
    with pytest.raises(AudioMismatch, match="the recording, mixed: differs from sample 2 on"):
        compare_recording(sent, recording(1, 2, 7, 0, 3, channels=1), [None])


def test_a_recording_has_a_channel_per_track() -> None:
    file = recording(1, 4, 2, 5, 3, 6, channels=2)
    compare_recording(SENT, file, ["4:+1", "4:+2"])
    with pytest.raises(AudioMismatch, match=r"the recording, 4:\+2"):
        compare_recording(SENT, file, ["4:+2", "4:+1"])
    with pytest.raises(AudioMismatch, match="2 channels, not 1"):
        compare_recording(SENT, file, ["4:+1"])
