"""Encoding as a stream: what was taken bit by bit is one file with the right header."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from calls.errors import CannotEncode
from calls.results.encoder import Encoder, Format
from tests import voices

RATE = 16_000


def random_frames(count: int, channels: int) -> np.ndarray:
    random = np.random.default_rng(channels)
    return random.integers(-9000, 9000, (count, channels)).astype(np.int16)


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("count", [1, RATE // 2, RATE * 12])
def test_the_parts_are_one_file_with_the_same_samples(count: int, channels: int) -> None:
    """Noise of 12 s is more than the head, which the encoder rewrites at the end."""
    frames = random_frames(count, channels)
    encoder = Encoder("flac", RATE, channels)
    parts = []
    for part in np.array_split(frames, 7):
        encoder.write(part)
        encoded_bytes = encoder.encoded_bytes
        parts.append(encoder.take())
        assert (len(parts[-1]), encoder.encoded_bytes) == (encoded_bytes, 0)
    head, tail = encoder.close()
    file = head + b"".join(parts) + tail
    info = soundfile.info(io.BytesIO(file))
    assert (info.format, info.subtype) == ("FLAC", "PCM_16")
    assert (info.frames, info.samplerate, info.channels) == (count, RATE, channels)
    samples, _ = soundfile.read(io.BytesIO(file), dtype="int16", always_2d=True)
    assert np.array_equal(samples, frames)


def test_long_audio_can_be_taken_before_its_end() -> None:
    encoder = Encoder("flac", RATE, 1)
    encoder.write(random_frames(RATE * 12, 1))
    assert encoder.encoded_bytes > 0
    assert encoder.take()
    encoder.close()


def test_nine_channels_are_more_than_flac_holds() -> None:
    with pytest.raises(CannotEncode, match="9 channels"):
        Encoder("flac", RATE, 9)


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_each_voice_is_heard_in_a_player_s_mix(channels: int, layout: str) -> None:
    """Without their speaker positions, the fourth of six voices would be the subwoofer."""
    levels = voices.loudness(
        voices.mix(voices.flac_file(voices.hum(channels, 0.25)), layout), channels
    )
    assert min(levels) > max(levels) / 4, levels
    assert min(levels) > voices.AMPLITUDE / 16, levels


@pytest.mark.parametrize(("format_", "subtype"), [("mp3", "MPEG_LAYER_III"), ("ogg", "VORBIS")])
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_formats_keep_length_and_level(format_: Format, subtype: str, channels: int) -> None:
    frames = voices.hum(channels, 60)
    encoder = Encoder(format_, RATE, channels)
    parts = []
    for part in np.array_split(frames, 5):
        encoder.write(part)
        parts.append(encoder.take())
    head, tail = encoder.close()
    file = head + b"".join(parts) + tail
    assert len(file) < frames.nbytes / 3
    samples, rate = soundfile.read(io.BytesIO(file), dtype="int16", always_2d=True)
    assert (rate, samples.shape[1]) == (RATE, channels)
    assert abs(len(samples) - len(frames)) < RATE / 10
    assert soundfile.info(io.BytesIO(file)).subtype == subtype
    for level in voices.loudness(samples, channels):
        assert level == pytest.approx(voices.AMPLITUDE, rel=0.05)
    assert len(voices.mix(file, "mono")) == pytest.approx(len(frames), abs=RATE / 10)
