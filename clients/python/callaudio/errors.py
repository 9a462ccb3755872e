"""What the client raises.

::

    CallAudioError
    ├── ProblemError          the app answered with an error; ``problem`` says what and why
    ├── UnreachableError      no answer: the address, the network or the app is at fault
    ├── ResultError           the call ended without a final result
    ├── WaitTimeoutError      the call has no final result yet
    ├── DownloadError         a file ended early, again and again
    └── WebhookError          a webhook is not one that the app signed, or not a recent one

``UnexpectedStatus`` is raised only if the app and this client do not fit together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callaudio.generated.errors import UnexpectedStatus

if TYPE_CHECKING:
    from callaudio.generated.models.call_details import CallDetails
    from callaudio.generated.models.problem import Problem

__all__ = [
    "CallAudioError",
    "DownloadError",
    "ProblemError",
    "ResultError",
    "UnexpectedStatus",
    "UnreachableError",
    "WaitTimeoutError",
    "WebhookError",
]


class CallAudioError(Exception):
    """The base of what this client raises."""


class ProblemError(CallAudioError):
    """Raised when the app answers with an error.

    Attributes:
        status: The HTTP status.
        code: The problem's code, the same for programs; None if the answer was no problem document.
        problem: The whole problem document (RFC 9457), or None.
    """

    def __init__(self, status: int, problem: Problem | None, reason: str = "") -> None:
        text = problem.detail if problem else reason or "the answer has no explanation"
        fields = problem.errors if problem and problem.errors else []
        text = "; ".join([text, *(f"{error.field}: {error.message}" for error in fields)])
        super().__init__(f"{text} (HTTP {status}{f', {problem.code}' if problem else ''})")
        self.status = status
        self.code = problem.code if problem else None
        self.problem = problem


class UnreachableError(CallAudioError):
    """Raised when the app does not answer."""


class ResultError(CallAudioError):
    """Raised when a call ended and its result will not be final. ``call`` says why."""

    def __init__(self, call: CallDetails) -> None:
        reason = f": {call.result_reason}" if call.result_reason else ""
        super().__init__(
            f"the call {call.call_connection_id} is {call.state}, its result {call.result_state}"
            f"{reason}"
        )
        self.call = call


class WaitTimeoutError(CallAudioError):
    """Raised when the time for waiting is over. ``call`` is the call as it was seen last."""

    def __init__(self, call: CallDetails, seconds: float) -> None:
        super().__init__(
            f"the result of the call {call.call_connection_id} is {call.result_state} "
            f"after {seconds:g} s, the call is {call.state}"
        )
        self.call = call


class DownloadError(CallAudioError):
    """Raised when a file ends early several times in a row. What came is kept for a resume."""


class WebhookError(CallAudioError):
    """Raised when a webhook was not signed with the secret, or is too old or too new."""
