"""Everything that the function app's domain and storage code raises, in one tree.

    CallAudioError
    ├── CallNotFound
    │   └── CallDeleted
    ├── CallNotEnded
    ├── CallOnHold
    ├── DeletionRunning
    ├── DeletionNotFound
    ├── ParticipantNotFound
    ├── TracksNotSeparate
    ├── CallEnded
    ├── StreamingStateConflict
    ├── AnnouncementNotPlayed
    ├── MissingCallConnectionId
    ├── LongCallsNotHungUp
    ├── DestinationNotAllowed
    ├── TooManyConcurrentCalls
    ├── TooManyCallsToday
    ├── IdempotencyKeyReused
    ├── IdempotencyKeyInUse
    ├── EventMismatch
    ├── OriginUnknown
    ├── ResultNotReady
    ├── SegmentNotFound
    ├── CannotEncode
    ├── RenditionPending
    ├── FailureNotFound
    ├── FailedBlobMissing
    ├── DeliveryNotFound
    ├── InvalidCursor
    ├── SearchUnavailable
    ├── SearchNotReady
    ├── Contended
    ├── AcsError
    │   ├── AcsUnavailable
    │   └── AcsRefused
    └── TranscriptionFailed

Only ``calls/http`` knows HTTP statuses: its ``problems`` module maps these errors to problem
documents. The messages may be shown to whoever sent the request.
"""

from __future__ import annotations

from datetime import datetime

_MAX_QUOTED_CHARACTERS = 128


def _quote(text: str) -> str:
    return repr(text[:_MAX_QUOTED_CHARACTERS])


class CallAudioError(Exception):
    """Base class of the function app's own errors."""


class CallNotFound(CallAudioError):
    """Base class for a call without a record; raised itself for one that never had any."""

    def __init__(self, call_connection_id: str) -> None:
        super().__init__(f"call {_quote(call_connection_id)} does not exist")


class CallDeleted(CallNotFound):
    """Raised when a call was deleted. ``deletion_id`` is the deletion's."""

    def __init__(self, call_connection_id: str, deleted_at: datetime, deletion_id: str) -> None:
        CallAudioError.__init__(
            self,
            f"call {_quote(call_connection_id)} was deleted at {deleted_at.isoformat()}; "
            f"GET /api/v1/deletions/{deletion_id} has the receipt",
        )
        self.deletion_id = deletion_id


class CallNotEnded(CallAudioError):
    """Raised when an operation needs a call that has ended."""

    def __init__(self) -> None:
        super().__init__("the call has not ended; hang up first, or add hangup=true")


class CallOnHold(CallAudioError):
    """Raised when a call may not be deleted, because it is on legal hold."""

    def __init__(self, placed_at: datetime) -> None:
        super().__init__(
            f"the call has been on legal hold since {placed_at.isoformat()}; "
            "GET /api/v1/calls/{id} shows the reason, and DELETE .../hold releases it"
        )


class DeletionRunning(CallAudioError):
    """Raised when a hold would come too late: a deletion of the call's audio is running."""

    def __init__(self, deletion_id: str) -> None:
        super().__init__(
            f"parts of the call are being deleted; try again when deletion {deletion_id} "
            "is completed"
        )


class DeletionNotFound(CallAudioError):
    """Raised when no deletion has the given id."""

    def __init__(self, deletion_id: str) -> None:
        super().__init__(f"deletion {_quote(deletion_id)} does not exist")


class ParticipantNotFound(CallAudioError):
    """Raised when a call has no such participant."""

    def __init__(self) -> None:
        super().__init__(
            "participant: nobody in the call has this raw id or track; its timeline lists them"
        )


class TracksNotSeparate(CallAudioError):
    """Raised when one participant's audio cannot be separated from the others'."""

    def __init__(self) -> None:
        super().__init__(
            "the call was recorded with one mixed track, from which nobody's voice can be removed; "
            "delete the whole call"
        )


class CallEnded(CallAudioError):
    """Raised when an operation needs a call that is still connected."""

    def __init__(self) -> None:
        super().__init__("the call has ended")


class StreamingStateConflict(CallAudioError):
    """Raised when media streaming cannot be started, stopped or paused in its current state."""

    def __init__(self, state: str, remedy: str = "") -> None:
        super().__init__(f"the media streaming is {state}" + (f": {remedy}" if remedy else ""))


class AnnouncementNotPlayed(CallAudioError):
    """Raised when a call must not be streamed because its announcement was not played."""


class MissingCallConnectionId(CallAudioError):
    """Raised when ACS returns a call without a call connection id."""

    def __init__(self) -> None:
        super().__init__("ACS returned a call without a call connection id")


