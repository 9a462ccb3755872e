"""Media packets: the JSON text messages of ACS media streaming, as typed structs.

Sources: Microsoft's audio streaming quickstart (``audio-streaming-quickstart-python.md``) for
the shape, ``StreamingDataKind`` of ``@azure/communication-call-automation`` 1.6.0 for the kinds,
and the .NET SDK's ``MarkData`` and ``DtmfMetadata`` for what is on its way.

The decoder is made for the packet path: one pass over the message's bytes gives a typed struct with
the base64 audio already decoded. Whatever a later service may add (an unknown kind, an unknown
field) is not an error.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from acs.unreadable import UNREADABLE

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


class MalformedPacket(ValueError):
    """Raised when a message is no media packet: no JSON, no ``kind``, wrong types or base64."""


class AudioMetadata(msgspec.Struct, rename="camel", frozen=True):
    """The first packet of a stream: what its audio is.

    ``sample_rate`` is in Hz, ``length`` in bytes a frame (640 at 16 kHz, 960 at 24 kHz).
    """

    sample_rate: int
    subscription_id: str = ""
    encoding: str = "PCM"
    channels: int = 1
    length: int = 0


class AudioData(msgspec.Struct, rename="camel", gc=False):
    """One frame of one participant, or of all of them mixed.

    ``data`` is s16le mono PCM, empty or absent where a silent frame carries none;
    ``timestamp`` is None where it was absent or could not be read; ``participant_raw_id``
    is None in a mixed stream.
    """

    timestamp: datetime | None = None
    participant_raw_id: str | None = msgspec.field(default=None, name="participantRawID")
    data: bytes | None = None
    silent: bool = False

    def timestamp_us(self) -> int | None:
        """The timestamp as microseconds since 1970, UTC; None where there is none.

        .NET's least and greatest moments, of the years 1 and 9999, are how it says that.
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
    """One recognized phrase; ``offset`` and ``duration`` are in ticks of 100 ns."""

    text: str
    format: str = ""
    confidence: float | None = None
    offset: int | None = None
    duration: int | None = None
    words: list[dict[str, Any]] = msgspec.field(default_factory=list)
    participant_raw_id: str | None = msgspec.field(default=None, name="participantRawID")
    result_status: str = ""


class MarkData(msgspec.Struct, rename="camel", frozen=True):
    """The service's word that marked outbound audio was played or canceled (.NET beta)."""

    id: str = ""
    status: str = ""


class Packet(msgspec.Struct, rename="camel", gc=False):
    """One media packet: its kind, and the member that goes with it.

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
    """Decode one whole message (UTF-8 JSON; a WebSocket message's payload) into a packet.

    ``kind`` is matched without regard to case and returned as ACS documents it. A timestamp that
    cannot be read costs the timestamp, not the packet.

    Raises MalformedPacket.
    """
    try:
        packet = _decode_packet(message)
    except UNREADABLE as error:
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
    """Second chance, off the fast path: the packet may be whole but for its timestamp."""
    if "timestamp" not in str(cause):
        raise MalformedPacket(str(cause)) from cause
    try:
        raw = msgspec.json.decode(message)
        raw["audioData"].pop("timestamp", None)
        return msgspec.convert(raw, Packet)
    except (*UNREADABLE, TypeError, KeyError, AttributeError) as error:
        raise MalformedPacket(str(error)) from error


def encode(packet: Packet) -> bytes:
    """The message of a packet, as ACS writes it: only the member that its kind has."""
    members = {
        name: value
        for name, value in msgspec.structs.asdict(packet).items()
        if value is not None and name != "kind"
    }
    renamed = dict(
        zip(packet.__struct_fields__, packet.__struct_encode_fields__, strict=True),
    )
    return _encode({"kind": packet.kind} | {renamed[name]: v for name, v in members.items()})


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970; a moment without a zone is UTC, as ACS's all are."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(microseconds: int) -> datetime:
    """The UTC moment of ``microseconds`` since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
