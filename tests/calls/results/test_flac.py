"""Fields in the head of a FLAC file."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
import soundfile

from calls.results.flac import add_comment, add_speaker_positions
from tests import voices


def test_a_comment_is_added_to_those_that_exist() -> None:
    file = add_comment(voices.flac_file(voices.hum(3, 0.1)), "TITLE=Fünf")
    with av.open(io.BytesIO(file), "r") as container:
        assert container.metadata["TITLE"] == "Fünf"
        assert container.streams.audio[0].layout.name == "3.0"
    samples, _ = soundfile.read(io.BytesIO(file), dtype="int16")
    assert np.array_equal(samples, voices.hum(3, 0.1))


@pytest.mark.parametrize("file", [b"", b"fLaC", b"fLaC\x80\0\0\x01\0", b"RIFF" + bytes(50)])
def test_a_file_without_a_vorbis_comment_is_refused(file: bytes) -> None:
    with pytest.raises(ValueError, match="no Vorbis comment"):
        add_comment(file, "A=b")


def test_up_to_two_channels_need_no_speaker_positions() -> None:
    for channels in (1, 2):
        file = voices.flac_file(voices.hum(channels, 0.1))
        assert add_speaker_positions(file, channels) == file