class LongCallsNotHungUp(CallAudioError):
    """Raised when calls longer than MAX_CALL_MINUTES could not be hung up. The log names them."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} calls longer than MAX_CALL_MINUTES could not be hung up")


class DestinationNotAllowed(CallAudioError):
    """Raised when ALLOWED_DESTINATIONS does not allow a call's destination."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"ALLOWED_DESTINATIONS does not allow this destination: {reason}")


class TooManyConcurrentCalls(CallAudioError):
    """Raised when MAX_CONCURRENT_CALLS does not allow a principal another call."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"MAX_CONCURRENT_CALLS: {limit} of your calls have not ended; hang one up, or try "
            "again when one has ended"
        )


class TooManyCallsToday(CallAudioError):
    """Raised when MAX_CALLS_PER_DAY does not allow a principal another call.

    ``retry_after_seconds`` is the time until the next day begins, in UTC.
    """

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"MAX_CALLS_PER_DAY: you have placed {limit} calls today; the next day begins at "
            "00:00 UTC"
        )
        self.retry_after_seconds = retry_after_seconds


class IdempotencyKeyReused(CallAudioError):
    """Raised when an Idempotency-Key is sent with a different body than before."""

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key was used with another body; use a new key for a new call"
        )


class IdempotencyKeyInUse(CallAudioError):
    """Raised when another request with the same Idempotency-Key is placing the call."""

    def __init__(self) -> None:
        super().__init__("the call of this Idempotency-Key is being placed; try again")


class EventMismatch(CallAudioError):
    """Raised when a callback event carries the ids of another call.

    ``reason`` is the constant word that ``mismatched_id`` returned.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OriginUnknown(CallAudioError):
    """Raised when an event names a call that the app has not placed or answered, or not yet."""

    def __init__(self, call_connection_id: str) -> None:
        super().__init__(
            f"the app has not placed or answered call {_quote(call_connection_id)}, or not yet"
        )


class ResultNotReady(CallAudioError):
    """Raised when a call exists, but its result is not final, or does not exist.

    ``state`` is the call's ``result_state``.
    """

    def __init__(self, call_connection_id: str, state: str, explanation: str) -> None:
        super().__init__(f"call {_quote(call_connection_id)}: {explanation}")
        self.state = state


class SegmentNotFound(CallAudioError):
    """Raised when a call has no such segment, or its audio has been deleted."""


class CannotEncode(CallAudioError):
    """Raised when an audio format cannot hold a recording's channels."""

    def __init__(self, format_: str, channels: int) -> None:
        super().__init__(
            f"format: {format_} cannot hold {channels} channels; add mix=stereo or mix=mono"
        )


class RenditionPending(CallAudioError):
    """Raised when a rendition of a recording is still being made."""

    def __init__(self) -> None:
        super().__init__("the recording is being converted; repeat the request")


class FailureNotFound(CallAudioError):
    """Raised when no failure has the given id."""

    def __init__(self, failure_id: str) -> None:
        super().__init__(f"failure {_quote(failure_id)} does not exist")


class FailedBlobMissing(CallAudioError):
    """Raised when the blob of a failure has been deleted, so it cannot be retried."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} no longer exists")


class DeliveryNotFound(CallAudioError):
    """Raised when a delivery does not exist, or has been sent again already."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"no delivery has failed under the id {_quote(delivery_id)}")


class InvalidCursor(CallAudioError):
    """Raised when a page's cursor is not one that this app returned."""

    def __init__(self) -> None:
        super().__init__("cursor: not one that this app returned")


class SearchUnavailable(CallAudioError):
    """Raised when the search service does not answer, or refuses a request."""

    def __init__(self) -> None:
        super().__init__("the search service does not answer; try again")


class SearchNotReady(CallAudioError):
    """Raised when transcripts are still being read for full-text search."""

    def __init__(self, read: int, total: int) -> None:
        super().__init__(
            f"{read} of {total} transcripts have been read for full-text search; try again"
        )


class Contended(CallAudioError):
    """Raised when every attempt to change a document met a concurrent change."""


class AcsError(CallAudioError):
    """Base class for failed requests to Azure Communication Services."""


class AcsUnavailable(AcsError):
    """Raised when ACS does not answer."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"ACS did not answer: {operation}; the request may be repeated")


class AcsRefused(AcsError):
    """Raised when ACS answers with an error.

    ``status`` is the HTTP status of its response; ``code`` and ``message`` are ACS's own, None if
    it sent none.
    """

    def __init__(self, operation: str, status: int, code: str | None, message: str | None) -> None:
        super().__init__(f"ACS refused: {operation}")
        self.status = status
        self.code = code
        self.message = message


class TranscriptionFailed(CallAudioError):
    """Raised when an engine cannot transcribe a chunk of audio."""
