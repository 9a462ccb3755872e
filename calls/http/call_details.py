"""One call over HTTP, with its streams, segments and failures."""

from __future__ import annotations

import azure.functions as func

from calls.clients import Clients
from calls.http import requests
from calls.http.documents import show_record
from calls.http.readiness import read_current_record
from calls.http.respond import json_response
from calls.http.result_documents import CallDetails, LandedSegment
from calls.listings import list_segment_names
from calls.records.dispositions import read_disposition
from calls.results import failures
from calls.results.assembly import read_participants, read_streams
from contract import names


async def show_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/calls/{id}``: the call, its streams and segments, and what failed."""
    return json_response(await read_details(clients, requests.call_connection_id(request)))


async def read_details(clients: Clients, call: str) -> CallDetails:
    """Read all that is shown of a call. Raises CallNotFound, Contended, AzureError."""
    record = await read_current_record(clients, call)
    streams = await read_streams(clients.storage, call)
    disposition = await read_disposition(clients.storage, call)
    failed = await failures.list_failures(clients.storage, call)
    in_streams = {segment.blob for stream in streams for segment in stream.segments}
    segment_blobs = await list_segment_names(clients.storage, call)
    # Segments of a stream that is still open are in no manifest yet.
    participants = await read_participants(clients.storage, call)
    landed_segments = []
    for blob, name in segment_blobs.items():
        if (path := f"{names.SEGMENTS}/{blob}") not in in_streams:
            track = participants.track(name.stream_id, name.track)
            raw_id = participants.raw_id(track)
            landed_segments.append(LandedSegment(name.stream_id, track, raw_id, name.start, path))
    return show_record(
        CallDetails,
        record,
        hold=disposition.hold,
        streams=streams,
        landed_segments=landed_segments,
        failures=failed,
    )
