"""The export of a call over HTTP: a zip file that is built on request.

A response of a function is held in memory and has a few MiB at most. So a function with a queue of
its own builds the file in Blob Storage, and the route then redirects to a link, as that of the
recording does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import azure.functions as func
import msgspec

from calls import blobs
from calls.clients import Clients
from calls.errors import ResultNotReady
from calls.http import requests
from calls.http.call_details import read_details
from calls.http.documents import show
from calls.http.files import File, send_file
from calls.http.problems import Problem
from calls.http.respond import Handler, json_response
from calls.http.result_documents import Export
from calls.http.results import read_timeline
from calls.http.transcripts import format_transcript, read_shown_transcript, require_complete
from calls.listings import list_manifests
from calls.records.expiries import add_expiry
from calls.records.store import read_record
from calls.results import exports
from calls.results.export_messages import Send, request_export
from calls.results.exports import Order, Progress
from calls.storage import Properties, Storage
from contract import names

LOST_AFTER = timedelta(minutes=10)
"""If nothing is heard of an export for so long, its message is lost: it is requested again."""

FAILED_FOR = timedelta(minutes=1)
"""For so long, a failed export is answered with its failure; then it is requested again."""

_RETRY_AFTER_SECONDS = "2"


def export_handler(send: Send) -> Handler:
    """Return the handler of ``GET /api/v1/calls/{id}/export``.

    ``send`` sends a message to the queue of exports.
    """

    async def export_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
        """202 while the zip file is being built; then a redirect to it, or a range of it."""
        storage, call = clients.storage, requests.call_connection_id(request)
        # Nothing is told of a deleted call.
        await read_record(storage, call)
        now = datetime.now(UTC)
        progress = await exports.read_progress(storage, call)
        if progress is not None and _is_building(progress, now):
            return _accept(progress)
        order, recording = await _read_order(clients, request)
        properties = await exports.read_zip(storage, call, order.source)
        if properties is not None:
            zip_blob = blobs.export_zip_blob(call)
            file = File(blobs.RESULTS, zip_blob, properties, call, max_whole_bytes=0)
            return await send_file(clients, request, file)
        if progress is not None:
            _check_not_failed(progress, order, now)
        # First of all, so that whatever is written next is deleted after a day.
        await add_expiry(storage, call, now)
        progress = Progress(
            source=order.source, requested_at=now, updated_at=now, bytes_total=recording.size
        )
        await _write_order(clients, request, order, progress)
        request_export(call, order.source, send)
        return _accept(progress)

    return export_call


def _is_building(progress: Progress, now: datetime) -> bool:
    return progress.state == "building" and now - progress.updated_at < LOST_AFTER


def _check_not_failed(progress: Progress, order: Order, now: datetime) -> None:
    """Check that the same export has not just failed. Raises Problem (503)."""
    is_same = progress.state == "failed" and progress.source == order.source
    if is_same and now - progress.updated_at < FAILED_FOR:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "building the export failed on every try; the log of the function build_export says "
            "why. A request in a minute begins it again",
            code="export_failed",
            headers={"Retry-After": str(round(FAILED_FOR.total_seconds()))},
        )


def _accept(progress: Progress) -> func.HttpResponse:
    document = show(Export, progress)
    headers = {"Retry-After": _RETRY_AFTER_SECONDS}
    return json_response(document, HTTPStatus.ACCEPTED, headers)


async def _read_order(clients: Clients, request: func.HttpRequest) -> tuple[Order, Properties]:
    """Read what to export, as the routes show it.

    Raises CallNotFound, ResultNotReady; Problem (409) if the transcript is pending; AzureError.
    """
    storage, call = clients.storage, requests.call_connection_id(request)
    timeline = await read_timeline(clients, request)
    transcript, transcript_document = await read_shown_transcript(clients, request)
    if transcript.state == "pending":
        require_complete(transcript)
    documents = {
        "call.json": await read_details(clients, call),
        "timeline.json": timeline,
        "transcript.json": transcript_document,
    }
    files = {name: msgspec.json.encode(document) for name, document in documents.items()}
    if transcript.state == "complete":
        files |= {
            f"transcript.{format_}": format_transcript(transcript, format_)
            for format_ in ("txt", "vtt")
        }
    files |= await _read_manifests(storage, call)
    recording = await storage.properties(blobs.RECORDINGS, blobs.recording_blob(call))
    if recording is None:
        raise ResultNotReady(call, timeline.result_state, "its recording was deleted")
    return exports.order_export(files, recording), recording


async def _read_manifests(storage: Storage, call: str) -> dict[str, bytes]:
    manifests = await list_manifests(storage, call)
    documents = await storage.read_all(names.MANIFESTS, list(manifests.values()))
    return {
        f"manifests/{stream_id}.json": document.content
        for stream_id, document in zip(manifests, documents, strict=True)
        if document is not None
    }


async def _write_order(
    clients: Clients, request: func.HttpRequest, order: Order, progress: Progress
) -> None:
    """Write an order, unless what it was made of has changed: parts of the call may be deleted.

    Raises Problem (409), and what ``_read_order`` raises.
    """
    storage, call = clients.storage, requests.call_connection_id(request)
    await exports.write_order(storage, call, order)
    try:
        current, _ = await _read_order(clients, request)
        is_current = current.source == order.source
    except BaseException:
        await exports.delete_order(storage, call)
        raise
    if not is_current:
        await exports.delete_order(storage, call)
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the call is changing; try again",
            code="contended",
            headers={"Retry-After": "1"},
        )
    await exports.write_progress(storage, call, progress)
