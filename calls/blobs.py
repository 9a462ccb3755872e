"""Names of the containers and blobs that only the function app uses.

Those that it shares with the streamer are in ``contract/names.py``.
"""

from __future__ import annotations

import hashlib
from datetime import date

from acs.identifiers import is_call_connection_id
from calls.principals import Principal
from contract.names import CONTAINERS as SHARED_CONTAINERS
from contract.names import MalformedName, SegmentName

CALLS = "calls"
RESULTS = "results"
RECORDINGS = "recordings"
INDEX = "index"
"""The change log of the records, and the calls by day."""

UNSETTLED = "unsettled"
IDEMPOTENCY = "idempotency"
FAILURES = "failures"
RETENTION = "retention"
"""Holds, deletions and their receipts, and when each call expires."""

DEAD_LETTERS = "dead-letters"
"""Events that Event Grid could not deliver. It is there in Azure only, where Bicep creates it."""

AUDIT = "audit"

EVENTS = "events"
"""A log of each call's segments, for those who follow the call, and which endpoints are gone."""

DELIVERIES = "deliveries"
"""Events that could not be delivered to an endpoint."""

CONTAINERS = (
    *SHARED_CONTAINERS,
    CALLS,
    RESULTS,
    RECORDINGS,
    INDEX,
    UNSETTLED,
    IDEMPOTENCY,
    FAILURES,
    RETENTION,
    AUDIT,
    EVENTS,
    DELIVERIES,
)
"""Every container of the system."""

RECONCILER_POSITION = "position"
"""The blob, in the ``unsettled`` container, that names the last call of the reconciler's run."""

EXPIRY_POSITION = "expiry-position"
"""The blob, in the ``retention`` container, that names the last entry of a run over expiries."""

CHECKPOINT = "checkpoint.json"
"""The blob, in the ``index`` container, that says how far the change log was read into it."""

DAY_PREFIX = "days/"
"""The prefix of the names, in the ``index`` container, of the calls of a day."""

_DAY_SUFFIX = ".jsonl.gz"

LOG_PREFIX = "log/"
"""The prefix of the names, in the ``index`` container, of the parts of the change log."""


def analysis_blob(segment: SegmentName) -> str:
    """The name, in the ``results`` container, of a segment's analysis."""
    return f"{segment.stem}.json"


def call_blob(call_connection_id: str) -> str:
    """The call record's name in the ``calls`` container."""
    return f"{call_connection_id}.json"


def call_result_blob(call_connection_id: str) -> str:
    """The name, in the ``results`` container, of an assembled call."""
    return f"{call_connection_id}/call.json"


def turn_blob(call_connection_id: str) -> str:
    """The name, in the ``results`` container, of the turn to assemble a call."""
    return f"{call_connection_id}/turn.json"


def transcript_blob(call_connection_id: str) -> str:
    """The name, in the ``results`` container, of a call's transcript."""
    return f"{call_connection_id}/transcript.json"


def chunk_blob(call_connection_id: str, digest: str) -> str:
    """The name, in the ``results`` container, of the phrases in one chunk of a call's audio."""
    return f"{call_connection_id}/chunks/{digest}.json"


def export_blob(call_connection_id: str, name: str) -> str:
    """The name, in the ``results`` container, of a part of a call's export; all are in a folder."""
    return f"{call_connection_id}/export/{name}"


def export_zip_blob(call_connection_id: str) -> str:
    """The name, in the ``results`` container, of the zip file of a call's export."""
    return export_blob(call_connection_id, "call.zip")


def recording_blob(call_connection_id: str) -> str:
    """The name, in the ``recordings`` container, of a call's recording; its type is the blob's."""
    return f"{call_connection_id}/recording"


def rendition_blob(call_connection_id: str, name: str) -> str:
    """The name, in the ``recordings`` container, of a rendition of a call's recording."""
    return f"{recording_blob(call_connection_id)}.{name}"


def log_blob(number: int) -> str:
    """The name, in the ``index`` container, of a part of the change log; the first is 0."""
    return f"{LOG_PREFIX}{number:08d}"


def day_blob(day: str) -> str:
    """The name, in the ``index`` container, of the calls that began on a day (UTC)."""
    return f"{DAY_PREFIX}{day}{_DAY_SUFFIX}"


