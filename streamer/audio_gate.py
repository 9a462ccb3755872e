"""What a stream's audio passes before it is placed: whole samples, at a sample rate that is known.

Only audio that cannot be recorded closes a stream: ACS would come again with the same bytes.
Everything else that differs from ACS's documentation is recorded, counted, and logged once.
"""

from __future__ import annotations

from collections.abc import Callable

from acs import media
from streamer.close import Close
from streamer.media_packets import PacketCounter
from streamer.stream_folder import StreamState
from streamer.stream_format import FormatDetector, frame_bytes, unsupported_format

_MAX_FORMATS = 16
"""How often the format may change. Each change starts new segments; after that, it stays."""


class AudioGate:
    """Places frames once their sample rate is known, and holds them until then."""

    def __init__(
        self,
        state: StreamState,
        packets: PacketCounter,
        granted_rate: int | None,
        *,
        start_format: Callable[[int], None],
        place: Callable[[media.AudioData], None],
    ) -> None:
        """Start without a format.

        Args:
            state: The stream's state, which becomes its manifest.
            packets: Counts what is irregular.
            granted_rate: The sample rate in the call's grant, in Hz, if it has one.
            start_format: Starts new tracks at a sample rate.
            place: Places a frame of whole samples.
        """
        self._state = state
        self._packets = packets
        self._detector = FormatDetector(granted_rate)
        self._start_format = start_format
        self._place = place
        self._held_at_tick = False
        self._rate: int | None = None
        self._formats = 0

    @property
    def is_open(self) -> bool:
        """Whether frames may be placed without asking."""
        return self._detector.rate is not None and not self._detector.held

    @property
    def pending_bytes(self) -> int:
        """How much audio is held."""
        return self._detector.held_bytes

    def declare(self, metadata: media.AudioMetadata) -> Close | None:
        """Take over the format of an AudioMetadata packet. Returns why to close, or None."""
        fault = unsupported_format(metadata)
        if fault is not None:
            return Close(1003, fault)
        rate = metadata.sample_rate
        self._state.subscription_id = metadata.subscription_id
        if metadata.length not in (0, frame_bytes(rate)):
            detail = f"frames of {metadata.length} bytes at {rate} Hz"
            self._packets.count_irregular("length", detail)
        if self._detector.declared_rate == rate:
            return None
        self._state.declared_sample_rate = rate
        self._detector.declare(rate)
        if self._detector.held:
            return self.release(force=False)
        if self._detector.rate is not None:
            self._detector.rate = self._use_rate(rate)
        return None

    def examine(self, audio: media.AudioData) -> Close | None:
        """Place a frame, or hold it. Returns why to close the stream, or None."""
        if audio.data is not None and len(audio.data) & 1:
            detail = f"{len(audio.data)} bytes are not whole samples"
            self._packets.count_irregular("odd_bytes", detail)
            audio.data = audio.data[:-1]
        if not self._detector.hold(audio):
            self._place(audio)
            return None
        if self._detector.rate is None:
            detail = "AudioData without a known sample rate"
            self._packets.count_irregular("before_metadata", detail)
        return self.release(force=False)

    def release(self, *, force: bool) -> Close | None:
        """Place what is held, if its rate is decided; with ``force``, decide it now."""
        detector = self._detector
        if not detector.held:
            return None
        rate, declared = detector.decide(force=force), detector.declared_rate
        if rate is None:
            cannot_be_decided = force or detector.is_full
            return Close(1003, f"{declared} Hz is not supported") if cannot_be_decided else None
        if declared is None:
            self._packets.count_irregular("no_metadata", f"recorded at {rate} Hz")
        elif declared != rate:
            detail = f"declared {declared} Hz, frames of {rate} Hz"
            self._packets.count_irregular("sample_rate", detail)
        for audio in detector.use(self._use_rate(rate)):
            self._place(audio)
        return None

    def on_tick(self) -> Close | None:
        """Release what was held at the last tick already. Returns why to close, or None."""
        was_held, self._held_at_tick = self._held_at_tick, bool(self._detector.held)
        return self.release(force=True) if was_held else None

    def _use_rate(self, rate: int) -> int:
        """Start a format where the rate is a new one. Returns the rate to record at."""
        if self._rate is None or (rate != self._rate and self._formats < _MAX_FORMATS):
            self._formats += 1
            self._rate = rate
            self._start_format(rate)
        elif rate != self._rate:
            detail = f"{rate} Hz, after many other changes"
            self._packets.count_irregular("format_changes", detail)
        return self._rate
