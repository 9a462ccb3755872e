"""Who may be called: ALLOWED_DESTINATIONS, and the numbers that are denied unless it names them.

An entry allows what begins with it: ``+49`` allows a country, ``8:acs:`` a kind of raw id, ``+``
all numbers. A denied number (``denied_numbers``) needs an entry that is at least as long as its
denied prefix: ``+1`` does not allow +1 900 numbers, ``+1900`` does. Pure.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from acs.identifiers import CALLABLE_ID_PREFIXES, is_phone_number
from calls.denied_numbers import (
    INTERNATIONAL_PATTERN,
    NATIONAL_PATTERN,
    SHORTEST_NUMBER,
    SIGNIFICANT_ZERO,
    split_country_code,
)
from calls.errors import DestinationNotAllowed

OFF = "off"

_NUMBER_ENTRY = re.compile(r"\+(?:[1-9][0-9]{0,14})?", re.ASCII)
_ID_ENTRY = re.compile("[0-9]{1,2}:[A-Za-z0-9:_-]{0,220}", re.ASCII)
_RUSSIAN_TRUNK = re.compile(r"78(?=\d{10}$)")

Kind = Literal["short", "international", "national"]

_KINDS: dict[Kind, str] = {
    "short": "an emergency or short number",
    "international": "a satellite or international network",
    "national": "a premium-rate, shared-cost or personal number",
}


class DeniedPrefix(NamedTuple):
    """Why a number is denied; ``length`` is that of the denied prefix, in digits."""

    kind: Kind
    length: int


def require_allowed(allowed_destinations: str, to: str) -> None:
    """Check that ``to``, a phone number or a raw id, may be called. Raises DestinationNotAllowed.

    Args:
        allowed_destinations: The setting ALLOWED_DESTINATIONS.
        to: An E.164 phone number, or the raw id of a user or an app.
    """
    entries = parse_entries(allowed_destinations)
    longest = max((len(entry) for entry in entries if to.startswith(entry)), default=0)
    if not longest:
        raise DestinationNotAllowed("it does not begin with one of its entries")
    denied_prefix = find_denied_prefix(to) if is_phone_number(to) else None
    if denied_prefix is not None and longest - len("+") < denied_prefix.length:
        raise DestinationNotAllowed(
            f"{_KINDS[denied_prefix.kind]} must be listed by its own prefix, or a longer one"
        )


def parse_entries(allowed_destinations: str) -> list[str]:
    """Return the entries of ALLOWED_DESTINATIONS; ``off`` has none.

    Raises ValueError for an entry with which neither a phone number nor a callable raw id begins.
    """
    if allowed_destinations == OFF:
        return []
    entries = [entry.strip() for entry in allowed_destinations.split(",")]
    for entry in entries:
        if not _is_valid(entry):
            raise ValueError(
                f"{entry!r} is neither off nor a prefix of phone numbers (+49) or raw ids (8:acs:)"
            )
    return entries


def _is_valid(entry: str) -> bool:
    if _NUMBER_ENTRY.fullmatch(entry):
        return True
    return _ID_ENTRY.fullmatch(entry) is not None and any(
        prefix.startswith(entry) or entry.startswith(prefix) for prefix in CALLABLE_ID_PREFIXES
    )


def find_denied_prefix(number: str) -> DeniedPrefix | None:
    """Return the denied prefix of an E.164 number; None if it has none.

    A trunk prefix after the country code (``+44 0 9...``, ``+1 1 900...``) is not part of a number,
    but networks may skip it. So the number is also looked up without it.
    """
    digits = number.removeprefix("+")
    if len(digits) < SHORTEST_NUMBER:
        return DeniedPrefix("short", len(digits))
    for text in dict.fromkeys((digits, _without_trunk_prefix(digits))):
        for kind, pattern in _PATTERNS.items():
            if match := pattern.match(text):
                return DeniedPrefix(kind, match.end() + len(digits) - len(text))
    return None


_PATTERNS: dict[Kind, re.Pattern[str]] = {
    "international": INTERNATIONAL_PATTERN,
    "national": NATIONAL_PATTERN,
}


def _without_trunk_prefix(digits: str) -> str:
    code, national = split_country_code(digits)
    if code in SIGNIFICANT_ZERO:
        return digits
    if code == "7":
        digits = _RUSSIAN_TRUNK.sub("7", digits)
        code, national = split_country_code(digits)
    # North American area codes begin with neither 0 nor 1.
    return code + national.lstrip("01" if code == "1" else "0")
