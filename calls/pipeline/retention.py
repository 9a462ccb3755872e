"""Running deletions, and deleting what has expired, without a request."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial

from calls.clients import Clients, get_clients
from calls.pipeline import expiry
from calls.pipeline.searchable import remove_words
from calls.retention.deletions import list_unfinished
from calls.retention.messages import Send, decode_message, request_run
from calls.retention.run import Clock, run_deletion
from event_log import log_event

_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def on_message(body: bytes, send: Send) -> None:
    """Run a deletion; send a message for the rest. Raises Contended, AzureError."""
    try:
        message = decode_message(body)
    except ValueError as error:
        log_event(_log, logging.ERROR, "deletion_message_malformed", error=error)
        return
    if await _run(get_clients(), message.deletion, _utc_now):
        request_run(message.deletion, send)


async def _run(clients: Clients, id_: str, clock: Clock) -> bool:
    return await run_deletion(
        clients.storage,
        id_,
        clock,
        soft_delete_days=clients.settings.soft_delete_days,
        remove_words=partial(remove_words, clients),
    )


def on_poison_message(body: bytes) -> None:
    """Log that a message has failed every time. ``enforce_retention`` goes on with its deletion."""
    try:
        deletion = decode_message(body).deletion
    except ValueError:
        deletion = "-"
    log_event(_log, logging.ERROR, "deletion_message_failed", deletion=deletion)


async def enforce_retention() -> None:
    """Delete what has expired, and go on with all deletions. Raises AzureError."""
    clients = get_clients()
    await expiry.visit_expiries(clients, _utc_now)
    await run_unfinished(clients, _utc_now)


async def run_unfinished(clients: Clients, clock: Clock) -> None:
    """Run the deletions that are not completed, each once. A failure does not stop the others.

    Raises AzureError: they could not be listed.
    """
    deadline = clock() + expiry.RUN_TIME
    for id_ in await list_unfinished(clients.storage):
        if clock() >= deadline:
            return
        try:
            await _run(clients, id_, clock)
        except Exception:  # noqa: BLE001  # logged; the other deletions go on
            log_event(_log, logging.ERROR, "deletion_failed", deletion=id_, exc_info=True)
