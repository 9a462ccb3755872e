"""Milestones of a call: what others are told about it. Derived from its record. Pure.

A change of a record that reaches a milestone adds it in the same write, under the record's ETag. So
none is lost or gets a second id, whichever process dies: who is told, and when, comes afterwards
(``calls/events``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from acs import events
from calls.records.model import CallRecord, Milestone

MAX_STREAMING = 100
"""The most ``call.streaming`` of one call; only a call that is paused as often has further ones."""

_CALL_CONNECTED = "CallConnected"
_STARTED = events.MEDIA_STREAMING_STARTED.removeprefix(events.TYPE_PREFIX)
_SETTLED = ("final", "partial", "none")


def add_milestones(record: CallRecord, now: datetime) -> bool:
    """Add the milestones that a record has reached; return whether there were new ones.

    A finalized record is then finalized no longer: the reconciler sees to it that they are told.
    """
    known = {(milestone.type, milestone.what) for milestone in record.milestones}
    reached = [
        milestone
        for milestone in _reached(record, now)
        if (milestone.type, milestone.what) not in known
    ]
    record.milestones += reached
    record.finalized = record.finalized and not reached
    return bool(reached)


def _reached(record: CallRecord, now: datetime) -> Iterator[Milestone]:
    if record.connected_at is not None:
        yield Milestone(type="call.connected", time=record.connected_at)
    starts = [event for event in record.events if event.type == _STARTED]
    for event in starts[:MAX_STREAMING]:
        yield Milestone(type="call.streaming", what=event.id, time=event.time)
    if not record.has_ended:
        return
    has_failed = record.state == "failed"
    if has_failed:
        result = record.result
        yield Milestone(
            type="call.failed",
            time=record.ended_at or now,
            data={
                "code": result.code if result else None,
                "sub_code": result.sub_code if result else None,
            },
        )
    # A call that has failed has no result, and nobody expects one.
    if record.result_state in _SETTLED and not (has_failed and record.result_state == "none"):
        summary = record.summary
        sha256 = summary.recording_sha256 if summary else ""
        yield Milestone(
            type="call.final",
            what=f"{record.result_state} {sha256}".strip(),
            time=now,
            data={
                "result_state": record.result_state,
                "recording_sha256": sha256 or None,
                "duration_ms": summary.duration_ms if summary else None,
            },
        )


def add_transcript(record: CallRecord, state: str, layout_digest: str, now: datetime) -> bool:
    """Add the milestone of a transcript that is complete or has failed; False if it is known.

    Args:
        record: The call's record.
        state: ``complete`` or ``failed``.
        layout_digest: Identifies the recording that was transcribed.
        now: The current time.
    """
    what = f"{state} {layout_digest}"
    if any(m.type == "transcript.final" and m.what == what for m in record.milestones):
        return False
    record.milestones.append(
        Milestone(
            type="transcript.final",
            what=what,
            time=now.astimezone(UTC),
            data={"transcript_state": state},
        )
    )
    record.finalized = False
    return True
