"""HTTP in and out: bodies in, documents and problems out. The one place where exceptions end."""

from __future__ import annotations

import base64
import logging
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import azure.functions as func
import msgspec
from azure.core.exceptions import AzureError

from acs.identifiers import is_call_connection_id
from acs.unreadable import UNREADABLE
from calls import refusals
from calls.clients import Clients, clients
from calls.problems import CONTENT_TYPE, Problem, not_found
from calls.storage import Contended
from configuration import SettingsError

MAX_BODY_BYTES = 256 * 1024

_log = logging.getLogger(__name__)

Handler = Callable[[Clients, func.HttpRequest], Awaitable[func.HttpResponse]]


async def respond(handler: Handler, request: func.HttpRequest) -> func.HttpResponse:
    """Run a handler with the process's clients."""
    return await answer(handler, clients, request)


async def answer(
    handler: Handler, clients: Callable[[], Clients], request: func.HttpRequest
) -> func.HttpResponse:
    """Run a handler; whatever it raises becomes a problem document, never a bare 500."""
    try:
        return await handler(clients(), request)
    except Problem as raised:
        problem = raised
        if problem.reason and problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            entrance = handler.__module__.rpartition(".")[2]
            refusals.refused(entrance, problem.status, problem.reason, problem.detail)
    except SettingsError as error:
        _log.error("the app is not configured:\n%s", error)
        problem = Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "the app is not configured: " + "; ".join(str(error).splitlines()),
        )
    except Contended as error:
        _log.warning("%s", error)
        problem = Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the call is changing too fast; try again",
            headers={"Retry-After": "1"},
        )
    except AzureError as error:
        _log.error("Blob Storage failed: %s", type(error).__name__, exc_info=True)
        problem = Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the storage does not answer; try again",
            headers={"Retry-After": "5"},
        )
    except Exception:
        reference = uuid.uuid4().hex
        _log.exception("unexpected failure %s", reference)
        problem = Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, f"unexpected failure; the log has it as {reference}"
        )
    return func.HttpResponse(
        problem.body(),
        status_code=problem.status,
        mimetype=CONTENT_TYPE,
        headers=problem.headers,
    )


def document(
    content: Any,
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(
        msgspec.json.encode(content),
        status_code=status,
        mimetype="application/json",
        headers=headers,
    )


def call_connection_id(request: func.HttpRequest) -> str:
    """The id in the route, matched to its grammar before anything is done with it."""
    text = request.route_params.get("id") or ""
    if not is_call_connection_id(text):
        raise not_found(text)
    return text


def body(request: func.HttpRequest) -> bytes:
    """The request's body. Raises Problem (413)."""
    content: bytes = request.get_body()
    if len(content) > MAX_BODY_BYTES:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a body may have {MAX_BODY_BYTES} bytes",
            reason="too_big",
        )
    return content


def number(text: str) -> int | None:
    """A number of up to nine digits; None for any other text."""
    # Its length first: Python refuses to read a number of thousands of digits.
    return int(text) if len(text) < 10 and text.isascii() and text.isdigit() else None


def json_object(request: func.HttpRequest) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty object. Raises Problem (400, 413)."""
    content = body(request)
    if not content.strip():
        return {}
    try:
        parsed = msgspec.json.decode(content)
    except UNREADABLE as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return parsed


class Fields:
    """The members of a JSON object, taken one by one; all that is wrong is told at once."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = dict(members)
        self.errors: list[dict[str, str]] = []

    def fault(self, field: str, message: str) -> None:
        """Note what is wrong with a field."""
        self.errors.append({"field": field, "message": message})

    def text(self, field: str, longest: int = 2048) -> str | None:
        """A text, or None where the field is absent or null."""
        value = self._members.pop(field, None)
        if value is None:
            return None
        if not isinstance(value, str) or not value or len(value) > longest:
            self.fault(field, f"must be a text of 1 to {longest} characters")
            return None
        return value

    def texts(self, field: str, most: int) -> list[str] | None:
        """A list of 1 to ``most`` texts, or None where the field is absent or null."""
        value = self._members.pop(field, None)
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= most
            or not all(isinstance(item, str) for item in value)
        ):
            self.fault(field, f"must be a list of 1 to {most} texts")
            return []
        return value

    def one_of(self, field: str, choices: tuple[Any, ...]) -> Any:
        """One of ``choices``, the first of which is the default."""
        value = self._members.pop(field, choices[0])
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            shown = " or ".join(msgspec.json.encode(choice).decode() for choice in choices)
            self.fault(field, f"must be {shown}")
            return choices[0]
        return value

    def done(self) -> None:
        """All fields are taken: raises Problem (400) where anything was wrong or unknown."""
        for field in self._members:
            self.fault(field, "is not known")
        if self.errors:
            named = ", ".join(error["field"] for error in self.errors)
            raise Problem(
                HTTPStatus.BAD_REQUEST, f"the body has faults: {named}", errors=self.errors
            )


def encode_cursor(cursor: str | None) -> str | None:
    """A storage's own continuation token, fit for a URL."""
    return base64.urlsafe_b64encode(cursor.encode()).decode() if cursor else None


def decode_cursor(text: str | None) -> str | None:
    """The continuation token in a query. Raises Problem (400)."""
    if not text:
        return None
    try:
        cursor = base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode()
        # What a storage answers to control characters may be tried again for minutes.
        if not cursor.isprintable():
            raise ValueError("control characters")
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "cursor: not one that this app gave") from error
    return cursor
