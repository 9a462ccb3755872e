"""The one error shape: problem details (RFC 9457), ``application/problem+json``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """Raised by a handler; becomes the answer. Holds nothing that a caller may not see.

    ``reason`` is the short constant word that the log counts it by; None: it is counted already.
    ``errors`` names fields (``{"field": ..., "message": ...}``), ``acs`` is ACS's own word,
    ``code`` tells a program what people read in ``detail``.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        reason: str | None = "request",
        errors: list[dict[str, str]] | None = None,
        acs: dict[str, str] | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason
        self.errors = errors
        self.acs = acs
        self.code = code
        self.headers = headers or {}

    def body(self) -> bytes:
        """The problem document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.code:
            document["code"] = self.code
        if self.errors:
            document["errors"] = self.errors
        if self.acs:
            document["acs"] = self.acs
        return msgspec.json.encode(document)


def not_found(call_connection_id: str) -> Problem:
    """There is no such call."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no call {call_connection_id[:128]!r}")


def not_ready(call_connection_id: str) -> Problem:
    """The call is there, and not put together yet."""
    return Problem(
        HTTPStatus.NOT_FOUND,
        f"the call {call_connection_id[:128]!r} is not put together yet",
        code="not_ready",
    )


def from_acs(operation: str, error: Exception) -> Problem:
    """What ACS answered, with its own code and message; 409 where the call's state forbids it."""
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return Problem(HTTPStatus.BAD_GATEWAY, f"ACS did not answer: {operation} may be repeated")
    if not isinstance(error, HttpResponseError):
        raise error
    word = error.error
    acs = {"status": str(error.status_code)}
    if word is not None:
        acs |= {"code": str(word.code), "message": str(word.message)}
    status = HTTPStatus.BAD_GATEWAY
    if error.status_code in (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED):
        status = HTTPStatus.CONFLICT
    detail = f"ACS refused: {operation}"
    return Problem(status, detail, acs=acs)
