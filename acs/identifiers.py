"""Identifiers: the grammar of what names calls and participants, checked before any use.

Source of the raw id grammar: ``_shared/models.py`` of ``azure-communication-callautomation`` 1.6.0.
"""

from __future__ import annotations

import re

_CALL_CONNECTION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)
_COMMUNICATION_USER_ID = re.compile(r"8:[a-z]+:[A-Za-z0-9_-]{1,200}", re.ASCII)
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


def phone_number_raw_id(phone_number: str) -> str:
    """The raw id that ACS gives a phone number: ``4:+15551230000``."""
    return _PHONE_PREFIX + phone_number
