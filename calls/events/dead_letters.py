"""Dead letters: deliveries that have failed for good, listed and sent again on request.

One that is about a call is deleted with it. One which says that a call was deleted is kept for
KEEP_DAYS: it may have the call's own URL. The index of expiries says when to look at it.
An endpoint that has answered 410 gets nothing more until one of its dead letters is sent again.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from azure.core.exceptions import HttpResponseError

from acs.identifiers import is_call_connection_id
from calls import blobs
from calls.clients import Clients
from calls.errors import DeliveryNotFound, InvalidCursor
from calls.events.cloud_events import CloudEvent
from calls.events.messages import DeliveryMessage, send_delivery
from calls.listings import read_own
from calls.records.expiries import add_expiry
from calls.settings import Settings
from calls.storage import Storage
from calls.webhook_settings import CALL, parse_webhooks

SCHEMA = 1
KEEP_DAYS = 30
_KEEP = timedelta(days=KEEP_DAYS)
_DIGEST = re.compile("[0-9a-f]{16}")


class DeadLetter(msgspec.Struct, kw_only=True, frozen=True):
    """One delivery that failed. ``url`` is that of the endpoint ``call``."""

    schema: int = SCHEMA
    id: str
    call_connection_id: str
    endpoint: str
    url: str | None
    event: CloudEvent
    attempts: int
    first_at: datetime
    failed_at: datetime
    error: str


class LetterPage(NamedTuple):
    """Dead letters, and where the next page begins (None at the end)."""

    letters: list[DeadLetter]
    cursor: str | None


async def write_letter(
    storage: Storage, message: DeliveryMessage, error: str, now: datetime
) -> DeadLetter:
    """Write the dead letter of a delivery; it replaces an earlier one. Raises AzureError."""
    letter = DeadLetter(
        id=message.id,
        call_connection_id=message.call_connection_id,
        endpoint=message.endpoint,
        url=message.url,
        event=message.event,
        attempts=message.attempts,
        first_at=message.first_at,
        failed_at=now,
        error=error,
    )
    if _is_of_deleted_call(letter):
        # First, so that no letter is forgotten.
        await add_expiry(storage, letter.call_connection_id, now + _KEEP)
    await storage.put(blobs.DELIVERIES, _blob(letter), msgspec.json.encode(letter))
    return letter


async def delete_letter(storage: Storage, letter: DeadLetter) -> None:
    """Delete a dead letter. Raises AzureError."""
    await storage.delete(blobs.DELIVERIES, _blob(letter))


async def delete_expired_letters(storage: Storage, call: str, now: datetime) -> None:
    """Delete the dead letters of a deleted call that are older than KEEP_DAYS. Raises AzureError.

    A letter that has failed again since has an entry in the index of expiries for a later day.
    """
    names = await storage.blob_names(blobs.DELIVERIES, blobs.deleted_call_deliveries_prefix(call))
    for letter in await read_own(storage, blobs.DELIVERIES, names, _decode):
        if letter.failed_at <= now - _KEEP:
            await delete_letter(storage, letter)


async def list_letters(storage: Storage, limit: int, cursor: str | None) -> LetterPage:
    """List dead letters by their calls. Raises InvalidCursor, AzureError."""
    try:
        page = await storage.page(blobs.DELIVERIES, limit, cursor)
    except HttpResponseError as error:
        if cursor is None:
            raise
        raise InvalidCursor from error
    letters = await read_own(storage, blobs.DELIVERIES, page.names, _decode)
    return LetterPage(letters, page.cursor)


async def retry_letter(clients: Clients, id_: str, now: datetime) -> DeadLetter:
    """Send a dead letter again, with all its attempts. Raises DeliveryNotFound, AzureError."""
    storage = clients.storage
    letter = await _read_letter(storage, id_)
    message = DeliveryMessage(
        call_connection_id=letter.call_connection_id,
        endpoint=letter.endpoint,
        url=letter.url,
        event=letter.event,
        first_at=now,
    )
    url = endpoint_url(clients.settings, message)
    if url is not None:
        await storage.delete(blobs.EVENTS, _gone_blob(url))
    await send_delivery(clients, message)
    await delete_letter(storage, letter)
    return letter


def endpoint_url(settings: Settings, message: DeliveryMessage) -> str | None:
    """Return where a delivery goes; None if the settings no longer say so, or for the topic."""
    if message.endpoint != CALL:
        webhooks = parse_webhooks(settings.webhooks, settings.webhook_addresses)
        return webhooks.get(message.endpoint)
    is_permitted = message.url is not None and settings.permits_webhook(message.url)
    return message.url if is_permitted else None


async def mark_gone(storage: Storage, url: str) -> None:
    """Note that an endpoint wants no further events. Raises AzureError."""
    await storage.put(blobs.EVENTS, _gone_blob(url), b"{}")


async def is_gone(storage: Storage, url: str) -> bool:
    """Return whether an endpoint wants no further events. Raises AzureError."""
    return await storage.properties(blobs.EVENTS, _gone_blob(url)) is not None


async def _read_letter(storage: Storage, id_: str) -> DeadLetter:
    call, _, digest = id_.rpartition(".")
    if is_call_connection_id(call) and _DIGEST.fullmatch(digest):
        for blob in (blobs.delivery_blob(id_), blobs.deleted_call_delivery_blob(id_)):
            document = await storage.read(blobs.DELIVERIES, blob)
            letter = _decode(blob, document.content) if document else None
            if letter is not None:
                return letter
    raise DeliveryNotFound(id_)


def _is_of_deleted_call(letter: DeadLetter) -> bool:
    return letter.event.type == "call.deleted"


def _blob(letter: DeadLetter) -> str:
    if _is_of_deleted_call(letter):
        return blobs.deleted_call_delivery_blob(letter.id)
    return blobs.delivery_blob(letter.id)


def _decode(blob: str, content: bytes) -> DeadLetter | None:
    """Decode a dead letter; None for a blob that is not the app's."""
    try:
        letter = msgspec.json.decode(content, type=DeadLetter)
    except ValueError:
        return None
    return letter if blob == _blob(letter) else None


def _gone_blob(url: str) -> str:
    return blobs.gone_endpoint_blob(hashlib.sha256(url.encode()).hexdigest()[:32])
