"""Whether a callback event belongs to the call whose record it would change. Pure.

ACS's bearer token proves who sent an event but, as far as is documented, not for which call. So
every event is compared with the ids that ACS returned when the call was placed. The correlation
id is meant "for event to call correlation"; the server call id names the conversation that the call
connection is part of.
"""

from __future__ import annotations

from acs.events import CallbackEvent
from acs.identifiers import call_of_source, same_conversation
from calls.records.derive import MOVES, derive_state
from calls.records.model import CallRecord


def mismatched_id(record: CallRecord, event: CallbackEvent) -> str | None:
    """Return which id of an event is not its call's.

    Returns:
        ``source`` (the event names two calls), ``correlation_id``, ``server_call_id``,
        ``no_correlation_id`` (of a call whose origin is not known yet: it could never be compared),
        ``no_ids`` (knowing a call connection id proves nothing: it is part of many URLs), or None
        if everything matches.
    """
    data = event.data
    for path in (event.source, event.subject or ""):
        if call_of_source(path) not in (None, data.call_connection_id):
            return "source"
    if data.correlation_id is None:
        if not record.origin_known:
            return "no_correlation_id"
        if data.server_call_id is None:
            return "no_ids"
    elif record.correlation_id not in (None, data.correlation_id):
        return "correlation_id"
    if record.server_call_id is None or data.server_call_id is None:
        return None
    if same_conversation(record.server_call_id, data.server_call_id):
        return None
    same_correlation = data.correlation_id is not None and record.correlation_id is not None
    moved = event.name in MOVES or any(earlier.type in MOVES for earlier in record.events)
    return None if same_correlation and moved else "server_call_id"


def names_call(record: CallRecord, event: CallbackEvent) -> bool:
    """Return whether an event has an id that only ACS and the app know of the call.

    That is one of those that ACS returned when the call was placed or answered.
    """
    if not record.origin_known:
        return False
    data = event.data
    if record.correlation_id is not None and record.correlation_id == data.correlation_id:
        return True
    if record.server_call_id is None or data.server_call_id is None:
        return False
    return same_conversation(record.server_call_id, data.server_call_id)


def set_origin(
    record: CallRecord,
    server_call_id: str | None,
    correlation_id: str | None,
    *,
    keep_mismatched: bool = False,
) -> int:
    """Give the record the ids that ACS returned when the call was placed or answered.

    Events may have arrived earlier. Those with other ids are removed, unless ``keep_mismatched``.

    Returns:
        How many events have other ids.
    """
    is_mismatch = not record.origin_known and (
        (correlation_id and record.correlation_id not in (None, correlation_id))
        or (
            server_call_id
            and record.server_call_id is not None
            and not same_conversation(record.server_call_id, server_call_id)
        )
    )
    count = len(record.events) if is_mismatch else 0
    if is_mismatch and not keep_mismatched:
        # Remove their ids, too: ACS's response may lack one, and would not overwrite it.
        record.events, record.participants = [], []
        record.server_call_id = record.correlation_id = None
    record.origin_known = True
    record.server_call_id = server_call_id or record.server_call_id
    record.correlation_id = correlation_id or record.correlation_id
    derive_state(record)
    return count
