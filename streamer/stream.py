"""One stream: the packets of one WebSocket, placed on tracks, spooled, and listed in a manifest.

It knows nothing of WebSockets: messages come in, and a reason to close comes out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from acs import media
from acs.errors import MalformedPacket
from contract import names
from contract.grants import DtmfMode
from event_log import log_event
from streamer import metrics
from streamer.audio_gate import AudioGate
from streamer.clock import Clock
from streamer.close import Close
from streamer.media_packets import PacketCounter
from streamer.outbox import Outbox
from streamer.segmenter import SegmentWriter
from streamer.settings import Settings
from streamer.spool import Spool
from streamer.stream_folder import StreamState
from streamer.stream_format import StreamFormat, create_format, frame_bytes
from streamer.stream_segments import StreamSegments
from streamer.track import Track, create_track
from streamer.track_activity import TrackActivity
from streamer.track_state import Standing

_log = logging.getLogger(__name__)
_DRAIN_SEGMENT_SECONDS = 5.0
"""How long segments are while the process drains: a kill costs at most one for each track."""

_LEAST_IDLE_SECONDS = 1.0
"""How long a track must have been idle to make room for another one."""

_MAX_PARTICIPANTS = 1024
"""How many tracks a stream may have one after another; a call has 350 participants at most."""

_MAX_RAW_ID_CHARACTERS = 1024
"""A longer one is not from ACS; it would make the manifest grow without bounds."""


class Stream:
    """The stream of one WebSocket of a call. It must be used on the event loop's thread.

    ``on_begin`` is called with its first packet, before anything of it is uploaded. A stream
    without one leaves nothing.
    """

    def __init__(
        self,
        call_connection_id: str,
        correlation_id: str,
        *,
        settings: Settings,
        spool: Spool,
        outbox: Outbox,
        request_close: Callable[[Close], None],
        granted_rate: int | None = None,
        dtmf: DtmfMode = "off",
    ) -> None:
        """Open a stream, with a new id. It begins with its first packet.

        Args:
            call_connection_id: The call that it belongs to.
            correlation_id: The call's correlation id, or "".
            settings: The streamer's settings.
            spool: Where to write segments.
            outbox: Where to hand finished segments and the manifest.
            request_close: Called when the stream itself must be closed (a timeout).
            granted_rate: The sample rate in the call's grant, in Hz, if it has one.
            dtmf: What may be kept of DTMF tones, by the call's grant.

        Raises:
            OSError: The spool accepts no files.
        """
        self._state = _create_state(call_connection_id, correlation_id)
        self.id = self._state.stream_id
        self.call_connection_id = call_connection_id
        self._settings = settings
        self._request_close = request_close
        self.on_begin: Callable[[Stream], None] = lambda _: None
        self._has_begun = self._is_draining = False
        self._spool = spool
        self._tracks: dict[str | None, Track] = {}
        # Of every participant who was ever heard; and where their last track ended.
        self._track_names: dict[str | None, str] = {}
        self._standings: dict[str | None, Standing] = {}
        # Those that frames may go to: empty while frames are held, so that all others are, too.
        self._placing: dict[str | None, Track] = {}
        self._activity = TrackActivity()
        self._segments = StreamSegments(spool, outbox, self._state, self._tracks)
        self._packets = PacketCounter(self._state, settings.max_malformed_packets, self._log, dtmf)
        self._gate = AudioGate(
            self._state,
            self._packets,
            granted_rate,
            start_format=self._start_format,
            place=self._place,
        )
        self._format: StreamFormat | None = None
        self._frame_bytes, self._silence = 0, b""
        self._audio_packets = self._audio_packets_at_tick = self._anomalies = 0
        self._loop = asyncio.get_running_loop()
        self._ticked_at, self._quiet_seconds = self._loop.time(), 0.0
        self._is_half_tick = False
        self._tick = self._loop.call_later(settings.flush_seconds / 2, self._on_tick)
        metrics.STREAMS_OPENED.inc()
        metrics.STREAMS.inc()

    def handle_message(self, payload: bytes | bytearray | memoryview) -> Close | None:
        """Handle one whole message: UTF-8 JSON. Returns why to close the WebSocket, or None."""
        try:
            packet = media.decode(payload)
        except MalformedPacket as error:
            return self.count_malformed("packet", str(error))
        audio = packet.audio_data
        if audio is None or packet.kind != media.AUDIO_DATA:
            return self._handle_other(packet)
        self._audio_packets += 1
        pcm = audio.data or self._silence
        track = self._placing.get(audio.participant_raw_id)
        if track is None or len(pcm) != self._frame_bytes:
            return self._examine(audio)
        track.place(audio.timestamp_us(), pcm, audio.silent)
        return None

    def count_malformed(self, reason: str, detail: str) -> Close | None:
        """Count a message that is not a packet. With too many in a row, the stream is closed."""
        if self._packets.count_malformed(reason, detail, self._audio_packets):
            limit = self._settings.max_malformed_packets
            return Close(1007, f"more than {limit} malformed packets in a row, last: {reason}")
        return None

    def count_irregular(self, reason: str, detail: str) -> None:
        """Count what differs from ACS's documentation and is recorded all the same."""
        self._packets.count_irregular(reason, detail)

    @property
    def packets(self) -> dict[str, int]:
        """How many messages arrived, by kind; malformed ones under ``malformed``."""
        return self._state.packets | {media.AUDIO_DATA: self._audio_packets}

    @property
    def pending_bytes(self) -> int:
        """How much audio of all tracks is in memory only."""
        return self._gate.pending_bytes + sum(t.pending_bytes for t in self._tracks.values())

    async def end(self, ended_by: str) -> None:
        """End the segments, then put the manifest into the outbox. The WebSocket is closed.

        Without a single packet it leaves no manifest, because each one wakes the app.
        While the disk accepts nothing, this waits.
        """
        self._tick.cancel()
        metrics.STREAMS.dec()
        if not self._has_begun:
            await self._segments.discard_all()
            return
        self._gate.release(force=True)
        self._finish_tracks()
        self._state.packets = self.packets
        self._segments.save_state()
        await self._segments.finish(ended_by)

    async def drain(self) -> None:
        """Cut every open segment now, and from now on every few seconds; then write a draft.

        The process may be killed at any time: what is uploaded by then is safe.
        """
        self._is_draining = True
        if not self._has_begun:
            return
        self._cut_tracks(0)
        self._state.packets = self.packets
        await self._segments.publish_draft()

    # The audio's format, and what is not a plain frame of a known track.

    def _begin(self) -> None:
        """Begin the stream with its first packet: from now on, it gets a manifest."""
        self._has_begun = True
        self._save_state()
        self.on_begin(self)

    def _handle_other(self, packet: media.Packet) -> Close | None:
        if not self._has_begun:
            self._begin()
        self._packets.count_other(packet)
        if packet.audio_metadata is None or packet.kind != media.AUDIO_METADATA:
            return None
        return self._update_placing(self._gate.declare(packet.audio_metadata))

    def _examine(self, audio: media.AudioData) -> Close | None:
        """Handle a frame off the fast path: of a new track, or of another length than expected."""
        if not self._has_begun:
            self._begin()
        return self._update_placing(self._gate.examine(audio))

    def _update_placing(self, close: Close | None) -> Close | None:
        self._placing = self._tracks if self._gate.is_open else {}
        return close

    def _start_format(self, rate: int) -> None:
        """Start new tracks at a sample rate that is a new one; the stream's clock goes on."""
        self._finish_tracks()
        self._state.sample_rate = rate
        self._format = create_format(self._settings, rate, self._loop.time, self._format)
        self._frame_bytes = frame_bytes(rate)
        self._silence = bytes(self._frame_bytes)
        self._save_state()

    # Tracks.

    def _place(self, audio: media.AudioData) -> None:
        """Place a frame on its participant's track, which may be a new one."""
        track = self._tracks.get(audio.participant_raw_id) or self._create_track(audio)
        if track is None:
            self._state.counts.lost += 1
            metrics.FRAMES.labels("lost").inc()
            return
        track.place(audio.timestamp_us(), audio.data or self._silence, audio.silent)

    def _create_track(self, audio: media.AudioData) -> Track | None:
        """Create a participant's track; None where all others are busy."""
        raw_id = audio.participant_raw_id
        assert self._format is not None
        clock = self._format.clock
        is_new = raw_id not in self._track_names
        if (is_new and len(self._track_names) >= _MAX_PARTICIPANTS) or not self._make_room():
            self.count_irregular("tracks", "more participants at once than MAX_TRACKS")
            return None
        name = self._track_names.get(raw_id) or self._name_track(raw_id)
        track = create_track(
            clock,
            self._format.cuts,
            self._format.tracks,
            partial(self._open_segment, raw_id, name, clock),
        )
        if raw_id in self._standings:
            track.go_on_from(self._standings[raw_id])
        self._tracks[raw_id] = track
        return track

    def _name_track(self, raw_id: str | None) -> str:
        """Name the track of a new participant by their number, and keep who it is."""
        if raw_id is None:
            name = names.MIXED_TRACK
        else:
            name = names.track_name(len(self._state.participants) + 1)
            if not 1 <= len(raw_id) <= _MAX_RAW_ID_CHARACTERS:
                self.count_irregular("raw_id", "a participant's raw id is empty or too long")
            self._segments.note_participant(name, raw_id[:_MAX_RAW_ID_CHARACTERS])
        self._track_names[raw_id] = name
        return name

    def _make_room(self) -> bool:
        """Finish the track that has been idle longest where there are MAX_TRACKS."""
        if len(self._tracks) < self._settings.max_tracks:
            return True
        idle = self._activity.longest_idle(
            self._track_positions(), self._loop.time(), _LEAST_IDLE_SECONDS
        )
        if idle is None:
            return False
        self._finish_track(idle[0], self._tracks.pop(idle[0]))
        return True

    def _track_positions(self) -> dict[str | None, int]:
        return {raw_id: track.position or 0 for raw_id, track in self._tracks.items()}

    def _finish_tracks(self) -> None:
        for raw_id, track in self._tracks.items():
            self._finish_track(raw_id, track)
        self._tracks.clear()

    def _finish_track(self, raw_id: str | None, track: Track) -> None:
        track.finish()
        if track.standing is not None:
            self._standings[raw_id] = track.standing
        # The counts of frames after the last segment.
        self._state.counts.add(track.counts)
        metrics.count_frames(track.counts, self._state.sample_rate)

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
        close = self._update_placing(self._gate.on_tick())
        if close is not None:
            self._request_close(close)
        self._is_half_tick = not self._is_half_tick
        for track in self._tracks.values():
            if track.decide() or not self._is_half_tick:
                track.flush()
            else:
                # What has waited is on disk before a second has passed.
                track.flush_waited()
        if self._is_half_tick:
            return
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
            self._packets.anomalies
            + len(self._state.participants)
            + self._state.counts.lost
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
        positions = self._track_positions()
        if self._format is not None:
            for raw_id in self._activity.left_behind(positions, self._format.tracks.jump):
                self._tracks[raw_id].finish()
        self._activity.update(positions, self._loop.time())

    def _check_timeouts(self) -> None:
        now = self._loop.time()
        elapsed, self._ticked_at = now - self._ticked_at, now
        if self._audio_packets != self._audio_packets_at_tick:
            self._audio_packets_at_tick = self._audio_packets
            self._quiet_seconds = 0.0
            return
        # While the event loop stood still, nobody was quiet: what came has not been read yet.
        self._quiet_seconds += min(elapsed, self._settings.flush_seconds)
        quiet_seconds = self._quiet_seconds
        if not self._state.packets.get(media.AUDIO_METADATA) and not self._audio_packets:
            if quiet_seconds > self._settings.first_packet_timeout_seconds:
                self._request_close(Close(1008, "no first packet (FIRST_PACKET_TIMEOUT_SECONDS)"))
        elif quiet_seconds > self._settings.idle_timeout_seconds:
            self._request_close(Close(1001, "no packets (IDLE_TIMEOUT_SECONDS)"))

    def _log(self, level: int, event: str, **fields: object) -> None:
        fields = {"call": self.call_connection_id, "stream": self.id, **fields}
        log_event(_log, level, event, exc_info=None, **fields)


def _create_state(call_connection_id: str, correlation_id: str) -> StreamState:
    now = datetime.now(UTC)
    return StreamState(
        call_connection_id=call_connection_id,
        stream_id=names.new_stream_id(now),
        correlation_id=correlation_id,
        started_at=now,
    )
