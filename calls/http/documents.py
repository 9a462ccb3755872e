"""The documents of calls that the HTTP interface answers with, apart from what storage keeps.

A stored record has members that are nobody else's business. So the public documents are structs of
their own: a member that is not here is not shown. To show a new one, add it to the struct of its
name, with a description; it is taken from the stored object's attribute of the same name. A test
fails if a stored member is neither here nor in ``INTERNAL``. ``result_documents`` has the documents
of results, which need modules that placing a call must not wait for.

The OpenAPI document is derived from these structs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from calls.audit import Outcome
from calls.principals import Kind, Role
from calls.records.announcement import AnnouncementState, PlayState, Policy
from calls.records.model import (
    CallRecord,
    CallState,
    Direction,
    MissingAudio,
    ResultState,
    StreamingState,
    Summary,
)
from calls.records.pauses import list_pauses
from calls.retention.model import DeletedBlobs, RemainingBlobs, Scope
from calls.retention.model import State as DeletionState
from calls.search.matches import Match
from contract.grants import DtmfMode

INTERNAL: dict[str, frozenset[str]] = {
    "Hold": frozenset({"released_at", "released_by"}),
    "Receipt": frozenset({"schema"}),
    "CallRecord": frozenset(
        {
            "schema",
            "revision",
            "origin_known",
            "requests",
            "events",
            "finalized",
            "milestones",
            "transcript_digest",
            "milestones_sent",
            "webhook_url",
        }
    ),
}
"""The members of stored structs that are not shown. ``CallDetails`` shows the events, too."""

CallId = Annotated[
    str,
    Meta(description="the call connection id", examples=["401f2980-0b2e-4c4d-9e84-1a6a2f6f3b5e"]),
]
Time = Annotated[datetime, Meta(tz=True, examples=["2026-03-01T09:30:00Z"])]
RawId = Annotated[str, Meta(description="ACS's raw id", examples=["4:+15551230000"])]


class AcsResult(msgspec.Struct, kw_only=True):
    """ACS's explanation of a result: ``code`` is like an HTTP status, ``sub_code`` is its own."""

    code: int | None
    sub_code: int | None
    message: str | None


class Streaming(msgspec.Struct, kw_only=True):
    """The state of the media streaming; ``details`` and ``result`` are ACS's own explanation."""

    state: StreamingState
    details: str | None
    result: AcsResult | None


class Actor(msgspec.Struct, kw_only=True):
    """Who did something: a function key, a user or an app of Entra ID, or this app itself."""

    kind: Kind
    id: Annotated[str, Meta(description="the object id in Entra ID, or the key's name")]
    name: str


class Pause(msgspec.Struct, kw_only=True):
    """One pause of the recording, from the request to pause to the one to resume."""

    paused_at: Time
    paused_by: Actor | None
    reason: Annotated[str | None, Meta(examples=["card payment"])]
    resume_at: Annotated[Time | None, Meta(description="when it ends by itself")]
    resumed_at: Annotated[
        Time | None, Meta(description="null while it lasts, and if the call ended in it")
    ]
    resumed_by: Actor | None


class Event(msgspec.Struct, kw_only=True):
    """One callback event of ACS."""

    id: str
    type: Annotated[str, Meta(examples=["CallConnected"])]
    time: Time
    operation_context: Annotated[
        str | None, Meta(description="that of the request that caused the event")
    ]
    result: AcsResult | None
    streaming_details: str | None


class Play(msgspec.Struct, kw_only=True):
    """One play of the announcement; `requested_at` is by the app's clock, the others by ACS's."""

    to_all: Annotated[bool, Meta(description="whether it was played to everyone at the start")]
    to: Annotated[list[RawId], Meta(description="to whom; empty until ACS says who is in the call")]
    state: PlayState
    requested_at: Time
    started_at: Time | None
    ended_at: Time | None
    result: Annotated[AcsResult | None, Meta(description="why it failed")]


class Announcement(msgspec.Struct, kw_only=True):
    """What is played before the call is recorded: a text that is spoken, or a file."""

    policy: Annotated[Policy, Meta(description="`required`: without it, nobody is recorded")]
    source: Annotated[
        Literal["call", "setting"], Meta(description="who asks for it: the call or the settings")
    ]
    state: Annotated[
        AnnouncementState, Meta(description="the state of the announcement at the call's beginning")
    ]
    text: Annotated[str | None, Meta(examples=["This call is recorded."])]
    url: str | None
    voice: str | None
    locale: str | None
    plays: list[Play]


