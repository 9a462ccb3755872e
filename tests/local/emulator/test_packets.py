"""The messages of a stream, decoded by the product's own decoder and as plain JSON."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from acs import media
from local.emulator.audio import CallAudio
from local.emulator.clock import Stamps
from local.emulator.faults import Faults
from local.emulator.packets import PacketWriter, split

START = media.to_microseconds(datetime(2026, 11, 25, 12, tzinfo=UTC))
FRAME = bytes(range(1, 129)) * 5
VOICES = {"8:acs:agent": FRAME * 300, "4:+1555": FRAME * 2}
FIRST = 1


def writer(faults: Faults = Faults(), *, unmixed: bool = True) -> PacketWriter:  # noqa: B008
    audio = CallAudio(VOICES, 16_000)
    return PacketWriter(
        audio, Stamps(START, FIRST, faults), unmixed=unmixed, first_tick=FIRST, faults=faults
    )


def frames(faults: Faults, tick: int = FIRST, *, unmixed: bool = True) -> list[dict[str, Any]]:
    """The audioData members of a tick's packets."""
    messages = writer(faults, unmixed=unmixed).frames(tick)
    return [json.loads(message)["audioData"] for message in messages]


def metadata(faults: Faults) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(writer(faults).metadata("s"))["audioMetadata"]
    return members


def test_packets_are_as_acs_writes_them() -> None:
    assert writer().metadata("s") == (
        '{"kind":"AudioMetadata","audioMetadata":{"subscriptionId":"s","encoding":"PCM",'
        '"sampleRate":16000,"channels":1,"length":640}}'
    )
    first, second = writer().frames(FIRST)
    assert first == (
        '{"kind":"AudioData","audioData":{"timestamp":"2026-11-25T12:00:00.020Z",'
        f'"participantRawID":"8:acs:agent","data":"{base64.b64encode(FRAME).decode()}",'
        '"silent":false}}'
    )
    packet = media.decode(second.encode())
    assert packet.audio_data is not None
    assert (packet.audio_data.participant_raw_id, packet.audio_data.data) == ("4:+1555", FRAME)


def test_a_mixed_stream_names_no_participant() -> None:
    (frame,) = frames(Faults(), unmixed=False)
    assert "participantRawID" not in frame
    (frame,) = frames(Faults(nulls=("participantRawID",)), unmixed=False)
    assert frame["participantRawID"] is None


def test_silent_frames_have_data_or_not_or_are_not_sent() -> None:
    silent = 5
    assert [frame["silent"] for frame in frames(Faults(), silent)] == [False, True]
    assert base64.b64decode(frames(Faults(), silent)[1]["data"]) == bytes(640)
    assert "data" not in frames(Faults(omit_data_when_silent=True), silent)[1]
    (frame,) = frames(Faults(omit_silent_frames=True), silent)
    assert frame["participantRawID"] == "8:acs:agent"


def test_wrong_metadata() -> None:
    assert metadata(Faults(metadata_sample_rate=24_000, metadata_length=1280)) == {
        "subscriptionId": "s",
        "encoding": "PCM",
        "sampleRate": 24_000,
        "channels": 1,
        "length": 1280,
    }
    text = writer(Faults(decimal_numbers=True)).metadata("s")
    assert '"sampleRate":16000.0,"channels":1.0,"length":640.0' in text
    nulls = Faults(nulls=("subscriptionId", "encoding", "channels", "length", "silent"))
    assert set(metadata(nulls).items()) >= {("encoding", None), ("length", None)}
    assert frames(nulls)[0]["silent"] is None


def test_packets_with_more_audio_than_a_tick_s() -> None:
    faults = Faults(frame_ticks=102)
    assert frames(faults, FIRST + 100) == []
    frame = frames(faults, FIRST + 101)[0]
    assert base64.b64decode(frame["data"]) == FRAME * 102
    assert frame["timestamp"] == "2026-11-25T12:00:00.020Z"
    assert base64.b64decode(frames(Faults(extra_bytes=1))[0]["data"]) == FRAME + b"\0"


def test_other_participants() -> None:
    names = [f["participantRawID"] for f in frames(Faults(participant_ids=("", "\x01" * 60)))]
    assert names == ["", "\x01" * 60]
    faults = Faults(participant_ticks=50)
    last = [frames(faults, FIRST + tick)[-1]["participantRawID"] for tick in (0, 49, 50, 1650)]
    assert last == ["4:+1555", "4:+1555", "4:+1555_2", "4:+1555_34"]
    assert frames(faults, FIRST + 1650)[0]["participantRawID"] == "8:acs:agent"


def tones(faults: Faults, *, unmixed: bool = False) -> list[dict[str, Any]]:
    messages = writer(faults, unmixed=unmixed)
    return [json.loads(m)["dtmfData"] for tick in range(500) for m in messages.tone(FIRST + tick)]


def test_dtmf_tones() -> None:
    assert tones(Faults(dtmf=("pound", 5))) == [{"data": "pound"}, {"data": 5}]
    (tone,) = tones(Faults(dtmf=("#",), dtmf_timestamp=True), unmixed=True)
    assert tone == {
        "data": "#",
        "timestamp": "2026-11-25T12:00:01.020Z",
        "participantRawID": "8:acs:agent",
    }


def test_kinds_and_byte_order_marks() -> None:
    assert '"kind":"audiometadata"' in writer(Faults(kind_case=True)).metadata("s")
    assert writer(Faults(byte_order_mark=True)).metadata("s").startswith("\ufeff{")


@pytest.mark.parametrize("binary", [False, True])
def test_messages_are_text_or_bytes_whole_or_in_fragments(binary: bool) -> None:
    expected: Any = b"0123456789" if binary else "0123456789"
    assert split("0123456789", Faults(binary=binary)) == expected
    assert split("0123456789", Faults(binary=binary, fragments=3)) == [
        expected[:4],
        expected[4:8],
        expected[8:],
    ]
