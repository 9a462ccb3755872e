"""Media packets: the JSON text messages of ACS media streaming, as typed structs.

Sources: Microsoft's audio streaming quickstart (``audio-streaming-quickstart-python.md``) for
the shape, ``StreamingDataKind`` of ``@azure/communication-call-automation`` 1.6.0 for the kinds,
and the .NET SDK's ``MarkData`` and ``DtmfMetadata`` for kinds that are not released yet.

The decoder is built for the packet path: one pass over the message's bytes gives a typed struct
with the base64 audio already decoded. An unknown kind or member is not an error: a later version of
the service may send it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from acs.errors import MalformedPacket
from acs.json_errors import JSON_ERRORS

AUDIO_DATA = "AudioData"
AUDIO_METADATA = "AudioMetadata"
DTMF_DATA = "DtmfData"

FRAME_MILLISECONDS = 20
"""Every AudioData packet carries this much audio (ACS audio streaming concept page)."""

BYTES_PER_SAMPLE = 2
"""The audio is 16-bit PCM, mono, little-endian."""

SAMPLE_RATES = {"pcm16KMono": 16_000, "pcm24KMono": 24_000}
"""The samples per second of each ``audioFormat`` that a call can be placed with."""

_KINDS = {
    kind.lower(): kind
    for kind in (
        AUDIO_DATA,
        AUDIO_METADATA,
        DTMF_DATA,
        "DtmfMetadata",
        "TranscriptionMetadata",
        "TranscriptionData",
        "MarkData",
    )
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_9999 = 253_370_764_800_000_000


class AudioMetadata(msgspec.Struct, rename="camel", frozen=True):
    """The first packet of a stream: the format of its audio.

    ``sample_rate`` is in Hz, ``length`` in bytes per frame (640 at 16 kHz, 960 at 24 kHz).
    """

    sample_rate: int
    subscription_id: str = ""
    encoding: str = "PCM"
    channels: int = 1
    length: int = 0


class AudioData(msgspec.Struct, rename="camel", gc=False):
    """One frame of one participant, or of all of them mixed.

    ``data`` is s16le mono PCM, empty or absent in a silent frame that carries none. ``timestamp``
    is None if it was absent or could not be read. ``participant_raw_id`` is None in a mixed
    stream.
    """

    timestamp: datetime | None = None
    participant_raw_id: str | None = msgspec.field(default=None, name="participantRawID")
    data: bytes | None = None
    silent: bool = False

    def timestamp_us(self) -> int | None:
        """Return the timestamp in microseconds since 1970, UTC; None if there is none.

        .NET's ``DateTime.MinValue`` and ``MaxValue``, of the years 1 and 9999, also mean none.
        """
        if self.timestamp is None:
            return None
        microseconds = to_microseconds(self.timestamp)
        return microseconds if 0 <= microseconds < _YEAR_9999 else None


class DtmfData(msgspec.Struct, rename="camel", frozen=True):
    """One DTMF tone, as sent with ``enableDtmfTones``."""

    data: str
    timestamp: str | None = None
    participant_raw_id: str | None = msgspec.field(default=None, name="participantRawID")


class TranscriptionMetadata(msgspec.Struct, rename="camel", frozen=True):
    """The first packet of a transcription stream."""

    subscription_id: str = ""
    locale: str = ""
    call_connection_id: str = ""
    correlation_id: str = ""


class TranscriptionData(msgspec.Struct, rename="camel", frozen=True):
    """One recognised phrase; ``offset`` and ``duration`` are in ticks of 100 ns."""

    text: str
    format: str = ""
    confidence: float | None = None
    offset: int | None = None
    duration: int | None = None
    words: list[dict[str, Any]] = msgspec.field(default_factory=list)
    participant_raw_id: str | None = msgspec.field(default=None, name="participantRawID")
    result_status: str = ""


class MarkData(msgspec.Struct, rename="camel", frozen=True):
    """A notification that marked outbound audio was played or canceled (.NET beta)."""

    id: str = ""
    status: str = ""


class Packet(msgspec.Struct, rename="camel", gc=False):
    """One media packet: its kind, and the member of that kind.

    An unknown kind keeps its name and has no member.
    """

    kind: str
    audio_data: AudioData | None = None
    audio_metadata: AudioMetadata | None = None
    dtmf_data: DtmfData | None = None
    transcription_metadata: TranscriptionMetadata | None = None
    transcription_data: TranscriptionData | None = None
    mark_data: MarkData | None = None


_decode_packet = msgspec.json.Decoder(Packet).decode
_encode = msgspec.json.Encoder().encode


def decode(message: bytes | bytearray | memoryview) -> Packet:
    """Decode one whole message (UTF-8 JSON, a WebSocket message's payload) into a packet.

    ``kind`` is matched without regard to case and returned as ACS documents it. If only the
    timestamp cannot be read, the packet is returned without it.

    Raises MalformedPacket.
    """
    try:
        packet = _decode_packet(message)
    except JSON_ERRORS as error:
        packet = _decode_without_timestamp(message, error)
    kind = packet.kind
    if kind == AUDIO_DATA and packet.audio_data is not None:
        return packet
    packet.kind = kind = _KINDS.get(kind.lower(), kind)
    if kind == AUDIO_DATA and packet.audio_data is None:
        raise MalformedPacket("an AudioData packet has no audioData")
    if kind == AUDIO_METADATA and packet.audio_metadata is None:
        raise MalformedPacket("an AudioMetadata packet has no audioMetadata")
    return packet


def _decode_without_timestamp(message: bytes | bytearray | memoryview, cause: Exception) -> Packet:
    """Decode again, off the fast path: perhaps only the timestamp is malformed."""
    if "timestamp" not in str(cause):
        raise MalformedPacket(str(cause)) from cause
    try:
        raw = msgspec.json.decode(message)
        raw["audioData"].pop("timestamp", None)
        return msgspec.convert(raw, Packet)
    except (*JSON_ERRORS, TypeError, KeyError, AttributeError) as error:
        raise MalformedPacket(str(error)) from error


def encode(packet: Packet) -> bytes:
    """Encode a packet as ACS does: only the member of its kind is written."""
    members = {
        name: value
        for name, value in msgspec.structs.asdict(packet).items()
        if value is not None and name != "kind"
    }
    json_names = dict(
        zip(packet.__struct_fields__, packet.__struct_encode_fields__, strict=True),
    )
    return _encode({"kind": packet.kind} | {json_names[name]: v for name, v in members.items()})


def to_microseconds(moment: datetime) -> int:
    """Return a time in microseconds since 1970. Without a time zone it is UTC, as in ACS."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """Return the UTC time of ``microseconds`` since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
