"""Erasing one participant from a call: their tracks, their words, and every mention of them.

The rest of the call stays. Its manifests say which tracks were erased, so that their segments are
not missing, and its recording, timeline and transcript are made again without them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime

import msgspec

from acs.identifiers import display_id, is_phone_number, phone_number_raw_id
from calls.errors import (
    CallNotEnded,
    CallNotFound,
    Contended,
    ParticipantNotFound,
    ResultNotReady,
    TracksNotSeparate,
)
from calls.index.day_files import replace_call
from calls.listings import list_drafts, list_manifests, list_segment_names
from calls.principals import Principal
from calls.records.dispositions import StreamTrack
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.results.assembly import read_participants
from calls.results.participants import Participants
from calls.retention.deletions import begin_deletion
from calls.retention.model import Deletion
from calls.storage import Storage
from contract import names
from contract.manifest import Counts, ErasedTrack, Manifest, decode_manifest, encode_manifest, total
from event_log import log_event

_MAX_ATTEMPTS = 10

_log = logging.getLogger(__name__)


async def begin_erasure(
    storage: Storage, call: str, participant: str, principal: Principal, now: datetime
) -> Deletion:
    """Begin to erase a participant.

    Args:
        storage: The storage with the call.
        call: The call connection id.
        participant: The participant's raw id or phone number, or their track in the timeline.
        principal: Who erases the participant.
        now: The current time.

    Raises CallNotFound, CallDeleted, CallNotEnded, ResultNotReady, ParticipantNotFound,
    TracksNotSeparate, CallOnHold, DeletionRunning, Contended, AzureError.
    """
    record = await read_record(storage, call)
    if not record.has_ended:
        raise CallNotEnded
    if record.result_state in ("recording", "processing"):
        raise ResultNotReady(call, record.result_state, "its result is being made; try again")
    segments = await list_segment_names(storage, call)
    if any(segment.track == names.MIXED_TRACK for segment in segments.values()):
        raise TracksNotSeparate
    participants = await read_participants(storage, call)
    track = _find_track(participants, participant)
    raw_id = participants.raw_ids.get(track) if track else _raw_id(participant)
    if track is None and raw_id not in _mentioned(record):
        raise ParticipantNotFound
    tracks = [
        StreamTrack(stream_id, stream_track)
        for stream_id, own in participants.tracks.items()
        for stream_track, calls_track in own.items()
        if calls_track == track
    ]
    return await begin_deletion(
        storage, call, "participant", principal, now, tracks=tracks, raw_id=raw_id
    )


def _find_track(participants: Participants, participant: str) -> str | None:
    """Return the call's track of a participant, who is named by it or by a raw id."""
    tracks = {track for own in participants.tracks.values() for track in own.values()}
    if participant in tracks:
        return participant
    raw_id = _raw_id(participant)
    return next((t for t in sorted(tracks) if participants.raw_ids.get(t) == raw_id), None)


def _raw_id(participant: str) -> str:
    return phone_number_raw_id(participant) if is_phone_number(participant) else participant


def _mentioned(record: CallRecord) -> set[str]:
    """Return the raw ids in a call's record."""
    ends = (_raw_id(end) for end in (record.to, record.from_) if end)
    return {*record.participants, *record.names, *ends}


async def rewrite(storage: Storage, deletion: Deletion, now: datetime) -> None:
    """Remove a participant from a call's manifests, their drafts, and its record.

    The events of the manifests have the call assembled again. Raises Contended, AzureError.
    """
    call = deletion.receipt.call_connection_id
    try:
        record = await change_record(
            storage, call, lambda record: erase_from_record(record, deletion)
        )
        await replace_call(storage, record)
    except CallNotFound:
        log_event(_log, logging.WARNING, "call_without_record", call=call)
    listings = (
        (names.DRAFTS, await list_drafts(storage, call)),
        (names.MANIFESTS, await list_manifests(storage, call)),
    )
    for container, listing in listings:
        for stream_id, blob in listing.items():
            tracks = {t.track for t in deletion.tracks if t.stream_id == stream_id}
            await _rewrite_manifest(storage, container, blob, deletion, tracks, now)


async def _rewrite_manifest(
    storage: Storage,
    container: str,
    blob: str,
    deletion: Deletion,
    tracks: Collection[str],
    now: datetime,
) -> None:
    for _ in range(_MAX_ATTEMPTS):
        document = await storage.read(container, blob)
        if document is None:
            return
        try:
            manifest = decode_manifest(document.content)
        except ValueError as error:
            log_event(_log, logging.ERROR, "manifest_not_erased", blob=blob, error=error)
            return
        erased = erase_from_manifest(manifest, tracks, deletion, now)
        if erased == manifest:
            return
        if await storage.replace(container, blob, encode_manifest(erased), document.etag):
            return
    raise Contended(f"{container}/{blob} is being changed too often")


def erase_from_manifest(
    manifest: Manifest, tracks: Collection[str], deletion: Deletion, now: datetime
) -> Manifest:
    """Return a manifest without a participant's tracks; it says that they were erased."""
    segments = [entry for entry in manifest.segments if entry.track in tracks]
    counts = total(segments)
    by_track = {
        track: [entry for entry in segments if entry.track == track]
        for track in sorted({entry.track for entry in segments})
    }
    return msgspec.structs.replace(
        manifest,
        segments=[entry for entry in manifest.segments if entry.track not in tracks],
        counts=Counts(
            **{
                name: getattr(manifest.counts, name) - getattr(counts, name)
                for name in Counts.__struct_fields__
            }
        ),
        participants={
            track: raw_id
            for track, raw_id in manifest.participants.items()
            if track not in tracks and raw_id != deletion.raw_id
        },
        dtmf=[
            tone
            for tone in manifest.dtmf
            if tone.participant_raw_id is None or tone.participant_raw_id != deletion.raw_id
        ],
        erased=[
            *manifest.erased,
            *(
                ErasedTrack(
                    track=track,
                    segments=len(entries),
                    start=min(entry.start for entry in entries),
                    erased_at=now,
                    deletion=deletion.receipt.id,
                )
                for track, entries in by_track.items()
            ),
        ],
    )


def erase_from_record(record: CallRecord, deletion: Deletion) -> bool:
    """Remove a participant from a call's record; return whether it was there."""
    raw_id = deletion.raw_id
    if raw_id is None:
        return False
    before = msgspec.json.encode(record)
    record.participants = [other for other in record.participants if other != raw_id]
    record.names = {other: name for other, name in record.names.items() if other != raw_id}
    own = (raw_id, display_id(raw_id))
    record.to = None if record.to in own else record.to
    record.from_ = None if record.from_ in own else record.from_
    for play in record.announcement.plays if record.announcement else ():
        play.to = [other for other in play.to if other != raw_id]
    # The next assembly writes it again.
    record.summary = record.assembled_at = record.transcript_digest = None
    return msgspec.json.encode(record) != before