def day_of_blob(blob: str) -> str:
    """The day in the name of a ``day_blob``."""
    return blob.removeprefix(DAY_PREFIX).removesuffix(_DAY_SUFFIX)


def unsettled_blob(call_connection_id: str) -> str:
    """The name, in the ``unsettled`` container, of the entry of an unsettled call."""
    return f"calls/{call_connection_id}"


def incoming_blob(correlation_id: str) -> str:
    """The name, in the ``idempotency`` container, of the claim on an incoming call.

    The prefix keeps it apart from an Idempotency-Key, which is named by a hash alone.
    """
    return f"incoming-{_sha256(correlation_id)}.json"


def idempotency_blob(principal: Principal, key: str) -> str:
    """The name, in the ``idempotency`` container, of a principal's Idempotency-Key."""
    return f"{_sha256(f'{principal.kind}\n{principal.id}\n{key}')}.json"


def usage_blob(principal: Principal) -> str:
    """The name, in the ``idempotency`` container, of the count of a principal's calls."""
    return f"usage-{_sha256(f'{principal.kind}\n{principal.id}')}.json"


def idempotency_notes(call_connection_id: str) -> str:
    """The prefix of the notes, in the ``idempotency`` container, that name a call's keys.

    The rest of a note's name is the name of the key's blob. The note itself is empty.
    """
    return f"calls/{call_connection_id}/"


def disposition_blob(call_connection_id: str) -> str:
    """The name, in the ``retention`` container, of a call's disposition."""
    return f"calls/{call_connection_id}.json"


def deletion_blob(deletion_id: str) -> str:
    """The name, in the ``retention`` container, of a deletion, and finally of its receipt."""
    return f"deletions/{deletion_id}.json"


def unfinished_blob(deletion_id: str) -> str:
    """The name, in the ``retention`` container, of the note that a deletion is not completed."""
    return f"unfinished/{deletion_id}"


def expiry_blob(day: date, call_connection_id: str) -> str:
    """The name, in the ``retention`` container, of an expiry. A listing is sorted by day."""
    return f"expiry/{day.isoformat()}/{call_connection_id}"


def parse_expiry_blob(blob: str) -> tuple[date, str]:
    """The day and the call in the name of an ``expiry_blob``. Raises MalformedName."""
    parts = blob.split("/")
    try:
        _, day, call = parts
        parsed = date.fromisoformat(day)
    except ValueError as error:
        raise MalformedName(f"not the name of an expiry: {blob!r}") from error
    if blob != expiry_blob(parsed, call) or not is_call_connection_id(call):
        raise MalformedName(f"not the name of an expiry: {blob!r}")
    return parsed, call


def segment_log_blob(call_connection_id: str) -> str:
    """The name, in the ``events`` container, of the log of a call's segments."""
    return f"{call_connection_id}/segments.jsonl"


def gone_endpoint_blob(digest: str) -> str:
    """The name, in the ``events`` container, of the mark of an endpoint that wants no events.

    No call's id begins with a full stop.
    """
    return f".gone/{digest}.json"


def delivery_blob(delivery_id: str) -> str:
    """The name, in the ``deliveries`` container, of a delivery that failed.

    The id begins with the call's, and a full stop.
    """
    return f"calls/{delivery_id}.json"


def deliveries_prefix(call_connection_id: str) -> str:
    """The prefix of the names of a call's failed deliveries."""
    return f"calls/{call_connection_id}."


def deleted_call_delivery_blob(delivery_id: str) -> str:
    """The same for a delivery which says that a call was deleted: it is not deleted with it."""
    return f"deleted/{delivery_id}.json"


def deleted_call_deliveries_prefix(call_connection_id: str) -> str:
    """The prefix of the names of those deliveries of a call."""
    return f"deleted/{call_connection_id}."


def audit_blob(day: date, part: int) -> str:
    """The name, in the ``audit`` container, of one part of a day's trail; the first is 0."""
    return f"{audit_prefix(day)}{part:04d}.jsonl"


def audit_prefix(day: date) -> str:
    """The prefix of the names of all parts of a day's trail."""
    return f"{day.isoformat()}/"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
