"""Whether a callback event is of the call whose record it would change. Pure.

ACS's bearer token says who sends, and, as far as any document tells, not for which call. So every
event is held against the ids that ACS gave the call when it was placed. The correlation id is what
ACS has "for event to call correlation"; the server call id names the conversation that the call
connection is in.
"""

from __future__ import annotations

from acs.events import CallbackEvent
from acs.identifiers import call_of_source, same_conversation
from calls.records import CallRecord, work_out

_MOVES = frozenset({"CallTransferAccepted", "MoveParticipantSucceeded"})
"""Events after which a call connection may be in another conversation."""


def contradiction(record: CallRecord, event: CallbackEvent) -> str | None:
    """Which id of the event is not its call's, or None.

    One of ``source`` (the event names two calls), ``correlation_id``, ``server_call_id``,
    ``no_correlation_id`` (of a call not placed yet: it could never be held against its call) and
    ``no_ids`` (who sends it need not know the call: its call connection id is in every URL).
    """
    data = event.data
    for named in (event.source, event.subject or ""):
        if call_of_source(named) not in (None, data.call_connection_id):
            return "source"
    if data.correlation_id is None:
        if not record.placed:
            return "no_correlation_id"
        if data.server_call_id is None:
            return "no_ids"
    elif record.correlation_id not in (None, data.correlation_id):
        return "correlation_id"
    if record.server_call_id is None or data.server_call_id is None:
        return None
    if same_conversation(record.server_call_id, data.server_call_id):
        return None
    vouched = data.correlation_id is not None and record.correlation_id is not None
    moved = event.name in _MOVES or any(known.type in _MOVES for known in record.events)
    return None if vouched and moved else "server_call_id"


def place(
    record: CallRecord,
    server_call_id: str | None,
    correlation_id: str | None,
    *,
    keep_others: bool = False,
) -> int:
    """Give the record the ids that ACS answered the placing with.

    Events may have come before; those that are not of these ids go, unless ``keep_others``.
    Returns how many are not of them.
    """
    others = not record.placed and (
        (correlation_id and record.correlation_id not in (None, correlation_id))
        or (
            server_call_id
            and record.server_call_id is not None
            and not same_conversation(record.server_call_id, server_call_id)
        )
    )
    count = len(record.events) if others else 0
    if others and not keep_others:
        # Whatever they told, their ids too: the answer may leave one out.
        record.events, record.participants = [], []
        record.server_call_id = record.correlation_id = None
    record.placed = True
    record.server_call_id = server_call_id or record.server_call_id
    record.correlation_id = correlation_id or record.correlation_id
    work_out(record)
    return count
