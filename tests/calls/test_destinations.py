"""Who may be called: the entries of ALLOWED_DESTINATIONS, and tricks around the denied numbers."""

from __future__ import annotations

import re

import pytest

from calls.destinations import find_denied_prefix, parse_entries, require_allowed
from calls.errors import DestinationNotAllowed
from calls.settings import Settings

DEFAULT = Settings().allowed_destinations
USER = "8:acs:3d20e1de-0f28-41c5_0000"


def is_allowed(allowed_destinations: str, to: str) -> bool:
    try:
        require_allowed(allowed_destinations, to)
    except DestinationNotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    "to",
    [
        "+15551230000",
        "+442071838750",
        "+4930123456",
        "+390899876543",  # Salerno's area code is 089, and +39 89 is premium-rate
        "+2250102030405",
        "+80012345678",
        USER,
        "8:orgid:45ab2481-1c1c",
        "28:orgid:45ab2481-1c1c",
    ],
)
def test_ordinary_numbers_and_ids_are_allowed_by_default(to: str) -> None:
    require_allowed(DEFAULT, to)


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("+19005551234", "national"),
        ("+12129761234", "national"),
        ("+449012345678", "national"),
        ("+447012345678", "national"),
        ("+49900123456", "national"),
        ("+33891234567", "national"),
        ("+39899123456", "national"),
        ("+88212345678", "international"),
        ("+88312345678", "international"),
        ("+870301234567", "international"),
        ("+881612345678", "international"),
        ("+979123456789", "international"),
        ("+112", "short"),
        ("+911", "short"),
        ("+1911", "short"),
        ("+44999", "short"),
        ("+49112", "short"),
        ("+61000", "short"),
        # A trunk prefix between the country code and the number.
        ("+109005551234", "national"),
        ("+119005551234", "national"),
        ("+1019005551234", "national"),
        ("+4409012345678", "national"),
        ("+44009012345678", "national"),
        ("+490900123456", "national"),
        ("+330891234567", "national"),
        ("+788091234567", "national"),
        # Too few or too many digits: networks may route by the first ones.
        ("+1900555", "national"),
        ("+190055512345678", "national"),
    ],
)
def test_denied_numbers(to: str, kind: str) -> None:
    denied = find_denied_prefix(to)
    assert denied is not None
    assert denied.kind == kind
    assert not is_allowed(DEFAULT, to)
    with pytest.raises(DestinationNotAllowed, match="ALLOWED_DESTINATIONS does not allow"):
        require_allowed("+1,+4,+3,+7,+8,+9,+6", to)


@pytest.mark.parametrize(
    ("entries", "to", "allowed"),
    [
        ("+49", "+4930123456", True),
        ("+49", "+4830123456", False),
        ("+49", USER, False),
        ("+49, 8:acs:", USER, True),
        ("8:orgid:", USER, False),
        ("8:acs:3d20e1de-", USER, True),
        ("8:acs:00000000-", USER, False),
        ("+", USER, False),
        ("8:,28:", "+4930123456", False),
        ("off", "+4930123456", False),
        ("off", USER, False),
        # Who lists a denied prefix, or more of it, means it.
        ("+1900", "+19005551234", True),
        ("+19005551234", "+19005551234", True),
        ("+19005551234", "+19005551235", False),
        ("+1,+190", "+19005551234", False),
        ("+1900", "+12129761234", False),
        ("+88", "+88163123456", False),
        ("+881", "+88163123456", True),
        ("+44,+4490", "+449012345678", True),
        ("+449", "+4409012345678", False),
        ("+4409", "+4409012345678", True),
        ("+1911", "+1911", True),
    ],
)
def test_entries(entries: str, to: str, allowed: bool) -> None:
    assert is_allowed(entries, to) == allowed


@pytest.mark.parametrize(
    ("setting", "entries"),
    [
        (DEFAULT, ["+", "8:", "28:"]),
        ("off", []),
        ("+49, +1 ,8:acs:,28:orgid:45ab", ["+49", "+1", "8:acs:", "28:orgid:45ab"]),
    ],
)
def test_a_list_of_entries(setting: str, entries: list[str]) -> None:
    assert parse_entries(setting) == entries


@pytest.mark.parametrize(
    ("setting", "invalid"),
    [
        ("49", "49"),
        ("+49 30", "+49 30"),
        ("+1,+049", "+049"),
        ("", ""),
        ("+49,", ""),
        ("off,+49", "off"),
        ("*", "*"),
        ("4:+49", "4:+49"),
        ("8:skype:", "8:skype:"),
        ("9:", "9:"),
        ("+1234567890123456", "+1234567890123456"),
    ],
)
def test_an_entry_with_which_nothing_can_begin_is_named(setting: str, invalid: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(repr(invalid))} is neither off nor "):
        parse_entries(setting)
