"""A call's results over HTTP: its timeline, its recording, and single segments."""

from __future__ import annotations

import asyncio

import azure.functions as func

from calls import blobs
from calls.clients import Clients
from calls.errors import CallNotFound, ResultNotReady, SegmentNotFound
from calls.http import ranges, requests
from calls.http.documents import show
from calls.http.files import File, send_file
from calls.http.query_parameters import takes_query
from calls.http.readiness import ALLOW_PARTIAL, read_ready_result
from calls.http.respond import json_response
from calls.http.result_documents import Timeline
from calls.listings import list_segment_names
from calls.records.announcement import locate_plays
from calls.records.dispositions import read_disposition
from calls.records.pauses import locate_pauses
from calls.records.store import read_record
from calls.results.assembly import read_participants
from calls.results.renditions import FORMATS, MIXES, choose_rendition, make_rendition
from calls.retention.late_arrivals import removing_late_arrivals
from contract import names


@takes_query(ALLOW_PARTIAL)
async def show_timeline(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/calls/{id}/timeline``."""
    return json_response(await read_timeline(clients, request))


async def read_timeline(clients: Clients, request: func.HttpRequest) -> Timeline:
    """Read a call's timeline. Raises what ``read_ready_result`` raises."""
    result, state = await read_ready_result(clients, request)
    timeline = result.timeline
    try:
        record = await read_record(clients.storage, timeline.call_connection_id)
        pauses = locate_pauses(record, timeline.started_at, timeline.duration_ms)
        announcements = locate_plays(record.announcement, timeline.started_at)
    except CallNotFound:
        pauses, announcements = [], []
    return show(
        Timeline,
        timeline,
        result_state=state,
        partial=state != "final",
        pauses=pauses,
        announcements=announcements,
    )


@takes_query(ALLOW_PARTIAL, "format", "mix")
async def send_recording(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET`` or ``HEAD /api/v1/calls/{id}/recording``: a range, or a redirect to the whole.

    Short recordings are redirected, too: a client that works with them works with long ones.
    ``?format`` and ``?mix`` ask for a rendition.
    """
    format_ = requests.take_choice(request, "format", FORMATS)
    mix = requests.take_choice(request, "mix", MIXES)
    call = requests.call_connection_id(request)
    _, state = await read_ready_result(clients, request)
    blob = blobs.recording_blob(call)
    properties = await clients.storage.properties(blobs.RECORDINGS, blob)
    if properties is None:
        raise ResultNotReady(call, state, "its recording was deleted")
    rendition = choose_rendition(properties, format_, mix)
    stem = call
    if rendition is not None:
        async with removing_late_arrivals(clients.storage, call):
            properties = await make_rendition(clients.storage, call, rendition, properties)
        blob = blobs.rendition_blob(call, rendition.name)
        stem = f"{call}-{rendition.mix}" if rendition.mix else call
    file = File(blobs.RECORDINGS, blob, properties, stem, max_whole_bytes=0)
    return await send_file(clients, request, file)


async def send_segment(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET`` or ``HEAD /api/v1/calls/{id}/segments/{track}/{index}``; the first has index 0."""
    call = requests.call_connection_id(request)
    track = request.route_params.get("track") or ""
    index_text = request.route_params.get("index") or ""
    index = requests.parse_number(index_text)
    disposition, segment_names, participants = await asyncio.gather(
        read_disposition(clients.storage, call),
        list_segment_names(clients.storage, call),
        read_participants(clients.storage, call),
    )
    # A missing record alone does not refuse segments: the app may not have placed their call.
    disposition.check_not_deleted()
    segments = sorted(
        (
            segment
            for segment in segment_names.values()
            if participants.track(segment.stream_id, segment.track) == track
        ),
        key=lambda segment: (segment.start, segment.stream_id),
    )
    if index is None or index >= len(segments):
        count = "1 segment" if len(segments) == 1 else f"{len(segments)} segments"
        raise SegmentNotFound(
            f"track {track[:64]!r} has {count}, numbered from 0; there is none with this index"
        )
    blob = segments[index].blob
    properties = await clients.storage.properties(names.SEGMENTS, blob)
    if properties is None:
        raise SegmentNotFound("the segment's audio has been deleted")
    properties = properties._replace(content_type="audio/wav")
    stem = f"{call}-{track}-{index_text}"
    file = File(names.SEGMENTS, blob, properties, stem, max_whole_bytes=ranges.MAX_BYTES)
    return await send_file(clients, request, file)
