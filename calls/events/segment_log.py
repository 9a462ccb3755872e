"""The log of a call's segments: one line for each that has been analysed, for those who follow.

A line may be there twice, since a segment may be analysed twice: both are the same event.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import msgspec

from calls import blobs
from calls.growing_blobs import read_from
from calls.records.model import Milestone
from calls.storage import Storage
from event_log import log_event

MAX_READ_BYTES = 256 * 1024

_log = logging.getLogger(__name__)
_decode = msgspec.json.Decoder(Milestone).decode


class LoggedSegments(NamedTuple):
    """Milestones of segments in the order of their analyses, and where the next ones begin."""

    milestones: list[Milestone]
    offset: int


async def log_segment(storage: Storage, call: str, milestone: Milestone) -> None:
    """Add a segment to the log. Raises AzureError."""
    line = msgspec.json.encode(milestone) + b"\n"
    if not await storage.append(blobs.EVENTS, blobs.segment_log_blob(call), line):
        log_event(_log, logging.WARNING, "segment_log_full", call=call)


async def read_segments(storage: Storage, call: str, offset: int) -> LoggedSegments:
    """Read what the log has from ``offset`` on, up to MAX_READ_BYTES. Raises AzureError."""
    blob = blobs.segment_log_blob(call)
    content = await read_from(storage, blobs.EVENTS, blob, offset, MAX_READ_BYTES) or b""
    lines, _, _ = content.rpartition(b"\n")
    milestones = []
    for line in lines.splitlines():
        try:
            milestones.append(_decode(line))
        except msgspec.DecodeError:
            # Not the app's; or the offset is not one that the app gave out.
            log_event(_log, logging.WARNING, "segment_log_line_skipped", call=call)
    return LoggedSegments(milestones, offset + len(lines) + 1 if lines else offset)
