"""The errors of ACS's REST API."""

from __future__ import annotations


class AcsError(Exception):
    """Raised where ACS answers a request with an error.

    Attributes:
        status: The HTTP status.
        code: ACS's own code, as in the body's ``error.code``.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def call_not_found() -> AcsError:
    """Return the error for a call that never existed or has ended."""
    return AcsError(404, "8522", "Call not found.")
