"""Reading requests: route parameters, bodies, fields and cursors, each checked before use."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import msgspec

from acs.identifiers import is_call_connection_id
from acs.json_errors import JSON_ERRORS
from calls.errors import CallNotFound, InvalidCursor
from calls.http.problems import Problem

MAX_BODY_BYTES = 256 * 1024

_MAX_DIGITS = 9


def call_connection_id(request: func.HttpRequest) -> str:
    """Return the id in the route. Raises CallNotFound if no call can have it."""
    text = request.route_params.get("id") or ""
    if not is_call_connection_id(text):
        raise CallNotFound(text)
    return text


def read_body(request: func.HttpRequest) -> bytes:
    """Return the request's body. Raises Problem (413)."""
    body: bytes = request.get_body()
    if len(body) > MAX_BODY_BYTES:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a body must not be larger than {MAX_BODY_BYTES} bytes",
            code="body_too_large",
            reason="body_too_large",
        )
    return body


def read_json_object(request: func.HttpRequest) -> dict[str, Any]:
    """Decode the JSON object in the body; if it is empty, return {}. Raises Problem (400, 413)."""
    body = read_body(request)
    if not body.strip():
        return {}
    try:
        content = msgspec.json.decode(body)
    except JSON_ERRORS as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"the body is not valid JSON: {error}", code="invalid_body"
        ) from error
    if not isinstance(content, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body must be a JSON object", code="invalid_body")
    return content


def parse_number(text: str) -> int | None:
    """Parse a number of up to nine digits; None for any other text."""
    # Check the length first: Python refuses to parse numbers of thousands of digits.
    is_number = len(text) <= _MAX_DIGITS and text.isascii() and text.isdigit()
    return int(text) if is_number else None


def take_choice[T: str](
    request: func.HttpRequest, parameter: str, choices: tuple[T, ...]
) -> T | None:
    """Return a query parameter, which must be one of ``choices``; None if it is absent.

    Raises Problem (400).
    """
    text = request.params.get(parameter)
    if text is None:
        return None
    for choice in choices:
        if text == choice:
            return choice
    raise invalid_parameter(parameter, f"must be {_join_alternatives(choices)}")


def invalid_parameter(parameter: str, message: str) -> Problem:
    """Return the Problem (400) of a query parameter; ``message`` says what it must be."""
    return Problem(
        HTTPStatus.BAD_REQUEST,
        f"{parameter} {message}",
        code="invalid_request",
        errors=[{"field": parameter, "message": message}],
    )


def take_flag(request: func.HttpRequest, parameter: str) -> bool:
    """Return a query parameter that is true or false; false if it is absent.

    Raises Problem (400).
    """
    return take_choice(request, parameter, ("true", "false")) == "true"


def take_limit(request: func.HttpRequest, default: int, maximum: int) -> int:
    """Return the query's ``limit``, a number from 1 to ``maximum``. Raises Problem (400)."""
    return take_number(request, "limit", 1, maximum, default)


def take_number(
    request: func.HttpRequest, parameter: str, least: int, most: int, default: int
) -> int:
    """Return a number in the query, from ``least`` to ``most``. Raises Problem (400)."""
    text = request.params.get(parameter)
    if not text:
        return default
    number = parse_number(text)
    if number is None or not least <= number <= most:
        raise invalid_parameter(parameter, f"must be a number from {least} to {most}")
    return number


def take_time(request: func.HttpRequest, parameter: str) -> datetime | None:
    """Return a query parameter that is a time (RFC 3339); None if it is absent.

    Raises Problem (400).
    """
    text = request.params.get(parameter)
    if text is None:
        return None
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        time = None
    if time is None or time.tzinfo is None:
        raise invalid_parameter(
            parameter, "must be a time with an offset (RFC 3339), such as 2026-11-26T09:30:00Z"
        )
    return time


def take_all(request: func.HttpRequest, parameter: str) -> list[str]:
    """Return all values of a query parameter that may be there several times.

    They are in the request's URL; the host joins them with commas in ``params``.
    """
    query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    values = [value for name, value in query if name == parameter]
    if not values and parameter in request.params:
        values = [request.params[parameter]]
    return values


class Fields:
    """The members of a JSON object, taken one by one; all faults are reported at once."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = dict(members)
        self.errors: list[dict[str, str]] = []

    def add_error(self, field: str, message: str) -> None:
        """Report a fault of a field."""
        self.errors.append({"field": field, "message": message})

    def take_text(self, field: str, max_characters: int = 2048) -> str | None:
        """Take a string; None if the field is absent or null."""
        value = self._members.pop(field, None)
        if value is None:
            return None
        if not isinstance(value, str) or not value or len(value) > max_characters:
            self.add_error(field, f"must be a string of 1 to {max_characters} characters")
            return None
        return value

    def take_texts(self, field: str, max_items: int) -> list[str] | None:
        """Take a list of 1 to ``max_items`` strings; None if the field is absent or null."""
        value = self._members.pop(field, None)
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= max_items
            or not all(isinstance(item, str) for item in value)
        ):
            self.add_error(field, f"must be a list of 1 to {max_items} strings")
            return []
        return value

    def take_list(self, field: str, max_items: int) -> list[str]:
        """Take a list of up to ``max_items`` strings; empty if the field is absent or null."""
        if self._members.get(field) == []:
            del self._members[field]
        return self.take_texts(field, max_items) or []

    def take_one_or_more(self, field: str, max_items: int) -> list[str] | None:
        """Take a string, or a list of 1 to ``max_items`` strings; None if it is absent or null."""
        value = self._members.get(field)
        if isinstance(value, str):
            self._members[field] = [value]
        return self.take_texts(field, max_items)

    def take_map(self, field: str, max_items: int) -> dict[str, str] | None:
        """Take an object of up to ``max_items`` strings; None if it is absent or null."""
        value = self._members.pop(field, None)
        if value is None:
            return None
        if (
            not isinstance(value, dict)
            or len(value) > max_items
            or not all(isinstance(item, str) for item in value.values())
        ):
            self.add_error(field, f"must be an object of up to {max_items} strings")
            return None
        return value

    def take_number(self, field: str, least: int, most: int) -> int | None:
        """Take a whole number from ``least`` to ``most``; None if the field is absent or null."""
        value = self._members.pop(field, None)
        if value is None:
            return None
        if type(value) is not int or not least <= value <= most:
            self.add_error(field, f"must be a whole number from {least} to {most}")
            return None
        return value

    def take_fields(self, field: str) -> Fields | None:
        """Take an object; None if the field is absent or null. See ``add_errors_of``."""
        value = self._members.pop(field, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.add_error(field, "must be an object")
            return None
        return Fields(value)

    def add_errors_of(self, field: str, fields: Fields) -> None:
        """Report the faults and the unknown members of an object that was taken."""
        for name in fields._members:
            fields.add_error(name, "is not a known field")
        for error in fields.errors:
            self.add_error(f"{field}.{error['field']}", error["message"])

    def take_choice(self, field: str, choices: tuple[Any, ...]) -> Any:
        """Take one of ``choices``; the first is the default."""
        value = self._members.pop(field, choices[0])
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            alternatives = _join_alternatives(
                [msgspec.json.encode(choice).decode() for choice in choices]
            )
            self.add_error(field, f"must be {alternatives}")
            return choices[0]
        return value

    def check(self) -> None:
        """Check that all fields were taken. Raises Problem (400) for any fault or unknown field."""
        for field in self._members:
            self.add_error(field, "is not a known field")
        if self.errors:
            names = ", ".join(error["field"] for error in self.errors)
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                f"the body has invalid fields: {names}",
                code="invalid_request",
                errors=self.errors,
            )


def encode_cursor(cursor: str | None) -> str | None:
    """Encode the place where the next page begins for use in a URL."""
    return base64.urlsafe_b64encode(cursor.encode()).decode() if cursor else None


def decode_cursor(text: str | None) -> str | None:
    """Decode the cursor in a query. Raises InvalidCursor."""
    if not text:
        return None
    try:
        cursor = base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode()
        if not cursor.isprintable():
            raise ValueError("control characters")
    except ValueError as error:
        raise InvalidCursor from error
    return cursor


def _join_alternatives(choices: Sequence[str]) -> str:
    """Return choices as a sentence names them: "a, b or c"."""
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last
