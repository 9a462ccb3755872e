"""Events as CloudEvents 1.0: how a milestone of a call looks to others. Pure.

Source of the attributes: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md. An
event has ids, states and times, and no personal data. Whoever gets one reads the rest with a key of
their own, at ``source`` and ``subject``, joined by a slash: the call's address.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

from calls.records.model import Milestone, MilestoneType
from calls.settings import Settings
from calls.subscribers import DeletedCall
from contract import names
from contract.names import SegmentName

CONTENT_TYPE = "application/cloudevents+json"


class CloudEvent(msgspec.Struct, kw_only=True, frozen=True):
    """One event."""

    id: str
    type: MilestoneType
    source: str
    subject: str
    time: datetime
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, str | int | None]


def build_event(settings: Settings, call: str, milestone: Milestone) -> CloudEvent:
    """Return a milestone of a call as an event.

    The id depends only on what it is: the same milestone never gets another one.
    """
    return CloudEvent(
        id=event_id(call, milestone),
        type=milestone.type,
        source=settings.callback_url.rstrip("/") + "/api/v1/calls",
        subject=call,
        time=milestone.time,
        data={"call_connection_id": call, **milestone.data},
    )


def event_id(call: str, milestone: Milestone) -> str:
    """Return the id of a milestone's event.

    It has no full stop, which Standard Webhooks signs as a separator.
    """
    text = f"{call}\n{milestone.type}\n{milestone.what}"
    return "evt_" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def deletion_milestone(deleted: DeletedCall) -> Milestone:
    """Return the milestone of a call that was deleted."""
    return Milestone(
        type="call.deleted",
        what=deleted.deletion_id,
        time=deleted.deleted_at,
        data={"deletion_id": deleted.deletion_id},
    )


def segment_milestone(segment: SegmentName, duration_ms: float, now: datetime) -> Milestone:
    """Return the milestone of a segment that has been analysed."""
    return Milestone(
        type="segment.ready",
        what=segment.blob,
        time=now,
        data={
            "blob": f"{names.SEGMENTS}/{segment.blob}",
            "stream_id": segment.stream_id,
            "track": segment.track,
            "start": segment.start.isoformat().replace("+00:00", "Z"),
            "duration_ms": round(duration_ms),
        },
    )
