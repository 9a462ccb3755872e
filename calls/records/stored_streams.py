"""What is stored of an ended call: its streams and its result, which determine its state."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import msgspec

from calls import blobs
from calls.listings import list_manifests, list_opened_streams, list_segments
from calls.records.model import CallRecord, Summary
from calls.storage import Properties, Storage
from contract import names


class StreamOutline(msgspec.Struct, frozen=True):
    """One stream of a result: a part of ``StreamResult``."""

    stream_id: str
    ended_by: str


class ResultOutline(msgspec.Struct, frozen=True):
    """What a result's state depends on: a part of ``CallResult``.

    Reading only this part loads no audio library: a callback would have to wait for one.
    """

    summary: Summary
    streams: list[StreamOutline]


class _FailureOutline(msgspec.Struct, frozen=True):
    """A part of ``calls.results.failures.Failure``."""

    container: str


class StoredStreams(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an ended call: the ids of its streams, and its result.

    ``opened`` streams have a marker, a draft or a segment, ``ended`` ones a manifest. ``is_quiet``:
    nothing has happened for so long that nothing more is expected. ``failed_segments`` of the
    missing ones failed permanently: they cannot come by themselves.
    """

    opened: frozenset[str]
    ended: frozenset[str]
    result: ResultOutline | None
    is_quiet: bool
    failed_segments: int = 0

    @property
    def is_outdated(self) -> bool:
        """Whether there is a result that lacks streams that have ended."""
        if self.result is None:
            return False
        return not self.ended <= {stream.stream_id for stream in self.result.streams}


class ListedStreams(NamedTuple):
    """What was listed of a call: the streams that have a manifest, and the landed segments."""

    ended: Collection[str]
    landed: dict[str, Properties]


_decode = msgspec.json.Decoder(ResultOutline).decode


async def read_streams(
    storage: Storage, record: CallRecord, quiet_since: datetime
) -> StoredStreams:
    """Read what is stored of an ended call, whose record was read just now. Raises AzureError.

    Args:
        storage: Where it is stored.
        record: The call's record.
        quiet_since: Nothing more is expected if nothing has happened since.
    """
    call = record.call_connection_id
    # The result first: a stream that is opened or ended in the meantime is then not overlooked.
    document = await storage.read(blobs.RESULTS, blobs.call_result_blob(call))
    if document is None and last_event_time(record) > quiet_since:
        opened = await list_opened_streams(storage, call)
        if opened:
            # Its audio is not assembled yet: nothing else matters.
            return StoredStreams(
                opened=frozenset(opened), ended=frozenset(), result=None, is_quiet=False
            )
    result = _decode_outline(document.content) if document else None
    ended = await list_manifests(storage, call)
    landed = await list_segments(storage, call)
    streams = ListedStreams(ended.keys(), landed)
    return await describe_streams(storage, record, result, streams, quiet_since)


async def describe_streams(
    storage: Storage,
    record: CallRecord,
    result: ResultOutline | None,
    listed: ListedStreams,
    quiet_since: datetime,
) -> StoredStreams:
    """Describe what is stored of an ended call; ``record`` was read before it was listed."""
    call, ended, landed = record.call_connection_id, listed.ended, listed.landed
    opened = {names.parse_segment(blob).stream_id for blob in landed}
    opened |= await list_opened_streams(storage, call)
    is_quiet = last_event_time(record) <= quiet_since and all(
        properties.last_modified <= quiet_since for properties in landed.values()
    )
    return StoredStreams(
        opened=frozenset(opened),
        ended=frozenset(ended),
        result=result,
        is_quiet=is_quiet,
        failed_segments=await _count_failed_segments(storage, call)
        if result is not None and result.summary.missing_segments
        else 0,
    )


async def _count_failed_segments(storage: Storage, call: str) -> int:
    """Count the segments of a call that failed permanently."""
    failure_blobs = await storage.blob_names(blobs.FAILURES, f"{call}.")
    documents = await storage.read_all(blobs.FAILURES, failure_blobs)
    return sum(_is_segment_failure(document.content) for document in documents if document)


def _is_segment_failure(content: bytes) -> bool:
    try:
        return msgspec.json.decode(content, type=_FailureOutline).container == names.SEGMENTS
    except ValueError:
        return False


def _decode_outline(content: bytes) -> ResultOutline | None:
    try:
        return _decode(content)
    except ValueError:
        return None


def last_event_time(record: CallRecord) -> datetime:
    """Return when a call's last event happened; without any, when the call began."""
    return max([record.created_at, *(event.time for event in record.events)])
