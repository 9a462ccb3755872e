"""The load speaks WebSocket and ACS's packets."""

from __future__ import annotations

import base64

from acs import media
from benchmarks.load import METADATA, encode_audio, encode_frame, find_pings


def test_frames_are_masked_and_have_their_length() -> None:
    for size in (5, 125, 126, 5000):
        payload = bytes(index % 251 for index in range(size))
        frame = encode_frame(1, payload)
        assert frame[0] == 0x81
        header = 2 if size < 126 else 4
        assert frame[1] == 0x80 | (min(126, size))
        mask, masked = frame[header : header + 4], frame[header + 4 :]
        assert bytes(b ^ mask[i % 4] for i, b in enumerate(masked)) == payload


def test_packets_are_acs_s() -> None:
    packet = media.decode(encode_audio(1_700_000_000.02, base64.b64encode(b"\1\0").decode()))
    assert packet.audio_data is not None
    assert packet.audio_data.data == b"\1\0"
    metadata = media.decode(METADATA).audio_metadata
    assert metadata is not None
    assert metadata.sample_rate == 16_000


def test_pings_are_found_among_control_frames() -> None:
    received = b"\x8a\x00" + b"\x89\x02ab" + b"\x89\x00"
    assert list(find_pings(received)) == [b"ab", b""]
