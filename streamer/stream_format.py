"""At which sample rate a stream is recorded: what it declares, against what arrives.

ACS declares the rate in AudioMetadata, the stream's first packet, and every frame holds 20 ms.
Where the two disagree, the frames are right: recording 24 kHz as 16 kHz would stretch the audio.
The rules:

- Frames that arrive before a rate is known are held until it is: until AudioMetadata comes, or
  ``MAX_HELD_FRAMES`` are held, or the stream ends. Without AudioMetadata, the frames' own length
  decides, then the call's grant, then ACS's default of 16 kHz.
- A frame that is as long as 20 ms at the *other* rate is held, and so is what follows it, until
  ``AGREEING_FRAMES`` of that length show that the rate is the other one, or a frame of the right
  length shows that it is not. Timestamps that advance as the declared rate demands overrule the
  length: 480 samples every 30 ms are 16 kHz.
- A new rate goes on with the stream's clock (``Clock.at_rate``), and each participant's next track
  where the one before has ended: a step of the sender's clock there is a step, a gap a gap.
- No frame is dropped, and at most ``MAX_HELD_BYTES`` and one frame are held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median_high
from typing import NamedTuple

from acs import media
from streamer.clock import Clock
from streamer.cuts import CutPlanner
from streamer.settings import Settings
from streamer.track_state import TrackSettings

AGREEING_FRAMES = 5
"""How many frames must have the other rate's length to change the rate: 100 ms."""

MAX_HELD_FRAMES = 50
MAX_HELD_BYTES = 65_536

DEFAULT_RATE = 16_000
"""The rate of ACS where a call is placed without an ``audioFormat``."""

_BUFFER_FLUSHES = 1.5
"""How much audio a track may buffer, in ``FLUSH_SECONDS``: more, so that only the tick flushes."""

