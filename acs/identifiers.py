"""Identifiers of calls and participants: their grammar, checked before any use.

Source of the raw id grammar: ``_shared/models.py`` of ``azure-communication-callautomation`` 1.6.0.
"""

from __future__ import annotations

import base64
import re

CALL_CONNECTION_ID_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
PHONE_NUMBER_PATTERN = r"\+[1-9][0-9]{1,14}"
COMMUNICATION_USER_ID_PATTERN = "8:[a-z]+:[A-Za-z0-9_-]{1,200}"

_CALL_CONNECTION_ID = re.compile(CALL_CONNECTION_ID_PATTERN, re.ASCII)
_PHONE_NUMBER = re.compile(PHONE_NUMBER_PATTERN, re.ASCII)
_COMMUNICATION_USER_ID = re.compile(COMMUNICATION_USER_ID_PATTERN, re.ASCII)
_RAW_ID = re.compile(
    r"4:(?:\+?[0-9]{2,15}|anonymous)(?:_[A-Za-z0-9-]{1,64})?|(?:8|28):[a-z-]+:[A-Za-z0-9_-]{1,200}",
    re.ASCII,
)
_SOURCE = re.compile(r"/?calling/callConnections/([^/]+)", re.ASCII)
_PHONE_PREFIX = "4:"


def is_call_connection_id(text: str) -> bool:
    """Return whether ``text`` is a call connection id: up to 128 letters, digits, ``-``, ``_``."""
    return _CALL_CONNECTION_ID.fullmatch(text) is not None


def is_phone_number(text: str) -> bool:
    """Return whether ``text`` is an E.164 phone number: ``+``, then 2 to 15 digits."""
    return _PHONE_NUMBER.fullmatch(text) is not None


def is_communication_user_id(text: str) -> bool:
    """Return whether ``text`` is a communication user's raw id: ``8:acs:{resource}_{user}``."""
    return _COMMUNICATION_USER_ID.fullmatch(text) is not None


def is_raw_id(text: str) -> bool:
    """Return whether ``text`` is the raw id of a caller or callee: a phone or a user.

    A caller may withhold their number, and a number assigned by a carrier need not be E.164.
    """
    return _RAW_ID.fullmatch(text) is not None


def phone_number_raw_id(phone_number: str) -> str:
    """Return the raw id that ACS gives a phone number: ``4:+15551230000``."""
    return _PHONE_PREFIX + phone_number


def display_id(raw_id: str) -> str:
    """Return a raw id for display: a phone number without its prefix."""
    return raw_id.removeprefix(_PHONE_PREFIX)


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
