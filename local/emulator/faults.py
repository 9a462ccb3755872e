"""The faults that the emulator can inject, and the order of a stream's frames under them. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

ErrorStatus = Annotated[int, Meta(ge=400, le=599)]
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
    """The body of ``POST /emulator/tokens``: which token to sign, so that tests can act as ACS.

    ``fault`` forges it. ``too_long`` gives a callback token the lifetime of a handshake token.
    """

    entrance: Literal["callback", "media"]
    fault: TokenFault | None = None


class Faults(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The faults of a call, all off by default: the body of ``POST /emulator/faults``.

    A tick is 20 ms of the stream. ``docs/local.md`` has the same table; a test compares them.
    """

    seed: Annotated[int, Meta(description="seed of the random choices below")] = 1
    drop: Annotated[float, Meta(ge=0, le=1, description="share of ticks that are not sent")] = 0.0
    repeat: Annotated[float, Meta(ge=0, le=1, description="share of ticks that are sent twice")] = (
        0.0
    )
    delay: Annotated[
        float, Meta(ge=0, le=1, description="share of ticks that are sent `late_ticks` later")
    ] = 0.0
    late_ticks: Annotated[int, Meta(description="how many ticks later a delayed tick is sent")] = 5
    cut_after_ticks: Annotated[
        int | None,
        Meta(description="drop the socket, without a close frame, after that many ticks"),
    ] = None
    reconnect: Annotated[
        bool, Meta(description="open a new socket after the old one was lost, as ACS does")
    ] = True
    kind_case: Annotated[
        bool, Meta(description="write packet kinds in lower case: `audiodata`")
    ] = False
    fragments: Annotated[int, Meta(description="send each packet in that many fragments")] = 1
    omit_data_when_silent: Annotated[
        bool, Meta(description="send silent frames without their `data`")
    ] = False
    stop_keeps_socket: Annotated[
        bool, Meta(description="leave the socket open, without frames, after a stop")
    ] = False
    repeat_events: Annotated[
        bool, Meta(description="send callback events twice, and IncomingCall events twice at once")
    ] = False
    operation_status: Annotated[
        ErrorStatus | None,
        Meta(description="carry out a start, stop or answer, but answer with this status"),
    ] = None
    answer_status: Annotated[
        ErrorStatus | None, Meta(description="refuse to answer an incoming call, with this status")
    ] = None
    media_token: Annotated[
        TokenFault | None, Meta(description="forge the token of the media handshake")
    ] = None
    callback_token: Annotated[
        TokenFault | None, Meta(description="forge the token of callback events")
    ] = None


def ticks_to_send(ticks: Iterable[int], faults: Faults) -> Iterator[list[int]]:
    """Yield, for each tick, the ticks to send at its time: one, none, two, and delayed ones."""
    rng = random.Random(faults.seed)  # noqa: S311 (must be repeatable; no secret depends on it)
    delayed: dict[int, list[int]] = {}
    for tick in ticks:
        draw = rng.random()
        due = delayed.pop(tick, [])
        if draw < faults.drop:
            yield due
        elif draw < faults.drop + faults.repeat:
            yield [tick, tick, *due]
        elif draw < faults.drop + faults.repeat + faults.delay:
            delayed.setdefault(tick + faults.late_ticks, []).append(tick)
            yield due
        else:
            yield [tick, *due]
