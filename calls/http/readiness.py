"""Whether a call's result may be shown: it is final, or the request asks for a partial one."""

from __future__ import annotations

from datetime import UTC, datetime

import azure.functions as func

from calls.clients import Clients
from calls.errors import CallDeleted, CallNotFound, ResultNotReady
from calls.http import requests
from calls.records.model import CallRecord, ResultState
from calls.records.result_state import may_settle, update_result_state
from calls.records.store import read_record
from calls.results.assembly import read_result
from calls.results.call_result import CallResult

ALLOW_PARTIAL = "allow_partial"
"""The query parameter that asks for what has been assembled so far."""

_EXPLANATIONS: dict[ResultState, str] = {
    "recording": "the call has not ended, and more audio may come",
    "processing": "the call has ended, and its result is being made",
    "partial": "the result lacks audio that may never come",
    "none": "the call left no audio",
}


async def read_ready_result(
    clients: Clients, request: func.HttpRequest
) -> tuple[CallResult, ResultState]:
    """Read a call's result, if it is final or if ``?allow_partial=true`` asks for what there is.

    Returns:
        The result, and how far it is.

    Raises Problem (400), CallNotFound, ResultNotReady, Contended, AzureError.
    """
    call = requests.call_connection_id(request)
    allow_partial = requests.take_flag(request, ALLOW_PARTIAL)
    return await _read_result(clients, call, allow_partial=allow_partial)


async def read_any_result(clients: Clients, call: str) -> tuple[CallResult, ResultState]:
    """Read a call's result, final or not, and how far it is.

    Raises CallNotFound, ResultNotReady, Contended, AzureError.
    """
    return await _read_result(clients, call, allow_partial=True)


async def _read_result(
    clients: Clients, call: str, *, allow_partial: bool
) -> tuple[CallResult, ResultState]:
    state: ResultState
    try:
        record = await read_current_record(clients, call)
        state, reason = record.result_state, record.result_reason
        result = await read_result(clients.storage, call)
    except CallDeleted:
        raise
    except CallNotFound:
        # Perhaps a stream of a call that this app did not place: its end is not known.
        result = await read_result(clients.storage, call)
        if result is None:
            raise
        lacks_audio = result.summary.partial or result.summary.missing_segments
        state, reason = "partial" if lacks_audio else "final", None
    if result is not None and (state == "final" or allow_partial):
        return result, state
    explanation = _EXPLANATIONS.get(state, "its result was deleted")
    if reason:
        explanation += f" ({reason})"
    if result is not None:
        explanation += f"; {ALLOW_PARTIAL}=true shows what there is"
    raise ResultNotReady(call, state, explanation)


async def read_current_record(clients: Clients, call: str) -> CallRecord:
    """Read a call's record. Its result state is updated, if time alone may have changed it.

    Raises CallNotFound, Contended, AzureError.
    """
    record = await read_record(clients.storage, call)
    now = datetime.now(UTC)
    if may_settle(record, now):
        seconds = clients.settings.partial_after_seconds
        update = await update_result_state(clients.storage, call, now, seconds, known=record)
        return update.record
    return record