_RATES = tuple(media.SAMPLE_RATES.values())
_FRAMES_PER_SECOND = 1000 // media.FRAME_MILLISECONDS
_RATE_BY_LENGTH = {rate // _FRAMES_PER_SECOND: rate for rate in _RATES}
_STAMP_TOLERANCE = 0.15
"""How far, as a share, the rate of the timestamps may be from a rate that they confirm."""

_ALONE_TOLERANCE = 0.05
"""The same where the timestamps alone tell the rate: 22.05 kHz is not 24 kHz."""


class StreamFormat(NamedTuple):
    """What the tracks of a stream share at one sample rate."""

    clock: Clock
    cuts: CutPlanner
    tracks: TrackSettings


def create_format(
    settings: Settings,
    rate: int,
    now: Callable[[], float],
    previous: StreamFormat | None = None,
) -> StreamFormat:
    """Create the clock and the rest of what tracks need.

    Args:
        settings: The streamer's settings.
        rate: Samples per second.
        now: Returns the time of arrival, in seconds of a monotonic clock.
        previous: The stream's format before, if there was one: its clock goes on.
    """
    return StreamFormat(
        Clock(rate, now, _wall_us, settings.media_speed)
        if previous is None
        else previous.clock.at_rate(rate),
        CutPlanner(
            round(settings.segment_seconds * rate),
            round(settings.segment_pause_window_seconds * rate),
            rate,
        ),
        TrackSettings(
            tolerance=settings.timestamp_tolerance_ms * rate // 1000,
            jump=round(settings.max_jump_seconds * rate),
            flush_bytes=round(_BUFFER_FLUSHES * settings.flush_seconds * rate)
            * media.BYTES_PER_SAMPLE,
        ),
    )


def _wall_us() -> int:
    return media.to_microseconds(datetime.now(UTC))


def frame_bytes(rate: int) -> int:
    """Return the length of a frame, in bytes."""
    return rate // _FRAMES_PER_SECOND * media.BYTES_PER_SAMPLE


class FormatDetector:
    """Decides at which rate frames are recorded, and holds those that wait for the decision.

    Attributes:
        rate: The rate in use, in Hz; None until one is known.
        declared_rate: The rate in the last AudioMetadata, supported or not; None before one.
        held: The frames that wait.
    """

    def __init__(self, granted_rate: int | None) -> None:
        """Start without a rate. ``granted_rate`` is that of the call's grant, if it has one."""
        self._granted_rate = granted_rate if granted_rate in _RATES else None
        self._is_confirmed = False
        self.rate: int | None = None
        self.declared_rate: int | None = None
        self.held: list[media.AudioData] = []
        self.held_bytes = 0

    def declare(self, rate: int) -> None:
        """Note the rate of an AudioMetadata packet. An unsupported one leaves it to the frames."""
        self.declared_rate = rate
        self.rate = rate if rate in _RATES else None
        self._is_confirmed = False

    def hold(self, audio: media.AudioData) -> bool:
        """Hold a frame, unless it can be placed at once. Returns whether it is held."""
        is_undecided = self.rate is None or bool(self.held)
        if not is_undecided and self._rate_by_length(audio) in (None, self.rate):
            self._is_confirmed = self._is_confirmed or bool(audio.data)
            return False
        self.held.append(audio)
        self.held_bytes += len(audio.data or b"")
        return True

    @property
    def is_full(self) -> bool:
        """Whether as many frames are held as may be."""
        return len(self.held) >= MAX_HELD_FRAMES or self.held_bytes >= MAX_HELD_BYTES

    def decide(self, *, force: bool) -> int | None:
        """Return the rate of the frames that are held, or None where it is not decided yet.

        With ``force``, or once ``is_full``, it is decided now; None then means that no supported
        rate fits.
        """
        force = force or self.is_full
        if self.rate is None:
            return self._decide_without_metadata() if force else None
        lengths = [self._rate_by_length(audio) for audio in self.held if audio.data]
        contradicting = [rate for rate in lengths if rate not in (None, self.rate)]
        if len(contradicting) < len(lengths):
            # Some frame has the right length, or one that tells nothing.
            return self.rate
        if len(contradicting) >= AGREEING_FRAMES or (force and not self._is_confirmed):
            return (
                self._rate_by_stamps(_STAMP_TOLERANCE, contradicting[0]) or contradicting[0]
                if contradicting
                else self.rate
            )
        return self.rate if force else None

    def use(self, rate: int) -> list[media.AudioData]:
        """Set the rate in use, and return the frames that were held for it."""
        self.rate = rate
        self._is_confirmed = True
        frames, self.held = self.held, []
        self.held_bytes = 0
        return frames

    def _decide_without_metadata(self) -> int | None:
        lengths = Counter(filter(None, map(self._rate_by_length, self.held)))
        by_length = next((rate for rate, _ in lengths.most_common(1)), None)
        tolerance = _STAMP_TOLERANCE if by_length else _ALONE_TOLERANCE
        rate = self._rate_by_stamps(tolerance, by_length) or by_length
        if rate is not None or self.declared_rate is not None:
            return rate
        return self._granted_rate or DEFAULT_RATE

    def _rate_by_stamps(self, tolerance: float, by_length: int | None) -> int | None:
        """Return the supported rate that the timestamps of the held frames confirm, if any.

        Jitter changes the median, and lost frames the mean: both must confirm it. One step that
        fits the rate by the frames' length, where that is another one, shows that it does not.
        Where audio is missing between two frames, as in silence without data, they tell nothing.
        """
        previous: dict[str | None, tuple[int, int]] = {}
        steps: list[tuple[int, int]] = []
        for audio in self.held:
            stamp = audio.timestamp_us()
            before = previous.pop(audio.participant_raw_id, None)
            if stamp is None or not audio.data:
                continue
            if before is not None and stamp > before[0]:
                steps.append((before[1] * 1_000_000, stamp - before[0]))
            previous[audio.participant_raw_id] = (stamp, len(audio.data) // media.BYTES_PER_SAMPLE)
        if not steps:
            return None
        rates = [samples / time for samples, time in steps]
        middle = median_high(rates)
        mean = sum(samples for samples, _ in steps) / sum(time for _, time in steps)
        nearest = min(_RATES, key=lambda rate: abs(middle - rate))

        def fits(measured: float, rate: int) -> bool:
            return abs(measured - rate) <= tolerance * rate

        if by_length not in (None, nearest) and any(fits(rate, by_length) for rate in rates):
            return None
        return nearest if fits(middle, nearest) and fits(mean, nearest) else None

    @staticmethod
    def _rate_by_length(audio: media.AudioData) -> int | None:
        """Return the rate at which a frame is 20 ms long; None where none is supported."""
        return _RATE_BY_LENGTH.get(len(audio.data or b"") // media.BYTES_PER_SAMPLE)


def unsupported_format(metadata: media.AudioMetadata) -> str | None:
    """Return why the audio of a stream cannot be recorded, whatever its rate; None if it can."""
    if metadata.channels != 1:
        return f"{metadata.channels} channels are not supported, only 1"
    if metadata.encoding and not metadata.encoding.lower().startswith("pcm"):
        return "only the encoding PCM is supported"
    return None
