"""Links to audio: read-only, minutes long, made on request and kept nowhere.

In Azure a link is a user delegation SAS: signed with a key that Blob Storage gives to this app's
managed identity, so that no account key need exist. On a laptop Azurite's account key signs it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import msgspec
from azure.storage.blob import BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs, store, web
from calls.clients import Clients
from calls.storage import Storage
from contract import names

MOST = 1000
"""Links in one answer."""

_AUDIO = (names.SEGMENTS, blobs.RECORDINGS)
_CLOCKS_DIFFER = timedelta(minutes=5)
_NOT_CACHED = {"Cache-Control": "no-store"}

_log = logging.getLogger(__name__)


class Link(msgspec.Struct, frozen=True):
    """One blob, as the call shows it, and the URL that opens it."""

    blob: str
    url: str


class Links(msgspec.Struct, frozen=True):
    """Links that open until ``expires_at``."""

    expires_at: datetime
    links: list[Link]


async def make_links(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/calls/{id}/links``: links to the ``blobs`` named, or to all of the call's audio.

    Raises Problem: 404 for a call that is not there, 400 for a blob that is not its.
    """
    call = web.call_connection_id(request)
    fields = web.Fields(web.json_object(request))
    wanted = fields.texts("blobs", MOST)
    await store.find(clients.storage, call)
    there = await _audio_of(clients.storage, call)
    if wanted is None:
        wanted = there
        if len(wanted) > MOST:
            fields.fault("blobs", f"is required: the call has {len(wanted)}, more than {MOST}")
    # A blob is found in the listing of its call or not at all: its name is never taken on trust.
    for blob in sorted(set(wanted) - set(there)):
        fields.fault("blobs", f"{blob[:256]!r} is no audio of this call")
    fields.done()
    lives = timedelta(seconds=clients.settings.link_seconds)
    expires_at = datetime.now(UTC).replace(microsecond=0) + lives
    urls = await sign(clients.storage.service, wanted, expires_at)
    links = [Link(blob, url) for blob, url in zip(wanted, urls, strict=True)]
    _log.info("call %s: %d links to audio, until %s", call, len(links), expires_at.isoformat())
    return web.document(Links(expires_at, links), headers=_NOT_CACHED)


async def sign(
    service: BlobServiceClient, blob_paths: Iterable[str], expires_at: datetime
) -> list[str]:
    """Read-only links to blobs (``container/name``) that open until then. Raises AzureError."""
    signed_by: dict[str, Any]
    account_key = getattr(service.credential, "account_key", None)
    if account_key is not None:
        signed_by = {"account_key": account_key}
    else:
        # Begun a little ago, for a clock that is a little ahead of the storage's.
        begun = datetime.now(UTC) - _CLOCKS_DIFFER
        key = await service.get_user_delegation_key(begun, expires_at)
        signed_by = {"user_delegation_key": key, "protocol": "https"}
    urls = []
    for blob in blob_paths:
        container, _, name = blob.partition("/")
        signature = generate_blob_sas(
            str(service.account_name),
            container,
            name,
            permission=BlobSasPermissions(read=True),
            expiry=expires_at,
            **signed_by,
        )
        urls.append(f"{service.get_blob_client(container, name).url}?{signature}")
    return urls


async def _audio_of(storage: Storage, call: str) -> list[str]:
    return [
        f"{container}/{name}"
        for container in _AUDIO
        for name in await storage.blob_names(container, f"{call}/")
    ]
