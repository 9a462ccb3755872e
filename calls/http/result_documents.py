"""The documents of results that the HTTP interface answers with; see ``documents``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from calls.http.documents import Call, CallId, Event, Hold, Pause, RawId, Time
from calls.records.announcement import PlayState
from calls.records.model import ResultState
from calls.results.analysis import SpeechSpan
from calls.results.call_result import StreamResult
from calls.results.timeline import Interruption, MissingSegment, Track
from calls.transcripts.model import State, Utterance

INTERNAL: dict[str, frozenset[str]] = {
    "Failure": frozenset({"schema"}),
    "Timeline": frozenset({"schema"}),
    "Transcript": frozenset({"schema", "layout_digest", "claimed_at", "claimed_by"}),
}
"""The members of stored structs that are not shown."""


class Failure(msgspec.Struct, kw_only=True):
    """A segment or manifest that failed permanently. A manifest has no track and no start."""

    id: Annotated[str, Meta(description="for the retry")]
    call_connection_id: CallId
    track: Annotated[str | None, Meta(description="the track in the stream, as the blob names it")]
    start: Time | None
    container: Annotated[str, Meta(examples=["segments"])]
    blob: str
    error: Annotated[str, Meta(description="what went wrong in the last attempt")]
    failed_at: Time


class LandedSegment(msgspec.Struct):
    """A segment whose stream has no manifest yet: its end is not known."""

    stream_id: str
    track: Annotated[str, Meta(description="the participant's number in the call", examples=["p1"])]
    participant: Annotated[
        str | None, Meta(description="the raw id, or the track's name where nobody knows it")
    ]
    start: Time
    blob: str


class CallDetails(Call, kw_only=True):
    """One call with its events, its streams, and what failed."""

    hold: Annotated[Hold | None, Meta(description="null: the call is not on legal hold")]
    events: list[Event]
    streams: list[StreamResult]
    landed_segments: Annotated[
        list[LandedSegment], Meta(description="segments whose stream has no manifest yet")
    ]
    failures: Annotated[
        list[Failure], Meta(description="this call's segments and manifests that failed")
    ]


class FailureList(msgspec.Struct, kw_only=True):
    """What failed permanently, newest first."""

    failures: list[Failure]


class PlaySpan(msgspec.Struct, kw_only=True):
    """A play of the announcement, in ms from the recording's start: below 0 before it."""

    start_ms: int
    end_ms: int | None
    to_all: bool
    to: list[RawId]
    state: PlayState


class PauseSpan(Pause, kw_only=True):
    """A pause of the recording, and where it lies in it."""

    start_ms: int
    end_ms: int


class Timeline(msgspec.Struct, kw_only=True):
    """Who spoke when. All times in ms are from the recording's start."""

    call_connection_id: CallId
    started_at: Annotated[Time, Meta(description="when the recording starts")]
    result_state: Annotated[ResultState, Meta(description="how far the call's result is")]
    duration_ms: int
    sample_rate: Annotated[int, Meta(description="the recording's samples per second")]
    resampled_segments: Annotated[
        int, Meta(description="how many segments came at another sample rate")
    ]
    partial: Annotated[bool, Meta(description="the result is not final")]
    tracks: Annotated[list[Track], Meta(description="in the order of the recording's channels")]
    overlaps: Annotated[list[SpeechSpan], Meta(description="where several speak at once")]
    longest_silence: SpeechSpan | None
    interruptions: list[Interruption]
    announcements: Annotated[
        list[PlaySpan], Meta(description="when the announcement was played, and to whom")
    ]
    pauses: Annotated[list[PauseSpan], Meta(description="where the recording was paused")]
    missing_segments: list[MissingSegment]


class Transcript(msgspec.Struct, kw_only=True):
    """What was said. All times in ms are from the recording's start."""

    call_connection_id: CallId
    provider: Annotated[str, Meta(description="the speech-to-text engine", examples=["azure"])]
    result_state: Annotated[ResultState, Meta(description="how far the call's result is")]
    state: State
    error: Annotated[str | None, Meta(description="why it, or a part of it, failed")]
    diarized: Annotated[
        bool | None,
        Meta(description="the voices of a mixed track were told apart; null for other tracks"),
    ]
    utterances: list[Utterance]


class Export(msgspec.Struct, kw_only=True):
    """An export that is not ready yet; the sizes are those of its recording."""

    state: Literal["building"]
    requested_at: Time
    bytes_written: int
    bytes_total: int
