"""The books of the soak: what was sent on each socket, and what became of every frame. Pure.

A frame that was sent is found in the recording once, or something reports what became of it:

- ``repeated``: it was sent again, byte for byte, or is silence that was there already, and the
  manifest counts a repeat;
- ``late_dropped`` and ``lost``: the manifest counts it;
- ``unflushed``: its streamer was killed within ``UNFLUSHED_SECONDS`` after it was sent, or within
  that and the time by which this machine ran late then;
- ``in_flight``: its socket was reset within ``IN_FLIGHT_SECONDS`` after it was sent, or within that
  and the same time: the kernel discards what the streamer has not read.

Drift correction may shorten a frame; the manifest counts that. Anything else is unaccounted for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import NamedTuple

from benchmarks.soak.plan import SETTLE_SECONDS

UNFLUSHED_SECONDS = 1.6
"""What a kill may cost: a second in memory, two batches of reads of 80 ms, and a busy machine."""

_LATE_BEFORE_SECONDS = 3.0
"""For so long before a kill or a reset, lateness of the machine is of interest."""

IN_FLIGHT_SECONDS = 0.5
"""What a reset may cost: what the streamer has not read, and it reads in batches."""

MAX_ERROR_MS = 60.0
MAX_ERROR_AFTER_STEP_MS = 2 * MAX_ERROR_MS
"""How far frames may be apart once the sender's clock was set: a small step may be jitter, too."""

MAX_SHIFT_PER_STEP_MS = 5_000.0
"""How far a step of the sender's clock may move the stream's.

Arrival is as inexact as a stall is long, or a pause: where the clock is set back by 5 s in a longer
pause, it says that the pause was shorter, and nothing says that it was not.
"""

_MAX_ERRORS = 200
_ENDING_SECONDS = 2.0
"""How long a stream may take to end after its socket: a kill meanwhile is one of the stream."""
_BEFORE_SECONDS = 0.5


class SentFrame(NamedTuple):
    """A frame that was written to a socket.

    ``stamp_us`` is its timestamp in microseconds since 1970, ``sent_at`` when it was written, in
    seconds of the event loop's clock. ``participant`` is the raw id, or ``mixed``. The
    rest is as in ``Emission``.
    """

    number: int
    participant: str
    stamp_us: int | None
    sent_at: float
    era: int = 0
    clock_ms: float = 0.0
    is_clean: bool = True
    is_silent: bool = False
    is_copy: bool = False


@dataclass
class SocketRecord:
    """One WebSocket of a call, as its sender knows it.

    Attributes:
        call: The call connection id.
        correlation_id: The socket's own; its stream's manifest has it.
        replica: The name of the streamer.
        sample_rate: Of its audio.
        opened_at: When it was opened, in seconds of the event loop's clock.
        ended_at: When it ended.
        ended_by: Why it ended.
        killed_at: When the streamer was killed, if that ended it.
        late_seconds: By how much the machine ran late at most, shortly before that.
        reset_at: When the sender reset it, if it did.
        sent: Its frames, in order.
    """

    call: str
    correlation_id: str
    replica: str
    sample_rate: int
    opened_at: float
    ended_at: float = 0.0
    ended_by: str = ""
    killed_at: float | None = None
    late_seconds: float = 0.0
    reset_at: float | None = None
    sent: list[SentFrame] = field(default_factory=list)

    def apply_events(
        self,
        kills: list[float],
        freezes: list[tuple[float, float]],
        lateness: Iterable[tuple[float, float]] = (),
    ) -> None:
        """Note when the streamer was killed, and that a frozen one does not witness arrival.

        ``lateness`` says at what moments this machine ran late, and by how many seconds.
        """
        until = self.ended_at + _ENDING_SECONDS
        self.killed_at = min(
            (moment for moment in kills if self.opened_at <= moment <= until), default=None
        )
        end = self.killed_at if self.killed_at is not None else self.reset_at
        if end is not None:
            since = end - _LATE_BEFORE_SECONDS
            self.late_seconds = max(
                (seconds for at, seconds in lateness if since <= at <= end), default=0.0
            )
        for begin, end in freezes:
            if end >= self.opened_at and begin <= self.ended_at:
                self.sent = [
                    frame._replace(is_clean=False)
                    if begin - _BEFORE_SECONDS <= frame.sent_at <= end + SETTLE_SECONDS
                    else frame
                    for frame in self.sent
                ]

    @property
    def unflushed_from(self) -> float:
        """From when on frames may be lost by a kill."""
        if self.killed_at is None:
            return float("inf")
        return self.killed_at - UNFLUSHED_SECONDS - self.late_seconds

    @property
    def in_flight_from(self) -> float:
        """From when on frames may be lost by a reset."""
        if self.reset_at is None:
            return float("inf")
        return self.reset_at - IN_FLIGHT_SECONDS - self.late_seconds

    @property
    def may_have_no_stream(self) -> bool:
        """Whether a kill or a reset explains it if nothing at all was recorded."""
        certain_until = min(self.unflushed_from, self.in_flight_from)
        return all(frame.sent_at >= certain_until for frame in self.sent)


@dataclass
class Totals:
    """What became of frames, all in all.

    Attributes:
        sent: How many frames were sent, copies included.
        kept: How many of them were found in recordings, or are silent and counted there.
        shortened: How many of those lack some samples that drift correction took.
        repeated: Reported lost: copies, and silence, that the manifest counts as repeated.
        late_dropped: Reported lost: too late for their segment.
        lost: Reported lost: no room for them.
        unflushed: Reported lost: not on disk yet when their streamer was killed.
        in_flight: Reported lost: on their way when their socket was reset.
        unaccounted: Gone, and nothing reports them.
        duplicates: Found more than once.
        worst_error_ms: How far a frame lay from its timestamp at most, of those that may be judged.
        streams: How many recordings were compared.
        errors: Whatever else is wrong.
    """

    sent: int = 0
    kept: int = 0
    shortened: int = 0
    repeated: int = 0
    late_dropped: int = 0
    lost: int = 0
    unflushed: int = 0
    in_flight: int = 0
    unaccounted: int = 0
    duplicates: int = 0
    worst_error_ms: float = 0.0
    streams: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def reported_lost(self) -> int:
        """How many frames are reported lost."""
        dropped = self.repeated + self.late_dropped + self.lost
        return dropped + self.unflushed + self.in_flight

    @property
    def is_well(self) -> bool:
        """Whether every frame is in one place or reported lost, and all else is right."""
        return not (self.unaccounted or self.duplicates or self.errors)

    def add(self, other: Totals) -> None:
        """Add other totals to these."""
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            if item.name == "worst_error_ms":
                self.worst_error_ms = max(mine, theirs)
            elif item.name == "errors":
                self.errors = (mine + theirs)[:_MAX_ERRORS]
            else:
                setattr(self, item.name, mine + theirs)
