"""Transcribing calls from a queue of their own, so that no call's audio waits for a transcript.

The functions that assemble calls send a message for each. The host runs a message again while it
fails, and finally moves it to the poison queue: the transcript has then failed, until somebody asks
for a retry. A lost message is sent again by the reconciler.

A message may come twice or late without harm: the transcript is claimed by a message's id, and only
that message may go on with an interrupted run.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from calls.clients import Clients, get_clients
from calls.errors import CallNotFound
from calls.locales import parse_setting, without_auto
from calls.pipeline.searchable import remove_words, store_words
from calls.records.milestones import add_transcript
from calls.records.model import CallRecord
from calls.records.store import change_record, read_record
from calls.results import assembly
from calls.retention.late_arrivals import removing_late_arrivals
from calls.transcripts import job
from calls.transcripts.engines import get_engine
from calls.transcripts.messages import (
    Send,
    TranscriptionMessage,
    decode_message,
    request_transcript,
)
from calls.transcripts.model import Transcript
from event_log import log_event

_log = logging.getLogger(__name__)


async def request_if_due(clients: Clients, call: str, send: Send) -> None:
    """Ask for the transcript of an assembled call if it is due: no run is making it.

    Raises AzureError.
    """
    result = await assembly.read_result(clients.storage, call)
    if result is None:
        return
    transcript = await job.read_transcript(clients.storage, call)
    if job.is_due(transcript, result.layout_digest, datetime.now(UTC)):
        request_transcript(clients, call, send)
    elif transcript is not None:
        await _note_outcome(clients, transcript)


async def is_settled(clients: Clients, call: str) -> bool:
    """Return whether nothing more happens to a call's transcript by itself. Raises AzureError."""
    result = await assembly.read_result(clients.storage, call)
    if result is None or clients.settings.transcription == "off":
        return True
    transcript = await job.read_transcript(clients.storage, call)
    return (
        transcript is not None
        and transcript.layout_digest == result.layout_digest
        and transcript.state != "pending"
    )


async def on_message(body: bytes, send: Send) -> None:
    """Transcribe a call as far as the time of one run allows; send a message for the rest.

    Raises TranscriptionFailed, ValueError, AzureError: the host runs the message again later.
    """
    clients, message = get_clients(), decode_message(body)
    async with removing_late_arrivals(clients.storage, message.call_connection_id):
        await transcribe(clients, message, send)


async def on_poison_message(body: bytes) -> None:
    """Mark the transcript of a message that has failed every time. Raises AzureError."""
    try:
        message = decode_message(body)
    except ValueError as error:
        # Raised again and again, it would come back every ten minutes for a week.
        log_event(_log, logging.ERROR, "transcription_message_malformed", error=error)
        return
    clients = get_clients()
    async with removing_late_arrivals(clients.storage, message.call_connection_id):
        await fail(clients, message)


async def transcribe(clients: Clients, message: TranscriptionMessage, send: Send) -> None:
    """Transcribe a message's call; see ``on_message``."""
    storage, call = clients.storage, message.call_connection_id
    engine = get_engine(clients)
    if engine is None:
        _log_dropped(call, "transcription_off")
        return
    result = await assembly.read_result(storage, call)
    if result is not None:
        existing = await job.read_transcript(storage, call)
        if not job.is_due(existing, result.layout_digest, datetime.now(UTC), message.id):
            # Another message's run has made it, or is making it.
            log_event(_log, logging.INFO, "transcription_skipped", call=call)
            if existing is not None:
                # The run that has made it may have ended just then.
                await _note_outcome(clients, existing)
            return
    layout = await assembly.read_layout(storage, result) if result else None
    if result is None or layout is None:
        # The call is assembled again if anything has landed since; another message then follows.
        _log_dropped(call, "result_outdated")
        return
    transcript = await job.transcribe_call(
        storage,
        engine,
        result,
        layout,
        locales=without_auto(await _read_locales(clients, call)),
        claim_id=message.id,
        retry_seconds=clients.settings.transcription_retry_seconds,
    )
    if transcript is None:
        return
    if transcript.state == "pending":
        request_transcript(clients, call, send)
    await _note_outcome(clients, transcript)


def _log_dropped(call: str, reason: str) -> None:
    log_event(_log, logging.WARNING, "transcription_dropped", call=call, reason=reason)


async def _read_locales(clients: Clients, call: str) -> list[str]:
    """Return the locales of a call's record, or those of the setting."""
    try:
        locales = (await read_record(clients.storage, call)).locales
    except CallNotFound:
        locales = None
    return locales or parse_setting(clients.settings.transcription_locale)


async def fail(clients: Clients, message: TranscriptionMessage) -> None:
    """Mark a message's transcript as failed, unless another run is making it. Raises AzureError."""
    call = message.call_connection_id
    result = await assembly.read_result(clients.storage, call)
    if result is None:
        log_event(_log, logging.ERROR, "transcription_dropped", call=call, reason="no_result")
        return
    provider = clients.settings.transcription
    await job.mark_failed(clients.storage, result, provider=provider, claim_id=message.id)
    transcript = await job.read_transcript(clients.storage, call)
    if transcript is not None:
        await _note_outcome(clients, transcript)


async def _note_outcome(clients: Clients, transcript: Transcript) -> None:
    """Note in a call's record that its transcript is complete, or has failed, if it has.

    A complete one can be searched from then on. Raises Contended, AzureError.
    """
    state, call = transcript.state, transcript.call_connection_id
    if state not in ("complete", "failed"):
        return
    digest: str | None = None

    def apply(record: CallRecord) -> bool:
        is_new = add_transcript(record, state, transcript.layout_digest, datetime.now(UTC))
        is_changed = record.transcript_digest != digest
        record.transcript_digest = digest
        return is_new or is_changed

    try:
        digest = await store_words(clients, transcript)
        await change_record(clients.storage, call, apply)
    except CallNotFound:
        # A call that this app did not place has no record; another one was just deleted.
        await remove_words(clients, call)
