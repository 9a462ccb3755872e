"""The messages of a stream that are not plain audio: counted by kind, malformed, or irregular.

A malformed message cannot be read. An irregular one differs from what ACS documents, and is
recorded all the same: the manifest counts it by reason, and the log names each reason once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from acs import media
from contract.grants import DtmfMode
from contract.manifest import DtmfTone
from streamer import metrics
from streamer.stream_folder import StreamState

MALFORMED = "malformed"
"""The key of malformed messages among the packets."""

_OTHER = "other"
_MAX_DTMF_TONES = 10_000
_MAX_TONE_CHARACTERS = 32
_MAX_KINDS = 64
_MAX_KIND_CHARACTERS = 64

Log = Callable[..., None]
"""Logs an event of the stream: its level, its name, and its fields."""


class PacketCounter:
    """Counts messages in the state of their stream, so that a restart reads the numbers, too."""

    def __init__(
        self, state: StreamState, max_malformed: int, log: Log, dtmf: DtmfMode = "off"
    ) -> None:
        """Start with counts of 0.

        Args:
            state: Where the counts and the DTMF tones go.
            max_malformed: How many malformed messages in a row are accepted.
            log: Logs an event with the stream's ids.
            dtmf: What may be kept of DTMF tones.
        """
        self._state = state
        self._max_malformed = max_malformed
        self._log = log
        self._dtmf = dtmf
        self._malformed_in_a_row = 0
        self._valid_packets = 0

    @property
    def anomalies(self) -> int:
        """A number that changes with every message that is not audio, and every irregular one."""
        state = self._state
        return len(state.dtmf) + sum(state.packets.values()) + sum(state.irregular.values())

    def count_malformed(self, reason: str, detail: str, audio_packets: int) -> bool:
        """Count a malformed message.

        Args:
            reason: The metric's label.
            detail: What is wrong, for the log.
            audio_packets: How many audio packets the stream has had.

        Returns:
            Whether there were too many in a row: with no valid packet among them.
        """
        metrics.PACKETS_MALFORMED.labels(reason).inc()
        packets = self._state.packets
        count = packets[MALFORMED] = packets.get(MALFORMED, 0) + 1
        if count == 1:
            self._log(logging.WARNING, "packet_malformed", reason=reason, error=detail)
        valid_packets = audio_packets + sum(packets.values()) - count
        if valid_packets != self._valid_packets:
            self._valid_packets = valid_packets
            self._malformed_in_a_row = 0
        self._malformed_in_a_row += 1
        return self._malformed_in_a_row > self._max_malformed

    def count_irregular(self, reason: str, detail: str) -> None:
        """Count something that differs from what ACS documents; log it the first time."""
        metrics.PACKETS_IRREGULAR.labels(reason).inc()
        irregular = self._state.irregular
        if reason not in irregular:
            self._log(logging.WARNING, "packet_irregular", reason=reason, detail=detail)
        irregular[reason] = irregular.get(reason, 0) + 1

    def count_other(self, packet: media.Packet) -> None:
        """Count a packet that is not audio, and keep what may be kept of its DTMF tone."""
        packets = self._state.packets
        kind = packet.kind[:_MAX_KIND_CHARACTERS]
        if kind not in packets and len(packets) >= _MAX_KINDS:
            kind = _OTHER
        packets[kind] = packets.get(kind, 0) + 1
        dtmf = packet.dtmf_data
        if self._dtmf == "off" or dtmf is None:
            return
        if len(self._state.dtmf) < _MAX_DTMF_TONES:
            stamp = dtmf.timestamp_us()
            self._state.dtmf.append(
                DtmfTone(
                    tone=dtmf.tone[:_MAX_TONE_CHARACTERS] if self._dtmf == "digits" else None,
                    received_at=datetime.now(UTC),
                    timestamp=None if stamp is None else media.from_microseconds(stamp),
                    participant_raw_id=dtmf.participant_raw_id,
                )
            )
