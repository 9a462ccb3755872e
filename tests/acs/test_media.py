"""Media packets: every documented kind, and deviations that are not an error."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs import media
from acs.errors import MalformedPacket

PCM = bytes(range(256)) * 2 + bytes(128)


def audio(**members: object) -> bytes:
    return json.dumps({"kind": "AudioData", "audioData": members}).encode()


def test_audio_metadata_as_the_quickstart_documents_it() -> None:
    packet = media.decode(
        b'{"kind":"AudioMetadata","audioMetadata":{"subscriptionId":"89e8cb59-b991-48b0-b154-'
        b'1db84f16a077","encoding":"PCM","sampleRate":16000,"channels":1,"length":640}}'
    )
    assert packet.kind == media.AUDIO_METADATA
    assert packet.audio_metadata == media.AudioMetadata(
        sample_rate=16000,
        subscription_id="89e8cb59-b991-48b0-b154-1db84f16a077",
        encoding="PCM",
        channels=1,
        length=640,
    )


def test_audio_data_as_the_quickstart_documents_it() -> None:
    packet = media.decode(
        audio(
            timestamp="2024-11-15T19:16:12.925Z",
            participantRawID="8:acs:3d20e1de-0f28-41c5",
            data=base64.b64encode(PCM).decode(),
            silent=False,
        )
    )
    assert packet.audio_data is not None
    assert packet.audio_data.data == PCM
    assert packet.audio_data.participant_raw_id == "8:acs:3d20e1de-0f28-41c5"
    assert packet.audio_data.timestamp == datetime(2024, 11, 15, 19, 16, 12, 925_000, tzinfo=UTC)
    assert packet.audio_data.timestamp_us() == 1_731_698_172_925_000


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ('{"kind":"DtmfData","dtmfData":{"data":"3"}}', "dtmf_data"),
        ('{"kind":"MarkData","markData":{"id":"7","status":"Completed"}}', "mark_data"),
        (
            '{"kind":"TranscriptionMetadata","transcriptionMetadata":{"subscriptionId":"s",'
            '"locale":"en-us","callConnectionId":"c","correlationId":"r"}}',
            "transcription_metadata",
        ),
        (
            '{"kind":"TranscriptionData","transcriptionData":{"text":"Testing.","format":"display",'
            '"confidence":0.695,"offset":2516998782481234400,"words":[{"text":"testing"}],'
            '"participantRawID":"8:acs:","resultStatus":"Final"}}',
            "transcription_data",
        ),
    ],
)
def test_further_kinds(text: str, member: str) -> None:
    assert getattr(media.decode(text.encode()), member) is not None


@pytest.mark.parametrize("kind", ["audiodata", "audioData", "AUDIODATA"])
def test_kind_in_another_case(kind: str) -> None:
    packet = media.decode(json.dumps({"kind": kind, "audioData": {"data": "AAA="}}).encode())
    assert packet.kind == media.AUDIO_DATA


def test_unknown_kinds_and_members_are_accepted() -> None:
    assert media.decode(b'{"kind":"Hologram","hologram":{"x":1}}').kind == "Hologram"
    assert media.decode(audio(data="AAA=", colour="blue")).audio_data is not None


@pytest.mark.parametrize("members", [{}, {"data": None}, {"data": ""}, {"silent": True}])
def test_absent_members_are_accepted(members: dict[str, object]) -> None:
    packet = media.decode(audio(**members))
    assert packet.audio_data is not None
    assert not packet.audio_data.data
    assert packet.audio_data.participant_raw_id is None
    assert packet.audio_data.timestamp_us() is None


@pytest.mark.parametrize("stamp", ["yesterday", "", 17, "2024-13-01T00:00:00Z"])
def test_a_malformed_timestamp_costs_only_the_timestamp(stamp: object) -> None:
    packet = media.decode(audio(timestamp=stamp, data="AAA=", participantRawID="4:+1"))
    assert packet.audio_data is not None
    assert packet.audio_data.timestamp is None
    assert (packet.audio_data.data, packet.audio_data.participant_raw_id) == (b"\0\0", "4:+1")


@pytest.mark.parametrize(
    "stamp", ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"]
)
def test_dotnet_minimum_and_maximum_mean_no_timestamp(stamp: str) -> None:
    packet = media.decode(audio(timestamp=stamp, data="AAA="))
    assert packet.audio_data is not None
    assert packet.audio_data.timestamp_us() is None


def test_a_byte_order_mark_is_ignored() -> None:
    packet = media.decode(b"\xef\xbb\xbf" + audio(data="AAA=", participantRawID="4:+1"))
    assert packet.audio_data == media.AudioData(None, "4:+1", b"\0\0")


def test_null_means_absent_and_16000_0_is_a_whole_number() -> None:
    packet = media.decode(
        b'{"kind":"AudioMetadata","audioMetadata":{"subscriptionId":null,"encoding":null,'
        b'"sampleRate":16000.0,"channels":null,"length":null}}'
    )
    assert packet.audio_metadata == media.AudioMetadata(sample_rate=16_000)
    packet = media.decode(audio(silent=None, data="AAA=", timestamp="2024-11-15T19:16:12.925Z"))
    assert packet.audio_data is not None
    assert packet.audio_data.silent is False
    assert packet.audio_data.timestamp_us() == 1_731_698_172_925_000


def test_a_malformed_member_of_another_kind_does_not_matter() -> None:
    message = json.loads(audio(data="AAA=")) | {"audioMetadata": {"sampleRate": "fast"}}
    assert media.decode(json.dumps(message).encode()).audio_data is not None


@pytest.mark.parametrize(
    ("data", "tone"),
    [
        ("3", "3"),
        (3, "3"),
        ("pound", "#"),
        ("Pound", "#"),
        ("asterisk", "*"),
        ("star", "*"),
        ("seven", "7"),
        ("a", "A"),
        ("#", "#"),
        ("flash", "flash"),
    ],
)
def test_a_dtmf_tone_is_the_key_that_was_pressed(data: object, tone: str) -> None:
    packet = media.decode(json.dumps({"kind": "DtmfData", "dtmfData": {"data": data}}).encode())
    assert packet.dtmf_data is not None
    assert packet.dtmf_data.tone == tone
    assert packet.dtmf_data.timestamp_us() is None


@pytest.mark.parametrize(
    ("stamp", "microseconds"),
    [("2024-11-15T19:16:12.925Z", 1_731_698_172_925_000), ("yesterday", None), (17, None)],
)
def test_a_dtmf_tone_has_a_time_of_its_own(stamp: object, microseconds: int | None) -> None:
    members = {"data": "3", "timestamp": stamp, "participantRawID": "4:+1"}
    packet = media.decode(json.dumps({"kind": "DtmfData", "dtmfData": members}).encode())
    assert packet.dtmf_data is not None
    assert packet.dtmf_data.timestamp_us() == microseconds


def test_seven_fractional_digits_and_no_zone() -> None:
    for stamp in ("2024-11-15T19:16:12.9250000Z", "2024-11-15T19:16:12.925"):
        packet = media.decode(audio(timestamp=stamp))
        assert packet.audio_data is not None
        assert packet.audio_data.timestamp_us() == 1_731_698_172_925_000


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"kind":7}',
        b'{"kind":"AudioData"}',
        b'{"kind":"AudioMetadata"}',
        b'{"kind":"AudioMetadata","audioMetadata":{"sampleRate":"fast"}}',
        b'{"kind":"AudioData","audioData":{"data":"A"}}',
        b'{"kind":"AudioData","audioData":{"data":"****"}}',
        b'{"kind":"AudioData","audioData":{"timestamp":"x","data":"A"}}',
        b'{"kind":"AudioData","audioData":{"silent":"maybe"}}',
        b'{"kind":"AudioData","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"kind":"AudioData","audioData":{"timestamp":1,"x":' + b"[" * 20_000 + b"]" * 20_000,
    ],
    ids=lambda message: message[:60],
)
def test_malformed_packets_are_refused(message: bytes) -> None:
    with pytest.raises(MalformedPacket):
        media.decode(message)


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_malformed_packet(message: bytes) -> None:
    with contextlib.suppress(MalformedPacket):
        media.decode(message)


@given(
    pcm=st.binary(max_size=960),
    stamp=st.datetimes(min_value=datetime(2020, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    raw_id=st.none() | st.text(),
)
def test_encode_and_decode_agree(pcm: bytes, stamp: datetime, raw_id: str | None) -> None:
    sent = media.Packet(media.AUDIO_DATA, media.AudioData(stamp, raw_id, pcm, silent=False))
    assert media.decode(media.encode(sent)) == sent


def test_times_convert_to_microseconds_and_back() -> None:
    assert media.from_microseconds(1_731_698_172_925_000).isoformat().startswith("2024-11-15T19")
    assert media.to_microseconds(media.from_microseconds(-1)) == -1
