"""The call record's model: what is known about one call. Pure data."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from acs.events import ResultInformation
from calls.principals import Principal
from calls.records.announcement import Announcement
from contract.grants import DtmfMode

SCHEMA = 1

CallState = Literal["connecting", "connected", "disconnected", "failed"]
Direction = Literal["outgoing", "incoming"]
StreamingState = Literal["inactive", "starting", "active", "stopping", "failed"]
ResultState = Literal["none", "recording", "processing", "final", "partial"]
"""How far a call's result is. ``none``: no audio came, and none is expected."""

MilestoneType = Literal[
    "call.connected",
    "call.streaming",
    "segment.ready",
    "call.final",
    "transcript.final",
    "call.failed",
    "call.deleted",
]
"""What others are told about a call."""


class EventRecord(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One callback event, as the record keeps it."""

    id: str
    type: str
    time: datetime
    operation_context: str | None = None
    result: ResultInformation | None = None
    streaming_details: str | None = None


class RequestRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One of our requests to ``start`` or ``stop`` media streaming, ``by`` a principal.

    ``is_pause``: the stop is to be followed by a start, ``resume_at`` by itself (None: only on
    request). ``reason`` is the principal's own.

    It comes after the events of media streaming that the record had: the last of them was at
    ``after``, by ACS's clock, and the last of each type are ``after_events``, by their ids.
    ``while_stopping``: an earlier request to stop was not answered yet.
    """

    id: str
    operation: Literal["start", "stop"]
    time: datetime
    after: datetime | None = None
    after_events: list[str] = msgspec.field(default_factory=list)
    while_stopping: bool = False
    by: Principal | None = None
    is_pause: bool = False
    resume_at: datetime | None = None
    reason: str | None = None


class Streaming(msgspec.Struct, kw_only=True):
    """The state of the media streaming; ``details`` and ``result`` are ACS's own explanation."""

    state: StreamingState = "inactive"
    details: str | None = None
    result: ResultInformation | None = None


class Talk(msgspec.Struct, kw_only=True, frozen=True):
    """How much one participant spoke. ``talk_share`` is the share of all speech, 0 to 1."""

    track: str
    participant: str | None
    name: str | None = None
    speech_ms: int
    talk_share: float


class Summary(msgspec.Struct, kw_only=True):
    """Key figures of an assembled call.

    ``audio_ms`` and ``speech_ms`` are the totals of all tracks; ``speech_share`` is the
    share of the call's duration in which anyone speaks, 0 to 1. ``lost_ms`` is the silence that
    replaces audio which never arrived. ``recording_sha256`` is the digest of the recording's file,
    without ``format`` and ``mix``. ``partial``: the result is not final; as stored, only that a
    stream's manifest was missing at the assembly.
    """

    streams: int
    segments: int
    missing_segments: int
    audio_ms: float
    speech_ms: float
    speech_share: float
    lost_ms: float
    partial: bool = False
    duration_ms: int = 0
    overlap_ms: int = 0
    longest_silence_ms: int = 0
    interruptions: int = 0
    recording_bytes: int = 0
    recording_sha256: str = ""
    talk: list[Talk] = msgspec.field(default_factory=list)


class MissingAudio(msgspec.Struct, kw_only=True, frozen=True):
    """What a result lacks.

    ``segments`` counts those that are missing or were not analysed. ``unfinished_streams`` has the
    ids of streams whose manifest never came: their end may be missing. ``unknown_streams`` counts
    those that ACS reported and of which nothing was stored.
    """

    segments: int = 0
    unfinished_streams: list[str] = msgspec.field(default_factory=list)
    unknown_streams: int = 0


class Milestone(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Something that others are told about a call.

    ``type`` and ``what`` identify it within the call. ``data`` has no personal data.
    """

    type: MilestoneType
    what: str = ""
    time: datetime
    data: dict[str, str | int | None] = msgspec.field(default_factory=dict)


class CallRecord(msgspec.Struct, kw_only=True):
    """One call.

    ``revision`` counts its changes. ``result_state`` says how far its result is: ``recording``
    until the call has ended, ``processing`` while parts are still expected, then ``final``,
    ``partial`` (``missing`` says what is missing) or ``none``. ``result_reason`` says why there is
    none, or what is missing.

    ``origin_known`` is False while only events of the call have arrived, and not ACS's response to
    placing or answering it. ``finalized``: the call has ended, and the reconciler has nothing left
    to do for it. ``names`` has the participants' display names by raw id, where they are
    known. ``locales`` are the candidates for its language, or ``auto`` alone. ``retention_days``
    is how long to keep it after its end; None: as the settings say. ``hung_up_reason`` says why the
    app hung up by itself. ``milestones`` are in the order in which the record reached them;
    the queue of deliveries has taken the first ``milestones_sent`` of them. ``webhook_url`` gets
    the call's events, besides those whom the settings name.
    ``tags`` and ``notes`` are what people wrote about it. ``transcript_digest`` identifies the
    words of its complete transcript, for the search.
    """

    schema: int = SCHEMA
    revision: int = 0
    call_connection_id: str
    created_at: datetime
    state: CallState = "connecting"
    streaming: Streaming = msgspec.field(default_factory=Streaming)
    origin_known: bool = False
    direction: Direction | None = None
    server_call_id: str | None = None
    correlation_id: str | None = None
    to: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    names: dict[str, str] = msgspec.field(default_factory=dict)
    channels: str | None = None
    sample_rate: int | None = None
    start_streaming: bool | None = None
    dtmf: DtmfMode | None = None
    announcement: Announcement | None = None
    locales: list[str] | None = None
    retention_days: int | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    notes: str | None = None
    operation_context: str | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    hung_up_reason: str | None = None
    result: ResultInformation | None = None
    participants: list[str] = msgspec.field(default_factory=list)
    events: list[EventRecord] = msgspec.field(default_factory=list)
    requests: list[RequestRecord] = msgspec.field(default_factory=list)
    summary: Summary | None = None
    assembled_at: datetime | None = None
    result_state: ResultState = "recording"
    result_reason: str | None = None
    missing: MissingAudio | None = None
    transcript_digest: str | None = None
    finalized: bool = False
    milestones: list[Milestone] = msgspec.field(default_factory=list)
    milestones_sent: int = 0
    webhook_url: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the call has ended."""
        return self.state in ("disconnected", "failed")


def new_record(call_connection_id: str, now: datetime) -> CallRecord:
    """Create the record of a call of which only the id is known."""
    return CallRecord(call_connection_id=call_connection_id, created_at=now)
