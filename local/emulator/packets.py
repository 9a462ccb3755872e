"""The messages of a media stream, as ACS writes them, and as faults change them. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import msgspec

from acs import media
from local.emulator.audio import CallAudio
from local.emulator.clock import Stamps
from local.emulator.faults import Faults

_BYTE_ORDER_MARK = "\ufeff"
_TONE_TICKS = 50
_encode = msgspec.json.encode


class PacketWriter:
    """Writes the messages of one stream.

    Args:
        unmixed: Write a packet for each participant, instead of one for all.
        first_tick: The stream's first tick.
    """

    def __init__(
        self, audio: CallAudio, stamps: Stamps, *, unmixed: bool, first_tick: int, faults: Faults
    ) -> None:
        self._audio = audio
        self._stamps = stamps
        self._unmixed = unmixed
        self._first_tick = first_tick
        self._faults = faults
        self._last_tick: int | None = None
        self._last_audio: list[tuple[str | None, bytes]] = []

    def audio_of(self, tick: int) -> list[tuple[str | None, bytes]]:
        """Each participant's audio in a tick; None is the participant of a mixed stream."""
        if tick != self._last_tick:
            self._last_tick = tick
            if self._unmixed:
                voices = self._audio.voices
                self._last_audio = [(name, self._audio.frame(name, tick)) for name in voices]
            else:
                self._last_audio = [(None, self._audio.mixed(tick))]
        return self._last_audio

    def metadata(self, subscription_id: str) -> str:
        """The AudioMetadata packet."""
        rate, length = self._faults.metadata_sample_rate, self._faults.metadata_length
        members: dict[str, object] = {
            "subscriptionId": subscription_id,
            "encoding": "PCM",
            "sampleRate": self._audio.sample_rate if rate is None else rate,
            "channels": 1,
            "length": self._audio.frame_bytes if length is None else length,
        }
        if self._faults.decimal_numbers:
            members = {k: float(v) if isinstance(v, int) else v for k, v in members.items()}
        return self._message(media.AUDIO_METADATA, "audioMetadata", members)

    def frames(self, tick: int) -> Iterator[str]:
        """The AudioData packets of a tick: none until it completes ``frame_ticks``."""
        faults = self._faults
        number = tick - self._first_tick
        if (number + 1) % faults.frame_ticks:
            return
        first = tick - faults.frame_ticks + 1
        ticks = [self.audio_of(each) for each in range(first, tick + 1)]
        for index, parts in enumerate(zip(*ticks, strict=True)):
            pcm = b"".join(part for _, part in parts)
            silent = pcm.count(0) == len(pcm)
            if silent and faults.omit_silent_frames:
                continue
            omitted = silent and faults.omit_data_when_silent
            members: dict[str, object] = {
                "timestamp": self._stamps.text(first, index),
                "participantRawID": self._raw_id(index, parts[0][0], number),
                "data": None if omitted else b64encode(pcm + bytes(faults.extra_bytes)).decode(),
                "silent": silent,
            }
            yield self._message(media.AUDIO_DATA, "audioData", members)

    def tone(self, tick: int) -> Iterator[str]:
        """The DtmfData packet of a tick, if a tone is due."""
        number, remainder = divmod(tick - self._first_tick, _TONE_TICKS)
        if remainder or not 0 < number <= len(self._faults.dtmf):
            return
        participant = next(iter(self._audio.voices)) if self._unmixed else None
        members: dict[str, object] = {
            "data": self._faults.dtmf[number - 1],
            "timestamp": self._stamps.text(tick) if self._faults.dtmf_timestamp else None,
            "participantRawID": self._raw_id(0, participant, tick - self._first_tick),
        }
        yield self._message(media.DTMF_DATA, "dtmfData", members)

    def _raw_id(self, index: int, participant: str | None, number: int) -> str | None:
        faults = self._faults
        if participant is None:
            return None
        if index < len(faults.participant_ids):
            participant = faults.participant_ids[index]
        if faults.participant_ticks and index == len(self._audio.voices) - 1:
            turn = number // faults.participant_ticks
            return f"{participant}_{turn + 1}" if turn else participant
        return participant

    def _message(self, kind: str, member: str, members: dict[str, object]) -> str:
        """Write a packet. A member without a value is left out, as in ACS."""
        nulls = self._faults.nulls
        members = {
            name: None if name in nulls else value
            for name, value in members.items()
            if value is not None or name in nulls
        }
        kind = kind.lower() if self._faults.kind_case else kind
        text = _encode({"kind": kind, member: members}).decode()
        return _BYTE_ORDER_MARK + text if self._faults.byte_order_mark else text


def split(message: str, faults: Faults) -> str | bytes | list[str] | list[bytes]:
    """Return what to send: text or, under faults, bytes or fragments."""
    if faults.fragments <= 1:
        return message.encode() if faults.binary else message
    if faults.binary:
        content = message.encode()
        return [content[part] for part in _parts(len(content), faults.fragments)]
    return [message[part] for part in _parts(len(message), faults.fragments)]


def _parts(length: int, count: int) -> list[slice]:
    size = -(-length // count)
    return [slice(at, at + size) for at in range(0, length, size)]
