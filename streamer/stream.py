"""One stream: the packets of one WebSocket, placed on tracks, spooled, and listed in a manifest.

It knows nothing of WebSockets: messages come in, and a reason to close comes out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from acs import media
from acs.errors import MalformedPacket
from contract import names
from contract.manifest import DtmfTone
from event_log import log_event
from streamer import metrics
from streamer.clock import Clock
from streamer.cuts import CutPlanner
from streamer.outbox import Outbox
from streamer.placer import TrackSettings
from streamer.segmenter import SegmentWriter
from streamer.settings import Settings
from streamer.spool import Spool
from streamer.stream_folder import StreamState
from streamer.stream_segments import StreamSegments
from streamer.track import Track, create_track

_log = logging.getLogger(__name__)
_DRAIN_SEGMENT_SECONDS = 5.0
"""How long segments are while the process drains: a kill costs at most one for each track."""

_BUFFER_FLUSHES = 1.5
"""How much audio a track may buffer, in ``FLUSH_SECONDS``: more, so that only the tick flushes."""

_MAX_DTMF_TONES = 10_000
_MAX_KINDS = 64
_MAX_FORMATS = 16
_MALFORMED = "malformed"


class Close(NamedTuple):
    """Why to close a stream's WebSocket: a close code (RFC 6455, 7.4) and a reason."""

    code: int
    reason: str


