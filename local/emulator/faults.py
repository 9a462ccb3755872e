"""The faults that the emulator can inject. ``docs/local.md`` lists them; a test compares."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

ErrorStatus = Annotated[int, Meta(ge=400, le=599)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Ppm = Annotated[float, Meta(ge=-500_000, le=1_000_000)]
Positive = Annotated[int, Meta(ge=1)]
SampleRate = Annotated[int, Meta(ge=1, le=1_000_000)]
Member = Literal[
    "subscriptionId",
    "encoding",
    "sampleRate",
    "channels",
    "length",
    "timestamp",
    "participantRawID",
    "data",
    "silent",
]
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
    "missing_claim",
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

    A tick is 20 ms of audio.
    """

    # Which frames are sent, and when. schedule applies these.

    seed: Annotated[int, Meta(description="seed of the random choices below")] = 1
    drop: Annotated[Share, Meta(description="share of ticks that are not sent")] = 0.0
    repeat: Annotated[Share, Meta(description="share of ticks that are sent twice")] = 0.0
    repeat_late: Annotated[bool, Meta(description="send the second time `late_ticks` later")] = (
        False
    )
    delay: Annotated[Share, Meta(description="share of ticks that are sent `late_ticks` later")] = (
        0.0
    )
    late_ticks: Annotated[
        Positive, Meta(description="how many ticks later a delayed tick is sent")
    ] = 5
    every_ticks: Annotated[
        Positive, Meta(description="send only every so many ticks: `600` is one frame each 12 s")
    ] = 1
    first_order: Annotated[
        tuple[Count, ...],
        Meta(description="order of a stream's first ticks, also after a pause: `[1, 0, 2]`"),
    ] = ()
    pause_after_ticks: Annotated[
        Count | None, Meta(description="send nothing for `pause_ticks`, after that many ticks")
    ] = None
    pause_ticks: Annotated[Positive, Meta(description="length of the pause")] = 100
    stall_after_ticks: Annotated[
        Count | None,
        Meta(description="after that many ticks, hold frames back for `stall_ticks`, then burst"),
    ] = None
    stall_ticks: Annotated[Positive, Meta(description="length of the stall")] = 100
    hold_after_ticks: Annotated[
        Count | None,
        Meta(
            description="after that many ticks, hold back `hold_ticks` frames and send them at "
            "once, `late_ticks` after the last of them, while the others go on"
        ),
    ] = None
    hold_ticks: Annotated[Positive, Meta(description="how many frames are held back")] = 10
    pace_ppm: Annotated[
        Ppm, Meta(description="send frames this much further apart than 20 ms, in millionths")
    ] = 0.0
    omit_silent_frames: Annotated[bool, Meta(description="send no silent frames")] = False
    cut_after_ticks: Annotated[
        int | None,
        Meta(description="drop the socket, without a close frame, after that many ticks"),
    ] = None
    reconnect: Annotated[
        bool, Meta(description="open a new socket after the old one was lost, as ACS does")
    ] = True
    stop_keeps_socket: Annotated[
        bool, Meta(description="leave the socket open, without frames, after a stop")
    ] = False
    hang_up_at_end: Annotated[bool, Meta(description="hang up when the audio ends")] = False

    # Their timestamps. clock applies these.

    clock_step_ms: Annotated[
        int, Meta(description="step of the sender's clock; negative: back")
    ] = 0
    clock_step_after_ticks: Annotated[
        Count, Meta(description="how many ticks after the first frame the clock steps")
    ] = 100
    clock_step_ticks: Annotated[
        Positive | None,
        Meta(description="step back to the right time after that many ticks; `null`: never"),
    ] = None
    clock_apart_ms: Annotated[
        int, Meta(description="how far each participant's clock is ahead of the one before")
    ] = 0
    stray_ms: Annotated[
        int | None, Meta(description="how far stray timestamps are off; `null`: they are missing")
    ] = 0
    stray_probability: Annotated[
        Share, Meta(description="share of ticks with a stray timestamp")
    ] = 0.0
    stray_ticks: Annotated[
        tuple[Count, ...],
        Meta(description="ticks with a stray timestamp, counted from the first frame: `[0]`"),
    ] = ()
    stamp_resolution_ms: Annotated[
        Positive, Meta(description="cut timestamps to multiples of this: `1000` is whole seconds")
    ] = 1
    stamp_jitter_ms: Annotated[
        Count, Meta(description="timestamps are off by up to this, either way")
    ] = 0
    drift_ppm: Annotated[
        Ppm, Meta(description="timestamps are this much further apart than 20 ms, in millionths")
    ] = 0.0

    # What the packets look like. packets applies these.

    metadata_after_ticks: Annotated[
        Count | None, Meta(description="send AudioMetadata after that many ticks; `null`: never")
    ] = 0
    metadata_sample_rate: Annotated[
        SampleRate | None,
        Meta(description="`sampleRate` in AudioMetadata, instead of the right one"),
    ] = None
    metadata_length: Annotated[
        Count | None, Meta(description="`length` in AudioMetadata, instead of the right one")
    ] = None
    frame_ticks: Annotated[
        Positive,
        Meta(description="how many ticks of audio a packet has: 64 KB are `102` at 16 kHz"),
    ] = 1
    extra_bytes: Annotated[
        Count,
        Meta(description="how many zero bytes follow each packet's audio: with `1`, 641 bytes"),
    ] = 0
    omit_data_when_silent: Annotated[
        bool, Meta(description="send silent frames without their `data`")
    ] = False
    nulls: Annotated[
        tuple[Member, ...], Meta(description='members that are `null`: `["length", "silent"]`')
    ] = ()
    decimal_numbers: Annotated[
        bool, Meta(description="write AudioMetadata's numbers with a decimal point: `16000.0`")
    ] = False
    byte_order_mark: Annotated[
        bool, Meta(description="begin messages with a byte order mark, U+FEFF")
    ] = False
    binary: Annotated[bool, Meta(description="send the same JSON in binary messages")] = False
    kind_case: Annotated[
        bool, Meta(description="write packet kinds in lower case: `audiodata`")
    ] = False
    fragments: Annotated[Positive, Meta(description="send each packet in that many fragments")] = 1
    participant_ids: Annotated[
        tuple[str, ...], Meta(description='raw ids of the participants in packets: `["", "x"]`')
    ] = ()
    participant_ticks: Annotated[
        Positive | None,
        Meta(description="after each so many ticks, a new participant replaces the last one"),
    ] = None
    dtmf: Annotated[
        tuple[str | int, ...],
        Meta(description='DTMF tones, one each second, whether requested or not: `["pound", 5]`'),
    ] = ()
    dtmf_timestamp: Annotated[bool, Meta(description="send DtmfData with a `timestamp`")] = False

    # What surrounds the stream.

    handshake_headers: Annotated[
        dict[str, str],
        Meta(description='headers of the media handshake: `{"Connection": "keep-alive, Upgrade"}`'),
    ] = {}
    repeat_events: Annotated[
        bool, Meta(description="send callback events twice, and IncomingCall events twice at once")
    ] = False
    operation_status: Annotated[
        ErrorStatus | None,
        Meta(description="carry out a start, stop, play or answer, but answer with this status"),
    ] = None
    play: Annotated[
        Literal["fail", "never_completes"] | None,
        Meta(description="prompts `fail`, or start and never end: `never_completes`"),
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

    def __post_init__(self) -> None:
        if sorted(self.first_order) != list(range(len(self.first_order))):
            raise ValueError("first_order must have each number from 0 on once")
