"""What a call's sender does, by a seed: the frames of every participant, and all that goes wrong.

All times are seconds of the call's own audio since its begin; the caller plays them at its speed.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal, NamedTuple

FRAME_SECONDS = 0.02
SETTLE_SECONDS = 1.5
"""For so long after a disturbance, a frame's place is not held against its timestamp."""

_HOLDING_SHARE = 0.25
"""The share of calls in which frames are held back."""

_STRAY_MS = 20
"""A timestamp that is further from its time is not jitter."""

_MAX_DELAY_SECONDS = 0.05
"""A frame that is later than that is judged no longer: timestamp and arrival do not agree."""

Action = Literal["frame", "close", "drop", "reset"]


class Emission(NamedTuple):
    """Something that a sender does at a moment.

    Attributes:
        at: When.
        order: Breaks ties, in the order of planning.
        action: Send a frame, or end the socket: with a close frame, without one, or by a reset.
            The next frame needs a new socket.
        participant: Whose frame it is, from 0.
        number: The frame's number, unique over the whole run.
        stamp_ms: Its timestamp, in milliseconds since the call's begin; None: it has none.
        era: How often the sender's clock has been set so far.
        clock_ms: How far the sender's clock is ahead of what it was when the call began.
        is_clean: Whether nothing but jitter happened to it or shortly before.
        is_silent: Whether it is silent, and carries no data.
        is_copy: Whether the same frame was planned before.
    """

    at: float
    order: int
    action: Action
    participant: int = 0
    number: int = -1
    stamp_ms: int | None = None
    era: int = 0
    clock_ms: float = 0.0
    is_clean: bool = True
    is_silent: bool = False
    is_copy: bool = False


class Weather(NamedTuple):
    """How often each thing happens: chances for each frame, then for each second of a call."""

    lost: float = 0.0
    lost_burst: float = 0.0
    repeat: float = 0.0
    reorder: float = 0.0
    late: float = 0.0
    outlier: float = 0.0
    unstamped: float = 0.0
    silence: float = 0.0
    pause: float = 0.0
    step: float = 0.0
    stall: float = 0.0
    cut: float = 0.0
    hold: float = 0.0


CALM = Weather(cut=0.005)
ROUGH = Weather(
    *(0.002, 0.0003, 0.002, 0.002, 0.0003, 0.0005, 0.0005), 0.03, 0.02, 0.03, 0.02, 0.03, 0.05
)
WILD = Weather(
    *(0.008, 0.001, 0.005, 0.005, 0.001, 0.004, 0.003), 0.05, 0.04, 0.1, 0.06, 0.06, 0.05
)


@dataclass
class _Participant:
    """What a participant is doing."""

    clock_ms: float = 0.0
    silent_until: float = 0.0
    away_until: float = 0.0
    held_until: float = 0.0
    released_at: float = 0.0
    unsettled_until: float = 0.0


