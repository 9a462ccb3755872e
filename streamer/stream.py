"""One stream: the packets of one socket, placed on tracks, spooled, and told in a manifest.

Knows nothing of WebSockets: messages come in, and a reason to close comes out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from acs import media
from contract import names
from contract.manifest import Counts, DtmfTone
from streamer import metrics
from streamer.clock import Clock
from streamer.cuts import CutPlanner
from streamer.outbox import Outbox
from streamer.segmenter import SegmentWriter
from streamer.settings import Settings
from streamer.spool import (
    SegmentFile,
    Spool,
    StreamSpool,
    StreamState,
    manifest_of,
    read_entries,
)
from streamer.track import Track, TrackSettings, create_track

_log = logging.getLogger(__name__)
_FIRST_DISK_PAUSE_SECONDS = 1.0
_LONGEST_DISK_PAUSE_SECONDS = 16.0
_DTMF_KEPT = 10_000
_KINDS_KEPT = 64
_FORMATS = 16
_MALFORMED = "malformed"
_NAME_STEP = timedelta(milliseconds=1)
"""Segments are named for their start in milliseconds."""


class Close(NamedTuple):
    """Why to close a stream's socket: a WebSocket close code (RFC 6455, 7.4) and a reason."""

    code: int
    reason: str


class Stream:
    """The stream of one socket of a call.

    ``closed_by`` is called with a Close when the stream itself wants its socket closed (a timeout).
    Must be made, fed and ended on the event loop's thread.
    """

    def __init__(
        self,
        call_connection_id: str,
        correlation_id: str,
        *,
        settings: Settings,
        spool: Spool,
        outbox: Outbox,
        closed_by: Callable[[Close], None],
    ) -> None:
        now = datetime.now(UTC)
        self.id = names.new_stream_id(now)
        self.call_connection_id = call_connection_id
        self._settings = settings
        self._outbox = outbox
        self._closed_by = closed_by
        self._state = StreamState(
            call_connection_id=call_connection_id,
            stream_id=self.id,
            correlation_id=correlation_id,
            started_at=now,
        )
        self._spool = StreamSpool(spool, self._state)
        self._worker = spool.worker
        self._tracks: dict[str | None, Track] = {}
        self._open: dict[str | None, SegmentFile] = {}
        self._unsealed: dict[str, Counts] = {}
        self._clock: Clock | None = None
        self._cuts: CutPlanner | None = None
        self._track_settings: TrackSettings | None = None
        self._silence = b""
        self._audio_packets = 0
        self._audio_packets_at_tick = 0
        self._positions: dict[str | None, int] = {}
        self._noted = 0
        self._malformed = 0
        self._formats = 0
        self._seals: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._quiet_since = self._loop.time()
        self._tick = self._loop.call_later(settings.flush_seconds, self._on_tick)
        metrics.STREAMS_OPENED.inc()
        metrics.STREAMS.inc()

    def message(self, payload: bytes | bytearray | memoryview) -> Close | None:
        """Take one whole message. Returns why to close the socket, or None."""
        try:
            packet = media.decode(payload)
        except media.MalformedPacket as error:
            return self.malformed("packet", str(error))
        audio = packet.audio_data
        if audio is None or packet.kind != media.AUDIO_DATA:
            return self._other(packet)
        pcm = audio.data
        if not pcm:
            pcm = self._silence
        elif len(pcm) & 1:
            return self.malformed("odd_bytes", f"{len(pcm)} bytes are no whole samples")
        self._audio_packets += 1
        track = self._tracks.get(audio.participant_raw_id)
        if track is None:
            made = self._new_track(audio)
            if isinstance(made, Close):
                return made
            track = made
        track.place(audio.timestamp_us(), pcm, audio.silent)
        return None

    def malformed(self, reason: str, detail: str) -> Close | None:
        """Count a message that is no packet; past the limit, the stream is closed."""
        metrics.PACKETS_MALFORMED.labels(reason).inc()
        self._malformed += 1
        # Among the packets, so that a restart knows of them.
        self._state.packets[_MALFORMED] = self._malformed
        if self._malformed == 1:
            _log.warning("stream %s: malformed packet (%s): %s", self.id, reason, detail)
        if self._malformed > self._settings.max_malformed_packets:
            return Close(1007, f"more than {self._malformed - 1} malformed packets, last: {reason}")
        return None

    @property
    def packets(self) -> dict[str, int]:
        """How many messages came, by kind; the malformed ones under ``malformed``."""
        return self._state.packets | {media.AUDIO_DATA: self._audio_packets}

    @property
    def pending_bytes(self) -> int:
        """How much audio is in memory only, of all tracks."""
        return sum(track.pending_bytes for track in self._tracks.values())

    async def end(self, ended_by: str) -> None:
        """The socket is gone: end the segments, then put the manifest into the outbox."""
        self._tick.cancel()
        metrics.STREAMS.dec()
        self._finish_tracks()
        self._save()
        while self._seals:
            await asyncio.wait(self._seals)
        manifest = partial(self._write_manifest, ended_by)
        self._outbox.add(await self._on_disk(f"manifest of {self.id}", manifest))

    # Packets that are no audio.

    def _other(self, packet: media.Packet) -> Close | None:
        kind = packet.kind[:_KINDS_KEPT]
        self._state.packets[kind] = self._state.packets.get(kind, 0) + 1
        if packet.audio_metadata is not None and kind == media.AUDIO_METADATA:
            return self._begin(packet.audio_metadata)
        if packet.dtmf_data is not None and len(self._state.dtmf) < _DTMF_KEPT:
            self._state.dtmf.append(
                DtmfTone(
                    tone=packet.dtmf_data.data,
                    received_at=datetime.now(UTC),
                    participant_raw_id=packet.dtmf_data.participant_raw_id,
                )
            )
        if len(self._state.packets) > _KINDS_KEPT:
            return Close(1008, "too many unknown kinds of packets")
        return None

    def _begin(self, metadata: media.AudioMetadata) -> Close | None:
        """The stream's format, for the first time or again; a new one starts new tracks."""
        rate = metadata.sample_rate
        if rate not in media.SAMPLE_RATES.values() or metadata.channels != 1:
            return Close(1003, f"cannot take {rate} Hz with {metadata.channels} channels")
        if metadata.encoding.lower() != "pcm":
            return Close(1003, "cannot take another encoding than PCM")
        if metadata.length % media.BYTES_PER_SAMPLE or not 0 <= metadata.length <= 2 * rate:
            return Close(1003, f"cannot take frames of {metadata.length} bytes")
        self._state.subscription_id = metadata.subscription_id
        if self._clock is not None and self._clock.sample_rate == rate:
            return None
        self._formats += 1
        if self._formats > _FORMATS:
            return Close(1008, "the audio's format changes too often")
        self._finish_tracks()
        settings = self._settings
        self._state.sample_rate = rate
        self._clock = Clock(rate)
        self._cuts = CutPlanner(
            round(settings.segment_seconds * rate),
            round(settings.segment_pause_window_seconds * rate),
            rate,
        )
        self._track_settings = TrackSettings(
            tolerance=settings.timestamp_tolerance_ms * rate // 1000,
            jump=round(settings.max_jump_seconds * rate),
            flush_bytes=round(settings.flush_seconds * rate) * media.BYTES_PER_SAMPLE,
        )
        self._silence = bytes(metadata.length or rate // 25)
        self._save()
        return None

    def _new_track(self, audio: media.AudioData) -> Track | Close:
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
        if audio.timestamp_us() is None:
            track.start_at(self._now(self._clock))
        self._tracks[audio.participant_raw_id] = track
        return track

    def _now(self, clock: Clock) -> int:
        """Where a frame without a stamp arrives: where the others are, or else when it comes."""
        positions = [
            track.position for track in self._tracks.values() if track.position is not None
        ]
        if positions:
            return max(positions)
        return clock.position(media.to_microseconds(datetime.now(UTC)))

    def _finish_tracks(self) -> None:
        for track in self._tracks.values():
            track.finish()
            # Those that no segment has taken along.
            self._state.counts.add(track.counts)
            metrics.count_frames(track.counts, self._state.sample_rate)
        self._tracks.clear()

    # Segments.

    def _open_segment(
        self, raw_id: str | None, track: str, clock: Clock, position: int
    ) -> SegmentWriter:
        start = media.from_microseconds(clock.microseconds(position))
        before = self._open.get(raw_id)
        if before is not None:
            # Each format has a clock of its own, which may begin behind what was heard already: no
            # segment lies over another, nor takes its name.
            start = max(start, before.end, before.start + _NAME_STEP)
        file = self._spool.open_segment(track, start, clock.sample_rate)
        self._open[raw_id] = file
        return _Writer(file, self._seal)

    def _seal(self, file: SegmentFile, counts: Counts) -> None:
        self._unsealed[file.key] = counts
        task = self._loop.create_task(self._make_whole(file, counts))
        self._seals.add(task)
        task.add_done_callback(self._seals.discard)

    async def _make_whole(self, file: SegmentFile, counts: Counts) -> None:
        target = self._spool.target(file)
        try:
            entry = await self._on_disk(f"segment {file.key}", partial(file.seal, counts, target))
        except FileNotFoundError as error:
            _log.error("segment %s was removed from the spool, and is lost: %s", file.key, error)
            metrics.count_removed(counts.frames)
            file.lose()
            del self._unsealed[file.key]
            return
        metrics.count_frames(entry.counts, entry.sample_rate)
        del self._unsealed[file.key]
        self._outbox.add(target, entry)

    async def _on_disk[T](self, what: str, work: Callable[[], T]) -> T:
        """Do it on the spool's thread, again and again while the disk takes nothing.

        Raises FileNotFoundError: somebody has emptied the spool.
        """
        pause = _FIRST_DISK_PAUSE_SECONDS
        while True:
            try:
                return await self._loop.run_in_executor(self._worker, work)
            except FileNotFoundError:
                raise
            except OSError as error:
                if pause == _FIRST_DISK_PAUSE_SECONDS:
                    # Once: the longer a disk is full, the more there is that waits for it.
                    _log.error("%s cannot be finished yet: %s", what, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_DISK_PAUSE_SECONDS)

    def _write_manifest(self, ended_by: str) -> Path:
        entries = read_entries(self._spool.folder)
        state = self._state
        state.packets = self.packets
        return self._spool.close(manifest_of(state, entries, datetime.now(UTC), ended_by))

    # Once a second.

    def _on_tick(self) -> None:
        self._tick = self._loop.call_later(self._settings.flush_seconds, self._on_tick)
        noted = len(self._state.dtmf) + sum(self._state.packets.values())
        for track in self._tracks.values():
            track.flush()
            noted += track.anomalies
        if noted != self._noted:
            # Frames alone need no saving: a restart tells them by their files' length.
            self._noted = noted
            self._save()
        self._rest_idle_tracks()
        self._watch_time()

    def _save(self) -> None:
        self._state.open_counts = self._unsealed | {
            self._open[raw_id].key: track.counts
            for raw_id, track in self._tracks.items()
            if track.is_open
        }
        self._spool.save()

    def _rest_idle_tracks(self) -> None:
        """End the segments of tracks that the others have left behind, to upload them."""
        before, self._positions = (
            self._positions,
            {raw_id: track.position or 0 for raw_id, track in self._tracks.items()},
        )
        if len(self._tracks) < 2 or self._track_settings is None:
            return
        behind = max(self._positions.values()) - self._track_settings.jump
        for raw_id, position in self._positions.items():
            # One that goes on behind another whose clock is ahead is not idle.
            if position < behind and position == before.get(raw_id):
                self._tracks[raw_id].finish()

    def _watch_time(self) -> None:
        now = self._loop.time()
        if self._audio_packets != self._audio_packets_at_tick:
            self._audio_packets_at_tick = self._audio_packets
            self._quiet_since = now
            return
        quiet = now - self._quiet_since
        if not self._state.packets.get(media.AUDIO_METADATA) and not self._audio_packets:
            if quiet > self._settings.first_packet_timeout_seconds:
                self._closed_by(Close(1008, "no first packet (FIRST_PACKET_TIMEOUT_SECONDS)"))
        elif quiet > self._settings.idle_timeout_seconds:
            self._closed_by(Close(1001, "no packets (IDLE_TIMEOUT_SECONDS)"))


class _Writer:
    """A segment's file as the timeline's writer; what is finished goes on to be sealed."""

    def __init__(self, file: SegmentFile, seal: Callable[[SegmentFile, Counts], None]) -> None:
        self._file = file
        self._seal = seal
        self.append = file.append
        self.patch = file.patch
        self.cut = file.cut

    def finish(self, samples: int, counts: Counts) -> None:
        """All is written: make it whole, off the event loop."""
        assert samples == self._file.samples
        self._seal(self._file, counts)
