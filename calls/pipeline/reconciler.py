"""The reconciler: finds and does the work whose events were lost.

Event Grid delivers at least once, but events can still be lost: the host answers 202 even to a
webhook with a wrong function name. So every few minutes, the newest calls are checked for segments
without an analysis, for a missing or outdated result, and for an end that no event reported.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError

from acs import events
from acs.events import CallbackEvent, EventData, ResultInformation
from calls import blobs
from calls.clients import Clients, get_clients
from calls.pipeline import storage_events, transcription
from calls.records import result_state
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.records.result_state import update_result_state
from calls.records.store import change_record, read_record
from calls.results import assembly, failures
from calls.storage import Properties
from contract import names
from event_log import log_event

_MAX_SEGMENTS = 200
"""The most segments of one call that a run analyses; the next run continues."""

_log = logging.getLogger(__name__)


async def reconcile_calls() -> list[str]:
    """Reconcile the newest calls. A failure in one call does not stop the others.

    Returns:
        The messages that ask for the transcripts that are due.
    """
    now = datetime.now(UTC)
    messages: list[str] = []
    for call in await list_recent_calls(get_clients(), now):
        try:
            await reconcile_call(get_clients(), call, now, messages.append)
        except AzureError:
            raise
        except Exception:  # noqa: BLE001  # logged; the other calls go on
            log_event(_log, logging.ERROR, "reconcile_failed", call=call, exc_info=True)
    return messages


async def list_recent_calls(clients: Clients, now: datetime) -> list[str]:
    """List the calls of the last RECONCILE_HOURS, newest first. Raises AzureError."""
    since = now - timedelta(hours=clients.settings.reconcile_hours)
    last = blobs.index_blob(since, "")
    index_blobs = await clients.storage.blob_names_until(blobs.INDEX, last)
    return list(dict.fromkeys(map(blobs.call_of_index_blob, index_blobs)))


async def reconcile_call(
    clients: Clients, call: str, now: datetime, send: transcription.Send
) -> None:
    """Do the outstanding work of one call, and ask for its transcript if that is due.

    Raises CallNotFound, Contended, AzureError.
    """
    record = await read_record(clients.storage, call)
    if record.finalized:
        return
    quiet_since = now - timedelta(seconds=clients.settings.partial_after_seconds)
    if not record.has_ended and _last_event_time(record) <= quiet_since:
        record = await _end_if_unknown_to_acs(clients, record, now)
    landed = await clients.storage.listing(names.SEGMENTS, f"{call}/")
    await _analyse_overlooked(clients, call, landed, now)

    quiet = _last_event_time(record) <= quiet_since and all(
        properties.last_modified <= quiet_since for properties in landed.values()
    )
    if await _needs_assembly(clients, call, landed):
        await storage_events.assemble_call(clients, call, partial=quiet)
    record = await update_result_state(
        clients.storage, call, now, clients.settings.partial_after_seconds
    )
    await transcription.request_if_due(clients, call, send)
    if (
        record.has_ended
        and quiet
        and not await _needs_assembly(clients, call, landed)
        and await transcription.is_settled(clients, call)
    ):
        await change_record(clients.storage, call, _finalize)


def _finalize(record: CallRecord) -> bool:
    if record.finalized:
        return False
    record.finalized = True
    return True


def _last_event_time(record: CallRecord) -> datetime:
    return max([record.created_at, *(event.time for event in record.events)])


async def _end_if_unknown_to_acs(clients: Clients, record: CallRecord, now: datetime) -> CallRecord:
    """End a call that ACS no longer knows: its last event was lost."""
    call = record.call_connection_id
    try:
        await clients.call_automation.get_call_connection(call).get_call_properties()
        return record
    except AzureError as error:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        if status != HTTPStatus.NOT_FOUND:
            log_event(
                _log,
                logging.WARNING,
                "call_state_unavailable",
                call=call,
                status=status,
                error=type(error).__name__,
            )
            return record
    log_event(_log, logging.WARNING, "call_end_event_missing", call=call)
    result = ResultInformation(message="ended by the reconciler: ACS no longer knows the call")
    event = CallbackEvent(
        id=f"reconciler-{call}",
        type=events.CALL_DISCONNECTED,
        time=now,
        data=EventData(call_connection_id=call, result_information=result),
    )
    return await change_record(clients.storage, call, lambda record: add_event(record, event))


async def _analyse_overlooked(
    clients: Clients, call: str, landed: dict[str, Properties], now: datetime
) -> None:
    """Analyse the segments whose events were lost."""
    landed_before = now - timedelta(seconds=clients.settings.reconcile_after_seconds)
    result_blobs = set(await clients.storage.blob_names(blobs.RESULTS, f"{call}/"))
    result_blobs |= await failures.failed_analysis_blobs(clients.storage, call)
    overlooked_blobs = [
        blob
        for blob, properties in landed.items()
        if properties.last_modified <= landed_before
        and blobs.analysis_blob(names.parse_segment(blob)) not in result_blobs
    ]
    for blob in overlooked_blobs[:_MAX_SEGMENTS]:
        log_event(_log, logging.WARNING, "segment_overlooked", call=call, segment=blob)
        await storage_events.try_once_more(clients, names.SEGMENTS, blob)


async def _needs_assembly(clients: Clients, call: str, landed: Iterable[str]) -> bool:
    """Whether the call's result lacks some of its streams."""
    manifests = await clients.storage.blob_names(names.MANIFESTS, f"{call}/")
    with_audio = {names.parse_segment(blob).stream_id for blob in landed}
    with_manifest = {names.parse_manifest(blob).stream_id for blob in manifests}
    if not with_audio and not with_manifest:
        return False
    result = await assembly.read_result(clients.storage, call)
    if result is None:
        return True
    is_complete = {
        stream.stream_id: stream.ended_by != result_state.ENDED_BY_UNKNOWN
        for stream in result.streams
    }
    return not with_audio <= is_complete.keys() or not all(map(is_complete.get, with_manifest))