class CallPlan:
    """A call's plan, chosen by a generator of random numbers.

    Args:
        rng: Chooses everything.
        numbers: Where frames get their numbers from.
        seconds: The call's length.
        weather: How much goes wrong; None: chosen, too.
    """

    def __init__(
        self,
        rng: random.Random,
        numbers: Iterator[int],
        seconds: float,
        weather: Weather | None = None,
    ) -> None:
        self.seconds = seconds
        self.sample_rate = rng.choice([16_000, 16_000, 24_000])
        self.is_mixed = rng.random() < 0.4
        self.weather = weather or rng.choices([CALM, ROUGH, WILD], [3, 4, 3])[0]
        self.pace = rng.choices([1.0, 1.0005, 0.9995, 1.02, 0.98], [6, 2, 2, 1, 1])[0]
        self.jitter_ms = rng.choice([0, 0, 2, 5, 9])
        self.has_whole_seconds = self.weather is WILD and rng.random() < 0.08
        # In few calls, because it leaves nothing to judge of the places behind it.
        self._may_hold = rng.random() < _HOLDING_SHARE
        self._rng = rng
        self._numbers = numbers
        self._participants = [
            _Participant() for _ in range(1 if self.is_mixed else rng.randint(1, 4))
        ]
        if self.weather is WILD and rng.random() < 0.1:
            # A clock of its own. No frame of it says by its timestamp where it belongs.
            self._participants[-1].clock_ms = rng.choice([-1, 1]) * 3_600_000
        self._order = count()
        self._clock_ms = 0.0
        self._era = 0
        self._restore_at: float | None = None
        self._stalled_until = 0.0
        self._unsettled_until = 0.0

    @property
    def participants(self) -> int:
        """How many participants have a track of their own; 1 in a mixed call."""
        return len(self._participants)

    def emissions(self) -> Iterator[Emission]:
        """Return everything that the sender does, in order."""
        waiting: list[Emission] = []
        step = FRAME_SECONDS * self.pace
        for tick in range(round(self.seconds / step)):
            now = tick * step
            self._disturb_call(now, waiting)
            for index in range(len(self._participants)):
                for emission in self._speak(index, now):
                    heapq.heappush(waiting, emission)
            while waiting and waiting[0].at <= now:
                yield heapq.heappop(waiting)
        while waiting:
            yield heapq.heappop(waiting)

    def _happens(self, per_second: float) -> bool:
        return self._rng.random() < per_second * FRAME_SECONDS

    def _disturb_call(self, now: float, waiting: list[Emission]) -> None:
        """Let something happen to the whole call."""
        rng, weather = self._rng, self.weather
        if self._restore_at is not None and now >= self._restore_at:
            self._restore_at = None
            self._set_clock(0.0, now)
        elif self._happens(weather.step):
            self._step(now)
        if now >= self._stalled_until and self._happens(weather.stall):
            self._stalled_until = now + rng.uniform(0.3, 4)
            self._unsettle(self._stalled_until)
        if self._happens(weather.cut):
            action: Action = rng.choice(("close", "drop", "reset"))
            heapq.heappush(
                waiting, Emission(max(now, self._stalled_until), next(self._order), action)
            )

    def _step(self, now: float) -> None:
        rng = self._rng
        sign = rng.choice([-1, 1])
        change = rng.choice([rng.uniform(61, 200), rng.uniform(200, 5000), 3_600_000])
        self._set_clock(self._clock_ms + sign * change, now)
        if rng.random() < 0.3:
            self._restore_at = now + rng.uniform(0.2, 2)

    def _set_clock(self, clock_ms: float, now: float) -> None:
        self._clock_ms = clock_ms
        self._era += 1
        self._unsettle(now)

    def _unsettle(self, now: float) -> None:
        self._unsettled_until = max(self._unsettled_until, now + SETTLE_SECONDS)

    def _speak(self, index: int, now: float) -> Iterator[Emission]:
        """Yield what one participant sends of a moment's audio."""
        rng, weather, participant = self._rng, self.weather, self._participants[index]
        if now < participant.away_until:
            return
        if self._happens(weather.pause):
            participant.away_until = now + rng.uniform(0.3, 14)
            participant.unsettled_until = participant.away_until + SETTLE_SECONDS
            return
        if rng.random() < weather.lost:
            return
        if rng.random() < weather.lost_burst:
            participant.away_until = now + rng.randint(2, 40) * FRAME_SECONDS
            participant.unsettled_until = participant.away_until + SETTLE_SECONDS
            return
        if self._may_hold and now >= participant.released_at and self._happens(weather.hold):
            # These come at once, overtaken by what follows.
            participant.held_until = now + rng.uniform(0.02, 1)
            participant.released_at = participant.held_until + rng.uniform(0.1, 2)
            # With other trouble, they may be taken for a step of the clock, which all follow.
            self._unsettle(math.inf)
        if now >= participant.silent_until and self._happens(weather.silence):
            participant.silent_until = now + rng.uniform(0.2, 3)
        frame = self._frame(index, now)
        yield frame
        # A repeat is known by its place: without a timestamp that says where, it is new audio.
        stamp_ms = now * 1000 + self._clock_ms + participant.clock_ms
        has_place = (
            frame.stamp_ms is not None
            and not self.has_whole_seconds
            and abs(frame.stamp_ms - stamp_ms) < _STRAY_MS
        )
        if has_place and not frame.is_silent and rng.random() < weather.repeat:
            # Some frames behind it, also where it is late, or where all of them come at once.
            at = max(now + rng.randint(0, 10) * FRAME_SECONDS, frame.at)
            yield frame._replace(at=at, order=next(self._order), is_copy=True)

    def _frame(self, index: int, now: float) -> Emission:
        rng, weather, participant = self._rng, self.weather, self._participants[index]
        at = max(now, self._stalled_until)
        if now < participant.held_until:
            at = max(at, participant.released_at)
        stamp = now * 1000 + self._clock_ms + participant.clock_ms
        stamp += rng.uniform(-self.jitter_ms, self.jitter_ms)
        is_odd = is_overtaken = False
        if rng.random() < weather.reorder:
            delay = rng.randint(1, 5) * FRAME_SECONDS
            at += delay
            is_overtaken = delay > _MAX_DELAY_SECONDS
        elif rng.random() < weather.late:
            at += rng.uniform(0.5, 8)
            is_odd = True
        stamp_ms: int | None = round(stamp)
        if self.has_whole_seconds:
            stamp_ms = round(stamp / 1000) * 1000
        elif rng.random() < weather.outlier:
            is_odd = True
            far = rng.choice([rng.uniform(61, 10_000), 86_400_000, 315_360_000_000])
            stamp_ms = round(stamp + rng.choice([-1, 1]) * far)
        elif rng.random() < weather.unstamped:
            is_odd = True
            stamp_ms = None
        if is_odd:
            participant.unsettled_until = max(participant.unsettled_until, at + SETTLE_SECONDS)
        unsettled = max(participant.unsettled_until, self._unsettled_until)
        return Emission(
            at,
            next(self._order),
            "frame",
            index,
            next(self._numbers),
            stamp_ms,
            self._era,
            self._clock_ms,
            now >= unsettled
            and not (is_overtaken or self.has_whole_seconds or participant.clock_ms),
            now < participant.silent_until,
        )
