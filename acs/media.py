"""Media packets: the JSON text messages of ACS media streaming, as typed structs.

Sources: Microsoft's audio streaming quickstart (``audio-streaming-quickstart-python.md``) for
the shape, ``StreamingDataKind`` of ``@azure/communication-call-automation`` 1.6.0 for the kinds,
and the .NET SDK's ``MarkData`` and ``DtmfMetadata`` for kinds that are not released yet.

The decoder is built for the packet path: one pass over the message's bytes gives a typed struct
with the base64 audio already decoded. An unknown kind or member is not an error: a later version of
the service may send it. A message that the typed decoder refuses is decoded again, leniently: a
byte order mark is ignored, ``null`` means absent, ``16000.0`` is a whole number, and a timestamp
that cannot be read costs only itself.
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
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TONES = {
    **{name: str(digit) for digit, name in enumerate(_DIGITS)},
    **dict.fromkeys(("pound", "hash"), "#"),
    **dict.fromkeys(("asterisk", "star"), "*"),
    **{letter: letter.upper() for letter in "abcd"},
}
"""The names of tones in the SDKs' ``DtmfTone``, in lower case, and what they stand for."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
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
        return _usable_microseconds(self.timestamp)


class DtmfData(msgspec.Struct, rename="camel", frozen=True):
    """One DTMF tone, as sent with ``enableDtmfTones``.

    ``data`` is as sent: a key, a number, or a tone's name in the SDKs. ``timestamp`` is None where
    it was absent or could not be read.
    """

    data: str | int
    timestamp: datetime | None = None
    participant_raw_id: str | None = msgspec.field(default=None, name="participantRawID")

    @property
    def tone(self) -> str:
        """The key that was pressed: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""
        text = str(self.data).strip()
        return _TONES.get(text.lower(), text)

    def timestamp_us(self) -> int | None:
        """Return the timestamp in microseconds since 1970, UTC; None if there is none."""
        return _usable_microseconds(self.timestamp)


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

    ``kind`` is matched without regard to case and returned as ACS documents it.

    Raises MalformedPacket.
    """
    try:
        packet = _decode_packet(message)
    except JSON_ERRORS as error:
        packet = _decode_leniently(bytes(message), error)
    kind = packet.kind
    if kind == AUDIO_DATA and packet.audio_data is not None:
        return packet
    packet.kind = kind = _KINDS.get(kind.lower(), kind)
    if kind == AUDIO_DATA and packet.audio_data is None:
        raise MalformedPacket("an AudioData packet has no audioData")
    if kind == AUDIO_METADATA and packet.audio_metadata is None:
        raise MalformedPacket("an AudioMetadata packet has no audioMetadata")
    return packet


def _decode_leniently(message: bytes, cause: Exception) -> Packet:
    """Decode again, off the fast path, what the typed decoder refused. Raises MalformedPacket."""
    try:
        document = msgspec.json.decode(message.removeprefix(_BYTE_ORDER_MARK))
    except JSON_ERRORS as error:
        raise MalformedPacket(str(cause)) from error
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        raise MalformedPacket(str(cause)) from cause
    kind = _KINDS.get(kind.lower(), kind)
    name = kind[:1].lower() + kind[1:]
    member = document.get(name)
    if isinstance(member, dict):
        member = {key: value for key, value in member.items() if value is not None}
        if not _is_timestamp(member.get("timestamp")):
            member.pop("timestamp", None)
    # Only the member of its kind: what is wrong with another one does not matter.
    packet = {"kind": kind} if member is None else {"kind": kind, name: member}
    try:
        return msgspec.convert(packet, Packet, strict=False)
    except JSON_ERRORS as error:
        raise MalformedPacket(str(error)) from error


def _is_timestamp(value: object) -> bool:
    try:
        msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return False
    return True


def _usable_microseconds(timestamp: datetime | None) -> int | None:
    if timestamp is None:
        return None
    microseconds = to_microseconds(timestamp)
    return microseconds if 0 <= microseconds < _YEAR_9999 else None


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
