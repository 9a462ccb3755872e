"""Links to audio over HTTP: short-lived URLs that open a call's blobs without a key."""

from __future__ import annotations

import logging
from datetime import datetime

import azure.functions as func
import msgspec

from calls import blobs
from calls.clients import Clients
from calls.http import requests
from calls.http.requests import Fields
from calls.http.respond import json_response
from calls.listings import list_segment_names
from calls.records.store import read_record
from calls.results.links import link_expiry, sign_links
from calls.storage import Storage
from contract import names
from event_log import log_event

MAX_LINKS = 1000
"""The maximum number of links in one response."""

_log = logging.getLogger(__name__)


class Link(msgspec.Struct, frozen=True):
    """One blob, as ``GET /api/v1/calls/{id}`` names it, and the URL that opens it."""

    blob: str
    url: str


class Links(msgspec.Struct, frozen=True):
    """Links that open until ``expires_at``."""

    expires_at: datetime
    links: list[Link]


async def create_links(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/v1/calls/{id}/links``: links to the named ``blobs``, or to all the call's audio.

    Raises CallNotFound; Problem (400) for a blob that does not belong to the call.
    """
    call = requests.call_connection_id(request)
    fields = Fields(requests.read_json_object(request))
    requested = fields.take_texts("blobs", MAX_LINKS)
    await read_record(clients.storage, call)
    existing = await _audio_blobs(clients.storage, call)
    if requested is None:
        requested = existing
        if len(requested) > MAX_LINKS:
            fields.add_error(
                "blobs", f"is required: the call has {len(requested)}, more than {MAX_LINKS}"
            )
    # Only blobs in the call's own listing are accepted: names in the request are not trusted.
    for path in sorted(set(requested) - set(existing)):
        fields.add_error("blobs", f"{path[:256]!r} is not audio of this call")
    fields.check()
    expires_at = link_expiry(clients.settings.link_seconds)
    urls = await sign_links(clients.storage.service, requested, expires_at)
    links = [Link(path, url) for path, url in zip(requested, urls, strict=True)]
    log_event(
        _log,
        logging.INFO,
        "links_created",
        call=call,
        count=len(links),
        expires_at=expires_at.isoformat(),
    )
    return json_response(Links(expires_at, links))


async def _audio_blobs(storage: Storage, call: str) -> list[str]:
    """Name the call's segments and its recording, without the recording's renditions."""
    segment_blobs = await list_segment_names(storage, call)
    recording = blobs.recording_blob(call)
    recordings = await storage.blob_names(blobs.RECORDINGS, recording)
    return [f"{names.SEGMENTS}/{name}" for name in segment_blobs] + [
        f"{blobs.RECORDINGS}/{name}" for name in recordings if name == recording
    ]