class Stream:
    """The stream of one WebSocket of a call. It must be used on the event loop's thread."""

    def __init__(
        self,
        call_connection_id: str,
        correlation_id: str,
        *,
        settings: Settings,
        spool: Spool,
        outbox: Outbox,
        request_close: Callable[[Close], None],
    ) -> None:
        """Begin a stream, with a new id.

        Args:
            call_connection_id: The call that it belongs to.
            correlation_id: The call's correlation id, or "".
            settings: The streamer's settings.
            spool: Where to write segments.
            outbox: Where to hand finished segments and the manifest.
            request_close: Called when the stream itself must be closed (a timeout).

        Raises:
            OSError: The spool accepts no files.
        """
        now = datetime.now(UTC)
        self.id = names.new_stream_id(now)
        self.call_connection_id = call_connection_id
        self._settings = settings
        self._request_close = request_close
        self._state = StreamState(
            call_connection_id=call_connection_id,
            stream_id=self.id,
            correlation_id=correlation_id,
            started_at=now,
        )
        self._spool = spool
        self._tracks: dict[str | None, Track] = {}
        self._segments = StreamSegments(spool, outbox, self._state, self._tracks)
        self._clock: Clock | None = None
        self._cuts: CutPlanner | None = None
        self._track_settings: TrackSettings | None = None
        self._silence = b""
        self._audio_packets = 0
        self._audio_packets_at_tick = 0
        self._positions: dict[str | None, int] = {}
        self._anomalies = 0
        self._malformed = 0
        self._formats = 0
        self._is_draining = False
        self._loop = asyncio.get_running_loop()
        self._quiet_since = self._loop.time()
        self._is_half_tick = False
        self._tick = self._loop.call_later(settings.flush_seconds / 2, self._on_tick)
        metrics.STREAMS_OPENED.inc()
        metrics.STREAMS.inc()

    def handle_message(self, payload: bytes | bytearray | memoryview) -> Close | None:
        """Handle one whole message: UTF-8 JSON. Returns why to close the WebSocket, or None."""
        try:
            packet = media.decode(payload)
        except MalformedPacket as error:
            return self._count_malformed("packet", str(error))
        audio = packet.audio_data
        if audio is None or packet.kind != media.AUDIO_DATA:
            return self._handle_other(packet)
        pcm = audio.data
        if not pcm:
            pcm = self._silence
        elif len(pcm) & 1:
            return self._count_malformed("odd_bytes", f"{len(pcm)} bytes are not whole samples")
        self._audio_packets += 1
        track = self._tracks.get(audio.participant_raw_id)
        if track is None:
            created = self._create_track(audio)
            if isinstance(created, Close):
                return created
            track = created
        track.place(audio.timestamp_us(), pcm, audio.silent)
        return None

    @property
    def packets(self) -> dict[str, int]:
        """How many messages arrived, by kind; malformed ones under ``malformed``."""
        return self._state.packets | {media.AUDIO_DATA: self._audio_packets}

    @property
    def pending_bytes(self) -> int:
        """How much audio of all tracks is in memory only."""
        return sum(track.pending_bytes for track in self._tracks.values())

    async def end(self, ended_by: str) -> None:
        """End the segments, then put the manifest into the outbox. The WebSocket is closed.

        While the disk accepts nothing, this waits.
        """
        self._tick.cancel()
        metrics.STREAMS.dec()
        self._finish_tracks()
        self._state.packets = self.packets
        self._segments.save_state()
        await self._segments.finish(ended_by)

    async def drain(self) -> None:
        """Cut every open segment now, and from now on every few seconds; then write a draft.

        The process may be killed at any time: what is uploaded by then is safe.
        """
        self._is_draining = True
        self._cut_tracks(0)
        self._state.packets = self.packets
        await self._segments.publish_draft()

    # Packets other than audio.

    def _handle_other(self, packet: media.Packet) -> Close | None:
        kind = packet.kind[:_MAX_KINDS]
        self._state.packets[kind] = self._state.packets.get(kind, 0) + 1
        if packet.audio_metadata is not None and kind == media.AUDIO_METADATA:
            return self._set_format(packet.audio_metadata)
        if packet.dtmf_data is not None and len(self._state.dtmf) < _MAX_DTMF_TONES:
            self._state.dtmf.append(
                DtmfTone(
                    tone=packet.dtmf_data.data,
                    received_at=datetime.now(UTC),
                    participant_raw_id=packet.dtmf_data.participant_raw_id,
                )
            )
        if len(self._state.packets) > _MAX_KINDS:
            return Close(1008, "too many unknown kinds of packets")
        return None

    def _count_malformed(self, reason: str, detail: str) -> Close | None:
        """Count a message that is not a packet. Beyond the limit, the stream is closed."""
        metrics.PACKETS_MALFORMED.labels(reason).inc()
        self._malformed += 1
        # Among the packets, so that a restart reads the number, too.
        self._state.packets[_MALFORMED] = self._malformed
        if self._malformed == 1:
            self._log(logging.WARNING, "packet_malformed", reason=reason, error=detail)
        if self._malformed > self._settings.max_malformed_packets:
            return Close(1007, f"more than {self._malformed - 1} malformed packets, last: {reason}")
        return None

    def _set_format(self, metadata: media.AudioMetadata) -> Close | None:
        """Set the audio's format, for the first time or again; a new one starts new tracks."""
        rate = metadata.sample_rate
        if rate not in media.SAMPLE_RATES.values() or metadata.channels != 1:
            channels = metadata.channels
            return Close(1003, f"{rate} Hz with {channels} channels is not supported")
        if metadata.encoding.lower() != "pcm":
            return Close(1003, "only the encoding PCM is supported")
        if metadata.length % media.BYTES_PER_SAMPLE or not 0 <= metadata.length <= 2 * rate:
            return Close(1003, f"frames of {metadata.length} bytes are not supported")
        self._state.subscription_id = metadata.subscription_id
        if self._clock is not None and self._clock.sample_rate == rate:
            return None
        self._formats += 1
        if self._formats > _MAX_FORMATS:
            return Close(1008, "the audio's format changes too often")
        self._finish_tracks()
        settings = self._settings
        self._state.sample_rate = rate
        self._clock = Clock(rate, self._loop.time, _wall_us, settings.media_speed)
        self._cuts = CutPlanner(
            round(settings.segment_seconds * rate),
            round(settings.segment_pause_window_seconds * rate),
            rate,
        )
        self._track_settings = TrackSettings(
            tolerance=settings.timestamp_tolerance_ms * rate // 1000,
            jump=round(settings.max_jump_seconds * rate),
            flush_bytes=round(_BUFFER_FLUSHES * settings.flush_seconds * rate)
            * media.BYTES_PER_SAMPLE,
        )
        self._silence = bytes(rate // 25)
        self._save_state()
        return None

    # Tracks.

    def _create_track(self, audio: media.AudioData) -> Track | Close:
        if self._clock is None or self._cuts is None or self._track_settings is None:
            metrics.PACKETS_MALFORMED.labels("before_metadata").inc()
            return Close(1008, "AudioMetadata must come before AudioData")
        if len(self._tracks) >= self._settings.max_tracks:
            return Close(1008, f"more than {self._settings.max_tracks} tracks (MAX_TRACKS)")
        name = names.track_name(audio.participant_raw_id)
        if not names.is_track(name):
            return Close(1008, "a participant's raw id is too long")
        track = create_track(
            self._clock,
            self._cuts,
            self._track_settings,
            partial(self._open_segment, audio.participant_raw_id, name, self._clock),
        )
        self._tracks[audio.participant_raw_id] = track
        return track

    def _finish_tracks(self) -> None:
        for track in self._tracks.values():
            track.finish()
            # The counts of frames after the last segment.
            self._state.counts.add(track.counts)
            metrics.count_frames(track.counts, self._state.sample_rate)
        self._tracks.clear()

    def _open_segment(
        self, raw_id: str | None, track: str, clock: Clock, position: int
    ) -> SegmentWriter:
        start = media.from_microseconds(clock.microseconds(position))
        return self._segments.open(raw_id, track, start, clock.sample_rate)

    def _cut_tracks(self, size: int) -> None:
        """End the segments of at least ``size`` bytes where they are."""
        for raw_id, track in self._tracks.items():
            if track.is_open and self._segments.latest_bytes(raw_id) >= size:
                track.cut_now()

    # Twice every FLUSH_SECONDS.

    def _on_tick(self) -> None:
        self._tick = self._loop.call_later(self._settings.flush_seconds / 2, self._on_tick)
        for track in self._tracks.values():
            if track.decide():
                # What has waited is on disk before a second has passed.
                track.flush()
        self._is_half_tick = not self._is_half_tick
        if self._is_half_tick:
            return
        for track in self._tracks.values():
            track.flush()
        # Placed frames alone need no saving: a restart knows them by their files' length.
        if self._count_anomalies() != self._anomalies:
            self._save_state()
        self._cut_early()
        self._finish_idle_tracks()
        self._check_timeouts()

    def _save_state(self) -> None:
        """Save the state; the next tick saves it again only if the disk refused it, or it changed.

        That spares most streams the second of their two state files.
        """
        if self._segments.save_state():
            self._anomalies = self._count_anomalies()

    def _count_anomalies(self) -> int:
        """Return a number that changes with everything that a restart must know."""
        return (
            len(self._state.dtmf)
            + sum(self._state.packets.values())
            + sum(track.anomalies for track in self._tracks.values())
            + self._segments.lost_frames
        )

    def _cut_early(self) -> None:
        """Cut segments before their time where the spool runs short of room, or is drained."""
        size = self._spool.early_cut_bytes()
        if self._is_draining:
            rate = self._state.sample_rate
            drained = round(_DRAIN_SEGMENT_SECONDS * rate) * media.BYTES_PER_SAMPLE
            size = min(size or drained, drained)
        if size is not None:
            self._cut_tracks(size)

    def _finish_idle_tracks(self) -> None:
        """End the segments of tracks that the others have left behind, to upload them."""
        previous, self._positions = (
            self._positions,
            {raw_id: track.position or 0 for raw_id, track in self._tracks.items()},
        )
        if len(self._tracks) <= 1 or self._track_settings is None:
            return
        limit = max(self._positions.values()) - self._track_settings.jump
        for raw_id, position in self._positions.items():
            # A track that advances is not idle, even far behind one whose clock is ahead.
            if position < limit and position == previous.get(raw_id):
                self._tracks[raw_id].finish()

    def _check_timeouts(self) -> None:
        now = self._loop.time()
        if self._audio_packets != self._audio_packets_at_tick:
            self._audio_packets_at_tick = self._audio_packets
            self._quiet_since = now
            return
        quiet_seconds = now - self._quiet_since
        if not self._state.packets.get(media.AUDIO_METADATA) and not self._audio_packets:
            if quiet_seconds > self._settings.first_packet_timeout_seconds:
                self._request_close(Close(1008, "no first packet (FIRST_PACKET_TIMEOUT_SECONDS)"))
        elif quiet_seconds > self._settings.idle_timeout_seconds:
            self._request_close(Close(1001, "no packets (IDLE_TIMEOUT_SECONDS)"))

    def _log(self, level: int, event: str, **fields: object) -> None:
        fields = {"call": self.call_connection_id, "stream": self.id, **fields}
        log_event(_log, level, event, exc_info=None, **fields)


def _wall_us() -> int:
    return media.to_microseconds(datetime.now(UTC))
