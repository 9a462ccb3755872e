"""The reconciler: finds and does the work whose events were lost.

Event Grid delivers at least once, but events can still be lost: the host answers 202 even to a
webhook with a wrong function name. So every few minutes, the unsettled calls are checked for
segments without an analysis, for a missing or outdated result, for an end that no event reported,
and for deadlines whose message was lost. A call whose record is finalized is settled, and not
looked at again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError

from acs import events
from acs.events import CallbackEvent, EventData, ResultInformation
from calls import blobs
from calls.clients import Clients, get_clients
from calls.errors import AcsError, CallNotFound
from calls.listings import list_manifests, list_segments
from calls.pipeline import deadlines, fair_run, storage_events, transcription
from calls.records.derive import add_event
from calls.records.model import CallRecord
from calls.records.result_state import ENDED_BY_UNKNOWN, update_result_state
from calls.records.store import change_record, read_record
from calls.records.stored_streams import last_event_time
from calls.records.unsettled import (
    WITHOUT_RECORD,
    UnsettledCall,
    list_unsettled,
    read_position,
    remove_unsettled,
    write_position,
)
from calls.results import assembly, failures
from calls.results.coalescing import may_wait
from calls.retention.late_arrivals import delete_late_arrivals
from calls.storage import Properties
from calls.transcripts.messages import Send
from contract import names
from event_log import log_event

RUN_SECONDS = 200.0
"""After this time, a run begins with no further call; the next run goes on."""

CALL_SECONDS = 300.0
"""The longest time for one call. A function may run for ten minutes (``host.json``)."""

CALLS_AT_ONCE = 8

_MAX_SEGMENTS = 200
"""The most segments of one call that a run analyses; the next run continues."""

_log = logging.getLogger(__name__)


async def reconcile_calls() -> list[str]:
    """Reconcile the unsettled calls, as many as the time of a run allows.

    Returns:
        The messages that ask for the transcripts that are due.

    Raises AzureError: the calls could not be listed.
    """
    run = _Run(get_clients())
    await run.run()
    return run.messages


class _Run:
    """One run of the reconciler. A failure in one call does not stop the others."""

    def __init__(self, clients: Clients) -> None:
        self.messages: list[str] = []
        self._clients = clients
        self._settled = 0
        self._failed = 0

    async def run(self) -> None:
        """Reconcile the unsettled calls, from where the last run has ended. Raises AzureError."""
        storage, started = self._clients.storage, time.monotonic()
        entries = {entry.call_connection_id: entry for entry in await list_unsettled(storage)}
        turns = fair_run.in_turn(list(entries), await read_position(storage))
        visited = await fair_run.visit_in_turn(
            turns,
            lambda call: self._visit(entries[call]),
            self._save_position,
            seconds=RUN_SECONDS,
            at_once=CALLS_AT_ONCE,
        )
        log_event(
            _log,
            logging.INFO,
            "calls_reconciled",
            calls=visited,
            settled=self._settled,
            failed=self._failed,
            left=len(turns) - visited,
            ms=round((time.monotonic() - started) * 1000),
        )

    async def _visit(self, entry: UnsettledCall) -> None:
        storage, call, now = self._clients.storage, entry.call_connection_id, datetime.now(UTC)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                try:
                    is_settled = await reconcile_call(
                        self._clients, call, now, self.messages.append
                    )
                except CallNotFound:
                    is_settled = now - entry.written_at > WITHOUT_RECORD
                if await delete_late_arrivals(storage, call):
                    is_settled = True
                if is_settled:
                    await remove_unsettled(storage, entry)
                    self._settled += 1
        except Exception:  # noqa: BLE001  # logged; the other calls go on
            self._failed += 1
            log_event(_log, logging.ERROR, "reconcile_failed", call=call, exc_info=True)

    async def _save_position(self, call: str) -> None:
        try:
            await write_position(self._clients.storage, call)
        except AzureError as error:
            log_event(
                _log,
                logging.WARNING,
                "reconciler_position_not_saved",
                error=type(error).__name__,
            )


async def reconcile_call(clients: Clients, call: str, now: datetime, send: Send) -> bool:
    """Do the outstanding work of one call, and ask for its transcript if that is due.

    Returns:
        Whether nothing is left to do: the record is finalized.

    Raises CallNotFound, Contended, AzureError.
    """
    record = await read_record(clients.storage, call)
    if record.finalized:
        return True
    quiet_since = now - timedelta(seconds=clients.settings.partial_after_seconds)
    if not record.has_ended and last_event_time(record) <= quiet_since:
        record = await _end_if_unknown_to_acs(clients, record, now)
    with contextlib.suppress(AcsError):
        # Logged. The rest of the work does not need ACS.
        await deadlines.meet_deadlines(clients, record, now)
    landed = await list_segments(clients.storage, call)
    await _analyse_overlooked(clients, call, landed, now)

    quiet = last_event_time(record) <= quiet_since and all(
        properties.last_modified <= quiet_since for properties in landed.values()
    )
    if not may_wait(record, now) and await _needs_assembly(clients, call, landed):
        await storage_events.assemble_call(clients, call, partial=quiet)
        record = await read_record(clients.storage, call)
    update = await update_result_state(
        clients.storage, call, now, clients.settings.partial_after_seconds, known=record
    )
    record = update.record
    await transcription.request_if_due(clients, call, send)
    is_told = await _report_overlooked(clients, call)
    if (
        is_told
        and record.has_ended
        and quiet
        and record.result_state != "processing"
        and await transcription.is_settled(clients, call)
    ):
        await change_record(clients.storage, call, _finalize)
        return True
    return False


async def _report_overlooked(clients: Clients, call: str) -> bool:
    """Have others told of milestones whose message was lost; return whether there are none."""
    subscribers = clients.storage.subscribers
    if subscribers is None:
        return True
    record = await read_record(clients.storage, call)
    if record.milestones_sent >= len(record.milestones):
        return True
    await subscribers.report(call)
    return False


def _finalize(record: CallRecord) -> bool:
    if record.finalized:
        return False
    record.finalized = True
    return True


async def _end_if_unknown_to_acs(clients: Clients, record: CallRecord, now: datetime) -> CallRecord:
    """End a call that ACS no longer knows: its last event was lost."""
    call = record.call_connection_id
    try:
        # The next run tries again: while ACS is away, this one must get to the other calls.
        await clients.call_automation.get_call_connection(call).get_call_properties(retry_total=0)
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
    blobs_of_analyses = {
        blob: blobs.analysis_blob(names.parse_segment(blob))
        for blob, properties in landed.items()
        if properties.last_modified <= landed_before
    }
    if not blobs_of_analyses:
        return
    result_blobs = set(await clients.storage.blob_names(blobs.RESULTS, f"{call}/"))
    result_blobs |= await failures.failed_analysis_blobs(clients.storage, call)
    overlooked_blobs = [
        blob for blob, analysis in blobs_of_analyses.items() if analysis not in result_blobs
    ]
    for blob in overlooked_blobs[:_MAX_SEGMENTS]:
        log_event(_log, logging.WARNING, "segment_overlooked", call=call, segment=blob)
        await storage_events.try_once_more(clients, names.SEGMENTS, blob)


async def _needs_assembly(clients: Clients, call: str, landed: Collection[str]) -> bool:
    """Whether the call's result lacks some of its streams, or segments of an unfinished one."""
    with_manifest = await list_manifests(clients.storage, call)
    if not landed and not with_manifest:
        return False
    result = await assembly.read_result(clients.storage, call)
    if result is None:
        return True
    is_complete = {
        stream.stream_id: stream.ended_by != ENDED_BY_UNKNOWN for stream in result.streams
    }
    assembled = {segment.blob for stream in result.streams for segment in stream.segments}
    return not all(map(is_complete.get, with_manifest)) or any(
        f"{names.SEGMENTS}/{blob}" not in assembled
        for blob in landed
        if not is_complete.get(names.parse_segment(blob).stream_id)
    )
