"""Identifiers of calls and participants: their grammar, checked before any use.

Source of the kinds of raw ids: ``_shared/models.py`` of ``azure-communication-callautomation``
1.6.0.
"""

from __future__ import annotations

import base64
import re

CALL_CONNECTION_ID_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
PHONE_NUMBER_PATTERN = r"\+[1-9][0-9]{1,14}"
CALLABLE_ID_PREFIXES = (
    "8:acs:",
    "8:dod-acs:",
    "8:gcch-acs:",
    "8:spool:",
    "8:orgid:",
    "8:dod:",
    "8:gcch:",
    "8:teamsvisitor:",
    "28:orgid:",
    "28:dod:",
    "28:gcch:",
)
"""Prefixes of raw ids that the SDK's ``identifier_from_raw_id`` reads as a user or Teams app."""

CALLABLE_ID_PATTERN = f"(?:{'|'.join(CALLABLE_ID_PREFIXES)})[A-Za-z0-9_-]{{1,200}}"

MAX_RAW_ID_CHARACTERS = 256
MAX_NAME_CHARACTERS = 256

_CALL_CONNECTION_ID = re.compile(CALL_CONNECTION_ID_PATTERN, re.ASCII)
_PHONE_NUMBER = re.compile(PHONE_NUMBER_PATTERN, re.ASCII)
_CALLABLE_ID = re.compile(CALLABLE_ID_PATTERN, re.ASCII)
_NOT_IN_A_LINE = re.compile(
    # Spaces and line ends, control characters, embeddings and overrides of direction, surrogates.
    "[\\s\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]+"
)
_SOURCE = re.compile(r"/?calling/callConnections/([^/]+)", re.ASCII)
_PHONE_PREFIX = "4:"


def is_call_connection_id(text: str) -> bool:
    """Return whether ``text`` is a call connection id: up to 128 letters, digits, ``-``, ``_``."""
    return _CALL_CONNECTION_ID.fullmatch(text) is not None


def is_phone_number(text: str) -> bool:
    """Return whether ``text`` is an E.164 phone number: ``+``, then 2 to 15 digits."""
    return _PHONE_NUMBER.fullmatch(text) is not None


def is_callable_id(text: str) -> bool:
    """Return whether ``text`` is the raw id of somebody who can be called.

    That is a communication user (``8:acs:{resource}_{user}``), a Teams user or a Teams app, in any
    of Microsoft's clouds.
    """
    return _CALLABLE_ID.fullmatch(text) is not None


def is_raw_id(text: str) -> bool:
    """Return whether ``text`` can be a raw id: 1 to 256 printable characters.

    Microsoft documents no grammar, and its own tests have ``28:{guid}`` and ``4:otherFormat``.
    Control characters, line ends and characters that change the direction of text are not
    printable.
    """
    return 1 <= len(text) <= MAX_RAW_ID_CHARACTERS and text.isprintable()


def phone_number_raw_id(phone_number: str) -> str:
    """Return the raw id that ACS gives a phone number: ``4:+15551230000``."""
    return _PHONE_PREFIX + phone_number


def display_id(raw_id: str) -> str:
    """Return a raw id for display: a phone number or ``anonymous`` without its prefix."""
    text = raw_id.removeprefix(_PHONE_PREFIX)
    return text if text[:1] == "+" or text.isdigit() or text == "anonymous" else raw_id


def one_line(text: str) -> str:
    """Return a text as one line: runs of spaces, line ends and control characters become a space.

    Characters that change the direction of text count as control characters.
    """
    return _NOT_IN_A_LINE.sub(" ", text).strip()


def call_of_source(source: str) -> str | None:
    """Return the call connection id in an event's source or subject; None if there is none."""
    match = _SOURCE.match(source)
    return match[1] if match else None


def same_conversation(one: str, other: str) -> bool:
    """Return whether two server call ids name the same conversation.

    A server call id is the base64 of the conversation's URL. The URLs are compared without their
    query, which names the serving machine; base64 padding is optional.
    """
    return one == other or _conversation(one) == _conversation(other)


def _conversation(server_call_id: str) -> str:
    try:
        padded = server_call_id.rstrip("=") + "=" * (-len(server_call_id.rstrip("=")) % 4)
        address = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        return server_call_id
    return address.partition("?")[0] if address.startswith("https://") else server_call_id
