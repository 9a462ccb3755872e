"""Following a call: what has happened since a position, or as soon as something does.

A request that waits sends one small request to Blob Storage at a time, every POLL_SECONDS: for the
record's properties and for the end of the segments' log, in turn. So it needs nothing that only one
instance knows. An instance lets WAITING_AT_MOST requests wait, since the host lets only 16 requests
run at a time (``infra/modules/function_app.bicep``). They share these places fairly (``Places``):
further ones are answered at once, or instead of those of somebody who has more.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple, Self

from calls import blobs
from calls.errors import InvalidCursor
from calls.events.cloud_events import CloudEvent, build_event
from calls.events.places import Places
from calls.events.segment_log import read_segments
from calls.records.dispositions import missing_call
from calls.records.store import decode_record, read_record_document
from calls.settings import Settings
from calls.storage import Storage

POLL_SECONDS = 0.75
WAITING_AT_MOST = 8

_CURSOR = re.compile(r"([0-9]{1,4})\.([0-9]{1,12})\.([0-9a-f]{12})", re.ASCII)

PLACES = Places(WAITING_AT_MOST)
"""This process's places for requests that wait."""


class Position(NamedTuple):
    """How far somebody has followed a call.

    ``milestones`` and ``offset`` count what they have seen of the record's milestones and of the
    segments' log. ``version`` identifies the record that they have seen.
    """

    milestones: int = 0
    offset: int = 0
    version: str = ""

    @classmethod
    def parse(cls, cursor: str | None) -> Self:
        """Parse a cursor; None is the beginning. Raises InvalidCursor."""
        if cursor is None:
            return cls()
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise InvalidCursor
        return cls(int(match[1]), int(match[2]), match[3])

    @property
    def cursor(self) -> str:
        """The position as it is given out."""
        return f"{self.milestones}.{self.offset}.{self.version}"


class News(NamedTuple):
    """What has happened since a position.

    ``has_changed``: the call's record is another one than at the position. ``is_busy``: the request
    asked to wait, and did not, or not for so long, because too many others were waiting.
    """

    events: list[CloudEvent]
    position: Position
    has_changed: bool
    is_busy: bool = False


Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]


async def follow_call(
    storage: Storage,
    settings: Settings,
    call: str,
    after: Position,
    wait_seconds: float,
    *,
    owner: Hashable,
    sleep: Sleep = asyncio.sleep,
    clock: Clock = time.monotonic,
) -> News:
    """Return what has happened in a call after a position, at once or as soon as it happens.

    Args:
        storage: Where the call is.
        settings: The settings, for the events' source.
        call: The call connection id.
        after: The position.
        wait_seconds: How long to wait while there is nothing.
        owner: Whose request this is: each owner has a fair share of the places.
        sleep: Waits for some seconds.
        clock: Returns a time in seconds.

    Raises CallNotFound (CallDeleted, if it was deleted, even while this waits), AzureError.
    """
    ends_at = clock() + wait_seconds
    news = await _read_news(storage, settings, call, after)
    if news.events or news.has_changed or wait_seconds <= 0:
        return news
    place = PLACES.take(owner)
    if place is None:
        return news._replace(is_busy=True)
    try:
        is_turn_of_record = True
        while clock() < ends_at and not place.is_lost:
            await sleep(min(POLL_SECONDS, max(0.0, ends_at - clock())))
            if await _has_news(storage, call, after, of_record=is_turn_of_record):
                return await _read_news(storage, settings, call, after)
            is_turn_of_record = not is_turn_of_record
    finally:
        PLACES.leave(place)
    return news._replace(is_busy=place.is_lost)


async def _has_news(storage: Storage, call: str, after: Position, *, of_record: bool) -> bool:
    """Whether the record has changed (or was deleted), or the log has grown. One request."""
    if of_record:
        properties = await storage.properties(blobs.CALLS, blobs.call_blob(call))
        return properties is None or _version(properties.etag) != after.version
    return bool((await read_segments(storage, call, after.offset)).milestones)


async def _read_news(storage: Storage, settings: Settings, call: str, after: Position) -> News:
    document = await read_record_document(storage, call)
    if document is None:
        raise await missing_call(storage, call)
    version = _version(document.etag)
    record = decode_record(document.content)
    segments = await read_segments(storage, call, after.offset)
    milestones = record.milestones[after.milestones :] + segments.milestones
    events = {event.id: event for event in (build_event(settings, call, m) for m in milestones)}
    position = Position(len(record.milestones), segments.offset, version)
    ordered = sorted(events.values(), key=lambda event: event.time)
    return News(ordered, position, version != after.version)


def _version(etag: str) -> str:
    return hashlib.sha256(etag.encode()).hexdigest()[:12]
