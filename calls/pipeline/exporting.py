"""Building exports from a queue of their own.

A message may come twice or late without harm: what is built is what the call's order says, and an
order that is not there any longer is not built.
"""

from __future__ import annotations

import logging

from calls.clients import get_clients
from calls.results.export_messages import decode_message
from calls.results.exports import build_export, fail_export
from calls.retention.late_arrivals import removing_late_arrivals
from event_log import log_event

_log = logging.getLogger(__name__)


async def on_message(body: bytes) -> None:
    """Build an export. Raises ValueError, AzureError: the host runs the message again later."""
    message, storage = decode_message(body), get_clients().storage
    call = message.call_connection_id
    async with removing_late_arrivals(storage, call):
        if not await build_export(storage, call, message.source):
            log_event(_log, logging.INFO, "export_skipped", call=call)


async def on_poison_message(body: bytes) -> None:
    """Note that an export has failed every time. Raises AzureError."""
    try:
        message = decode_message(body)
    except ValueError as error:
        # Raised again and again, it would come back every ten minutes for a week.
        log_event(_log, logging.ERROR, "export_message_malformed", error=error)
        return
    storage, call = get_clients().storage, message.call_connection_id
    log_event(_log, logging.ERROR, "export_failed", call=call)
    async with removing_late_arrivals(storage, call):
        await fail_export(storage, call, message.source)