class Call(msgspec.Struct, kw_only=True):
    """One call."""

    call_connection_id: CallId
    created_at: Time
    state: CallState
    streaming: Streaming
    direction: Annotated[
        Direction | None, Meta(description="null until ACS has answered the request")
    ]
    server_call_id: Annotated[str | None, Meta(description="ACS's id of the call on its server")]
    correlation_id: Annotated[str | None, Meta(description="ACS's id for its support")]
    to: Annotated[str | None, Meta(description="who is called", examples=["+15551230000"])]
    from_: Annotated[str | None, Meta(description="who calls", examples=["+15559990000"])] = (
        msgspec.field(name="from")
    )
    channels: Annotated[str | None, Meta(examples=["unmixed"])]
    sample_rate: Annotated[int | None, Meta(description="in Hz", examples=[16_000])]
    start_streaming: Annotated[
        bool | None, Meta(description="streaming starts when the call connects")
    ]
    dtmf: Annotated[
        DtmfMode | None,
        Meta(description="what is kept of DTMF tones, in the streams' manifests"),
    ]
    announcement: Annotated[
        Announcement | None, Meta(description="null for a call that is not announced")
    ]
    locales: Annotated[
        list[str] | None,
        Meta(
            description="the language of its transcript: candidates, or auto; null: the default",
            examples=[["en-US"]],
        ),
    ]
    retention_days: Annotated[
        int | None,
        Meta(description="how long it is kept after its end; null: as the settings say"),
    ]
    tags: Annotated[list[str], Meta(examples=[["complaint", "VIP"]])]
    notes: Annotated[str | None, Meta(examples=["Called back about the invoice."])]
    operation_context: str | None
    connected_at: Time | None
    ended_at: Time | None
    hung_up_reason: Annotated[
        str | None,
        Meta(description="why the app hung up by itself; null otherwise", examples=[None]),
    ]
    result: Annotated[AcsResult | None, Meta(description="why the call ended or failed")]
    participants: Annotated[
        list[RawId], Meta(description="the raw ids of who is in the call, or was at its end")
    ]
    names: Annotated[
        dict[str, str],
        Meta(description="display names by raw id", examples=[{"4:+15551230000": "Robin Ray"}]),
    ]
    pauses: Annotated[
        list[Pause], Meta(description="when the recording was paused; the last one may be open")
    ]
    summary: Annotated[Summary | None, Meta(description="null until the call is assembled")]
    assembled_at: Time | None
    result_state: Annotated[
        ResultState,
        Meta(description="how far the result is; `none`: no audio came, and none is expected"),
    ]
    result_reason: Annotated[
        str | None, Meta(description="why there is none, or what the result lacks")
    ]
    missing: Annotated[MissingAudio | None, Meta(description="what the result lacks")]
    matches: (
        Annotated[
            list[Match],
            Meta(description="in a list with `q` only: up to 3 utterances that match"),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class CallPage(msgspec.Struct, kw_only=True):
    """One page of the list of calls."""

    calls: list[Call]
    cursor: Annotated[str | None, Meta(description="of the next page; null at the end")]


class Hold(msgspec.Struct, kw_only=True):
    """The legal hold that a call is on."""

    reason: Annotated[str, Meta(examples=["Claim 2026-118"])]
    placed_at: Time
    placed_by: Actor


class Deletion(msgspec.Struct, kw_only=True):
    """A deletion, and finally its receipt: what was deleted, when and by whom."""

    id: Annotated[str, Meta(examples=["0f3c9a4e5d6b47c8a1b2c3d4e5f60718"])]
    call_connection_id: CallId
    scope: Annotated[
        Scope,
        Meta(description="everything of the call, one participant, or segments and manifests"),
    ]
    state: Annotated[
        DeletionState,
        Meta(description="`waiting`: the service refuses to delete the rest for now"),
    ]
    requested_at: Time
    requested_by: Actor
    deleted: Annotated[list[DeletedBlobs], Meta(description="by container")]
    remaining: Annotated[
        list[RemainingBlobs], Meta(description="what an immutability policy protects, until when")
    ]
    completed_at: Time | None
    restorable_until: Annotated[
        Time | None,
        Meta(description="the account's soft delete can restore the blobs until then"),
    ]
    digest: Annotated[
        str,
        Meta(description="of the completed receipt, SHA-256; the audit trail has it, too"),
    ]


class Me(msgspec.Struct, kw_only=True):
    """Who sends the request, and what they may do."""

    principal: Actor
    roles: list[Role]
    operations: Annotated[
        list[str],
        Meta(description="the ids of the operations that the roles allow", examples=["hang_up"]),
    ]


class AuditEntry(msgspec.Struct, kw_only=True):
    """One action in the audit trail."""

    id: Annotated[str, Meta(description="unique: entries with the same id are one entry")]
    time: Time
    action: Annotated[
        str,
        Meta(
            description="the operation's id; `play_recording` and `play_segment` for ranges",
            examples=["place_call"],
        ),
    ]
    outcome: Annotated[
        Outcome,
        Meta(description="`begun` before a change; a second entry of the request has its result"),
    ]
    principal: Actor
    request: Annotated[str | None, Meta(description="the same for all entries of one request")]
    call: CallId | None
    address: Annotated[
        str | None, Meta(description="where the request came from", examples=["203.0.113.7"])
    ]
    details: Annotated[
        dict[str, str], Meta(description="the response's status and code", examples=[{}])
    ]


class AuditPage(msgspec.Struct, kw_only=True):
    """Entries of the audit trail, oldest first."""

    entries: list[AuditEntry]
    cursor: Annotated[
        str | None, Meta(description="of the next page; null at the end, not where a page is short")
    ]


class Health(msgspec.Struct, kw_only=True):
    """The app is running."""

    status: Literal["ok"]


def show_record[T: Call](document: type[T], record: CallRecord, **more: Any) -> T:
    """Return the public document of a call's record; its summary is partial until it is final."""
    summary = record.summary
    if summary is not None:
        summary = msgspec.structs.replace(summary, partial=record.result_state != "final")
    members = {"matches": msgspec.UNSET, "pauses": list_pauses(record), **more}
    return show(document, record, summary=summary, **members)


def show[T](document: type[T], stored: object, **more: Any) -> T:
    """Return the public document of a stored object.

    Args:
        document: The public struct.
        stored: The object that has its members as attributes, except ``more``.
        more: Members that the stored object does not have, or others than it has.
    """
    if not more:
        return msgspec.convert(stored, document, from_attributes=True)
    fields = msgspec.structs.fields(document)  # type: ignore[arg-type]
    members = {
        field.name: getattr(stored, field.name) for field in fields if field.name not in more
    }
    by_name = {field.encode_name: (members | more)[field.name] for field in fields}
    by_name = {name: value for name, value in by_name.items() if value is not msgspec.UNSET}
    return msgspec.convert(by_name, document, from_attributes=True)
