"""When each tick of a stream is sent, under faults. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from local.emulator.faults import Faults


def ticks_to_send(ticks: Iterable[int], faults: Faults) -> Iterator[list[int]]:
    """Yield, for each tick, the ticks to send at its time: one, none, or several.

    ``ticks`` are consecutive. A pause sends nothing; a stall holds back what is due, for a burst;
    with a hold, what follows overtakes the burst.
    """
    rng = random.Random(faults.seed)  # noqa: S311 (repeatable; nothing is kept secret by it)
    late: dict[int, list[int]] = {}
    held: list[int] = []
    for number, now in enumerate(ticks):
        draw = rng.random()
        due = late.pop(now, [])
        if not is_in(number, faults.pause_after_ticks, faults.pause_ticks):
            tick = now + _displacement(number, faults)
            if is_in(number, faults.hold_after_ticks, faults.hold_ticks):
                late.setdefault(now + _held_for(number, faults), []).append(tick)
            elif number % faults.every_ticks == 0:
                due = _sent_at_once(tick, draw, faults) + due
                if is_sent_late(draw, faults):
                    late.setdefault(now + faults.late_ticks, []).append(tick)
        if is_in(number, faults.stall_after_ticks, faults.stall_ticks):
            held += due
            yield []
        else:
            yield held + due
            held = []


def is_in(number: int, after: int | None, length: int | None) -> bool:
    """Whether a tick is among the ``length`` ticks that follow the first ``after`` ones.

    Without ``after`` no tick is, without ``length`` all later ones are.
    """
    return after is not None and number >= after and (length is None or number < after + length)


def is_sent_late(draw: float, faults: Faults) -> bool:
    """Whether a tick's random ``draw`` has it sent (again) ``late_ticks`` later."""
    repeated = faults.drop + faults.repeat
    if faults.repeat_late and faults.drop <= draw < repeated:
        return True
    return repeated <= draw < repeated + faults.delay


def _sent_at_once(tick: int, draw: float, faults: Faults) -> list[int]:
    """How often a tick is sent at its own time."""
    if draw < faults.drop:
        return []
    if draw < faults.drop + faults.repeat:
        return [tick] if faults.repeat_late else [tick, tick]
    return [] if is_sent_late(draw, faults) else [tick]


def _held_for(number: int, faults: Faults) -> int:
    """How many ticks later a tick is sent that is held back."""
    assert faults.hold_after_ticks is not None
    last = faults.hold_after_ticks + faults.hold_ticks - 1
    return last - number + faults.late_ticks


def _displacement(number: int, faults: Faults) -> int:
    """How far the tick to send is from the current one (``first_order``, also after a pause)."""
    if faults.pause_after_ticks is not None:
        resumed = number - faults.pause_after_ticks - faults.pause_ticks
        number = resumed if resumed >= 0 else number
    return faults.first_order[number] - number if number < len(faults.first_order) else 0
