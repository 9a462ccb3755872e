"""The reconciler: finds what events that never came have left undone, and does it.

Event Grid delivers at least once, and yet not always: a webhook that names a wrong function answers
202, and the event is lost. So each few minutes the newest calls are looked through: segments
without an analysis, calls that were never put together, and calls that ACS knows no more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError

from acs import events
from acs.events import CallbackEvent, EventData, ResultInformation
from calls import assembly, blobs, failures, results, store, transcription, triggers
from calls.clients import Clients, clients
from calls.records import CallRecord, add_event
from calls.storage import Properties
from contract import names

_TRANSCRIBING_SECONDS = 120.0
"""After this a run makes no more transcripts, so that every call's audio has its turn."""
_MOST_SEGMENTS = 200
"""A run has a function's time: the next goes on."""

_log = logging.getLogger(__name__)


async def run() -> None:
    """Look through the newest calls. What fails in one does not keep the others."""
    now = datetime.now(UTC)
    begun = time.monotonic()
    for call in await newest(clients(), now):
        try:
            transcribe = time.monotonic() - begun < _TRANSCRIBING_SECONDS
            await mend(clients(), call, now, transcribe=transcribe)
        except AzureError:
            raise
        except Exception:
            _log.exception("call %s could not be mended", call)


async def newest(clients: Clients, now: datetime) -> list[str]:
    """The calls since RECONCILE_HOURS ago, newest first."""
    since = now - timedelta(hours=clients.settings.reconcile_hours)
    before = blobs.index_blob(since, "")
    index_blobs = await clients.storage.blob_names_until(blobs.INDEX, before)
    return list(dict.fromkeys(map(blobs.call_of_index_blob, index_blobs)))


async def mend(clients: Clients, call: str, now: datetime, *, transcribe: bool = True) -> None:
    """Do what is left undone of one call, its transcript too if asked. Raises AzureError."""
    record = await store.find(clients.storage, call)
    if record.settled:
        return
    quiet_since = now - timedelta(seconds=clients.settings.partial_after_seconds)
    if not record.is_over and _last_news(record) <= quiet_since:
        record = await _end_if_gone(clients, record, now)
    landed = await clients.storage.listing(names.SEGMENTS, f"{call}/")
    await _analyse_forgotten(clients, call, landed, now)

    quiet = _last_news(record) <= quiet_since and all(
        found.last_modified <= quiet_since for found in landed.values()
    )
    if await _is_to_be_put_together(clients, call, landed):
        await triggers.put_together(clients, call, partial=quiet, transcribe=transcribe)
    if record.is_over and quiet and not await _is_to_be_put_together(clients, call, landed):
        await store.change(clients.storage, call, _settle)


def _settle(record: CallRecord) -> bool:
    changed = not record.settled
    record.settled = True
    return changed


def _last_news(record: CallRecord) -> datetime:
    return max([record.created_at, *(event.time for event in record.events)])


async def _end_if_gone(clients: Clients, record: CallRecord, now: datetime) -> CallRecord:
    """End a call that ACS knows no more: the event of its end never came."""
    call = record.call_connection_id
    try:
        await clients.call_automation.get_call_connection(call).get_call_properties()
        return record
    except HttpResponseError as error:
        if error.status_code != HTTPStatus.NOT_FOUND:
            _log.warning("ACS does not tell of call %s: %s", call, error.status_code)
            return record
    except AzureError as error:
        _log.warning("ACS does not tell of call %s: %s", call, type(error).__name__)
        return record
    _log.warning("call %s is over, and no event told of it", call)
    word = ResultInformation(message="found by the reconciler: ACS knows the call no more")
    ended = CallbackEvent(
        id=f"reconciler-{call}",
        type=events.CALL_DISCONNECTED,
        time=now,
        data=EventData(call_connection_id=call, result_information=word),
    )
    return await store.change(clients.storage, call, lambda found: add_event(found, ended))


async def _analyse_forgotten(
    clients: Clients, call: str, landed: dict[str, Properties], now: datetime
) -> None:
    """Analyse the segments whose events were lost."""
    waited = now - timedelta(seconds=clients.settings.reconcile_after_seconds)
    there = set(await clients.storage.blob_names(blobs.RESULTS, f"{call}/"))
    there |= await failures.result_blobs(clients.storage, call)
    forgotten = [
        blob
        for blob, found in landed.items()
        if found.last_modified <= waited
        and blobs.analysis_blob(names.parse_segment(blob)) not in there
    ]
    for blob in forgotten[:_MOST_SEGMENTS]:
        _log.warning("segment %s was forgotten", blob)
        await triggers.try_once_more(clients, names.SEGMENTS, blob)


async def _is_to_be_put_together(clients: Clients, call: str, landed: Iterable[str]) -> bool:
    """Whether the call's result, or its transcript, is not yet that of all its streams."""
    manifests = await clients.storage.blob_names(names.MANIFESTS, f"{call}/")
    with_audio = {names.parse_segment(blob).stream_id for blob in landed}
    ended = {names.parse_manifest(blob).stream_id for blob in manifests}
    if not with_audio and not ended:
        return False
    result = await assembly.find(clients.storage, call)
    if result is None:
        return True
    shown = {
        stream.stream_id: stream.ended_by != results.ENDED_BY_UNKNOWN for stream in result.streams
    }
    if not with_audio <= shown.keys() or not all(shown.get(stream) for stream in ended):
        return True
    if clients.transcriber is None:
        return False
    found = await transcription.find(clients.storage, result)
    return transcription.is_due(found, result.layout, datetime.now(UTC))
