"""What a call left, over HTTP: its recording, timeline, transcript and single segments."""

from __future__ import annotations

from email.utils import format_datetime
from http import HTTPStatus

import azure.functions as func
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

from calls import assembly, blobs, ranges, store, transcript, transcription, web
from calls.clients import Clients
from calls.problems import Problem, not_ready
from calls.results import CallResult
from calls.storage import Properties
from calls.transcript import Transcript
from contract import names

_FORMS = {"json": "application/json", "vtt": "text/vtt", "txt": "text/plain"}
MOST_WHOLE_BYTES = 32 * 1024 * 1024
"""A longer file is answered with in ranges only."""


async def show_timeline(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/calls/{id}/timeline``."""
    result = await _result(clients, web.call_connection_id(request))
    return web.document(result.timeline)


async def send_recording(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET`` or ``HEAD /api/calls/{id}/recording``, whole or a range."""
    call = web.call_connection_id(request)
    blob = blobs.recording_blob(call)
    found = await clients.storage.properties(blobs.RECORDINGS, blob)
    if found is None:
        await store.find(clients.storage, call)
        raise not_ready(call)
    return await _send(clients, request, blobs.RECORDINGS, blob, found, call)


async def send_segment(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET`` or ``HEAD /api/calls/{id}/segments/{track}/{index}``; the first has index 0."""
    call = web.call_connection_id(request)
    track = request.route_params.get("track") or ""
    text = request.route_params.get("index") or ""
    index = web.number(text)
    landed = await clients.storage.blob_names(names.SEGMENTS, f"{call}/")
    segments = sorted(
        (name for name in map(names.parse_segment, landed) if name.track == track),
        key=lambda name: (name.start, name.stream_id),
    )
    if index is None or index >= len(segments):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"the call has {len(segments)} segments of track {track[:64]!r}, not one numbered so",
        )
    blob = segments[index].blob
    found = await clients.storage.properties(names.SEGMENTS, blob)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "the audio is no more in the storage")
    stem = f"{call}-{track}-{text}"
    return await _send(
        clients, request, names.SEGMENTS, blob, found._replace(content_type="audio/wav"), stem
    )


async def show_transcript(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/calls/{id}/transcript``, in the form that ``Accept`` or the suffix names."""
    suffix = request.route_params.get("format")
    form = suffix if suffix is not None else _accepted(request.headers.get("Accept") or "")
    if form not in _FORMS:
        raise Problem(HTTPStatus.NOT_FOUND, f"a transcript comes as {', '.join(_FORMS)}")
    result = await _result(clients, web.call_connection_id(request))
    found = await transcription.find(clients.storage, result)
    if found is None or found.layout != result.layout:
        off = clients.settings.transcription == "off"
        found = Transcript(
            schema=transcript.SCHEMA,
            call_connection_id=result.call_connection_id,
            provider=clients.settings.transcription,
            state="off" if off else "pending",
            error=None,
            utterances=found.utterances if found else [],
        )
    if form == "json":
        return web.document(found, headers={"Vary": "Accept"})
    text = transcript.to_vtt(found) if form == "vtt" else transcript.to_text(found)
    return func.HttpResponse(
        text.encode(),
        status_code=HTTPStatus.OK,
        mimetype=_FORMS[form],
        charset="utf-8",
        headers={"Vary": "Accept", "X-Content-Type-Options": "nosniff"},
    )


def _accepted(accept: str) -> str:
    """The form that an ``Accept`` header likes best, then names first; JSON where it names none."""
    forms = {kind: form for form, kind in _FORMS.items()}
    best, found = 0.0, "json"
    for named in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in named.split(";"))
        quality = next((_quality(p) for p in parameters if p.startswith("q=")), 1.0)
        if kind in forms and quality > best:
            best, found = quality, forms[kind]
    return found


def _quality(parameter: str) -> float:
    try:
        return float(parameter.removeprefix("q="))
    except ValueError:
        return 0.0


async def _result(clients: Clients, call: str) -> CallResult:
    """The call's result. Raises Problem (404)."""
    result = await assembly.find(clients.storage, call)
    if result is None:
        await store.find(clients.storage, call)
        raise not_ready(call)
    return result


async def _send(
    clients: Clients,
    request: func.HttpRequest,
    container: str,
    blob: str,
    found: Properties,
    stem: str,
) -> func.HttpResponse:
    """A blob, as it was found, or a range of it. Raises Problem (412, 413, 416)."""
    kind = found.content_type
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": found.etag,
        "Last-Modified": format_datetime(found.last_modified, usegmt=True),
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{stem}.{kind.rpartition("/")[2]}"',
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == "HEAD":
        headers["Content-Length"] = str(found.size)
        return func.HttpResponse(b"", status_code=HTTPStatus.OK, mimetype=kind, headers=headers)
    if request.headers.get("If-None-Match") == found.etag:
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    asked = request.headers.get("Range")
    if request.headers.get("If-Range", found.etag) != found.etag:
        asked = None
    try:
        part = ranges.parse(asked, found.size)
    except ranges.Unsatisfiable as error:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the file has {found.size} bytes",
            headers={"Content-Range": str(error)},
        ) from error
    if part is None:
        if found.size > MOST_WHOLE_BYTES:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the file has {found.size} bytes: ask for it in ranges (Range: bytes=0-), "
                f"of which each is answered with at most {ranges.MOST_BYTES}",
                code="ask_for_ranges",
            )
        part = ranges.ByteRange(0, found.size - 1)
        status = HTTPStatus.OK
    else:
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{found.size}"
        status = HTTPStatus.PARTIAL_CONTENT
    try:
        content = await clients.storage.read_range(
            container, blob, part.first, part.length, found.etag
        )
    except (ResourceModifiedError, ResourceNotFoundError) as error:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED, "the file has just changed; ask again"
        ) from error
    return func.HttpResponse(content, status_code=status, mimetype=kind, headers=headers)
