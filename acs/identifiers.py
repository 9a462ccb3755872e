"""Identifiers: the grammar of what names calls and participants, checked before any use.

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
    """Whether ``text`` can be a call connection id: at most 128 letters, digits, ``-``, ``_``."""
    return _CALL_CONNECTION_ID.fullmatch(text) is not None


def is_phone_number(text: str) -> bool:
    """Whether ``text`` is a phone number as E.164 writes it: ``+``, then 2 to 15 digits."""
    return _PHONE_NUMBER.fullmatch(text) is not None


def is_communication_user_id(text: str) -> bool:
    """Whether ``text`` is the raw id of a communication user, as ``8:acs:{resource}_{user}``."""
    return _COMMUNICATION_USER_ID.fullmatch(text) is not None


def is_raw_id(text: str) -> bool:
    """Whether ``text`` is the raw id of whoever calls or is called, on a phone or not.

    A caller may withhold its number, and one that a carrier made up need not be E.164.
    """
    return _RAW_ID.fullmatch(text) is not None


def phone_number_raw_id(phone_number: str) -> str:
    """The raw id that ACS gives a phone number: ``4:+15551230000``."""
    return _PHONE_PREFIX + phone_number


def shown(raw_id: str) -> str:
    """A raw id as people write it: a phone number without its prefix."""
    return raw_id.removeprefix(_PHONE_PREFIX)


def call_of_source(source: str) -> str | None:
    """The call connection id in a callback event's source or subject; None where it names none."""
    found = _SOURCE.match(source)
    return found[1] if found else None


def same_conversation(one: str, other: str) -> bool:
    """Whether two server call ids name the same conversation.

    A server call id is base64 of the conversation's address. Only its path is compared: the query
    names the machine that serves it, and padding is written or not.
    """
    return one == other or _conversation(one) == _conversation(other)


def _conversation(server_call_id: str) -> str:
    try:
        padded = server_call_id.rstrip("=") + "=" * (-len(server_call_id.rstrip("=")) % 4)
        address = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        return server_call_id
    return address.partition("?")[0] if address.startswith("https://") else server_call_id
