"""What can be told to go wrong, and the order in which a stream's frames are then sent. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]
TokenFault = Literal[
    "none",
    "alg_none",
    "hs256_with_public_key",
    "wrong_key",
    "unknown_kid",
    "expired",
    "not_yet_valid",
    "wrong_issuer",
    "wrong_audience",
    "too_long",
]


class TokenRequest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Which token ``POST /emulator/tokens`` signs, so that a sender other than ACS can be played.

    ``fault`` forges it; ``too_long`` is a handshake's token where a callback's is wanted.
    """

    entrance: Literal["callback", "media"]
    fault: TokenFault | None = None


class Faults(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Faults of a call, all off by default. ``POST /emulator/faults`` sets those of coming calls.

    Shares are of the stream's ticks of 20 ms, drawn with ``seed``. ``late_ticks`` is how much later
    a delayed tick is sent; ``cut_after_ticks`` drops the socket without a close, and ``reconnect``
    then opens a new one. ``kind_case`` writes kinds as ``audiodata``; ``fragments`` sends each
    packet in that many; ``stop_keeps_socket`` leaves the socket open, and silent, after a stop.
    ``operation_status`` is what a start, stop or answer is answered with although it is carried
    out; ``answer_status`` what an answer is refused with. ``repeat_events`` tells of an incoming
    call twice at the same time.
    """

    seed: int = 1
    drop: Share = 0.0
    repeat: Share = 0.0
    delay: Share = 0.0
    late_ticks: int = 5
    cut_after_ticks: int | None = None
    reconnect: bool = True
    kind_case: bool = False
    fragments: int = 1
    omit_data_when_silent: bool = False
    stop_keeps_socket: bool = False
    repeat_events: bool = False
    reverse_events: bool = False
    operation_status: Annotated[int, Meta(ge=400, le=599)] | None = None
    answer_status: Annotated[int, Meta(ge=400, le=599)] | None = None
    media_token: TokenFault | None = None
    callback_token: TokenFault | None = None


def order(ticks: Iterable[int], faults: Faults) -> Iterator[list[int]]:
    """For each tick in turn, those to send then: itself, nothing, itself twice, or late ones."""
    rng = random.Random(faults.seed)  # noqa: S311 (repeatable, and no secret)
    late: dict[int, list[int]] = {}
    for tick in ticks:
        drawn = rng.random()
        now = late.pop(tick, [])
        if drawn < faults.drop:
            yield now
        elif drawn < faults.drop + faults.repeat:
            yield [tick, tick, *now]
        elif drawn < faults.drop + faults.repeat + faults.delay:
            late.setdefault(tick + faults.late_ticks, []).append(tick)
            yield now
        else:
            yield [tick, *now]
