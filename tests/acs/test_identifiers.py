"""The grammar of identifiers, and what tries to slip through it."""

from __future__ import annotations

import pytest

from acs import identifiers


@pytest.mark.parametrize("text", ["4c1f5600-a9c6-4343-8979-b638a98de98f", "a", "A_b-1", "x" * 128])
def test_call_connection_ids(text: str) -> None:
    assert identifiers.is_call_connection_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "..", "../x", "a/b", "a.b", "a\\b", "-a", "a\n", "a%2Fb", "é", "\u0661", "x" * 129, "a b"],
)
def test_what_is_no_call_connection_id(text: str) -> None:
    assert not identifiers.is_call_connection_id(text)


def test_phone_numbers_are_e164() -> None:
    assert identifiers.is_phone_number("+15551230000")
    for text in ("15551230000", "+0155", "+1555123000000000", "+1 555", "+1555a", "+1555\n", ""):
        assert not identifiers.is_phone_number(text)


def test_communication_user_ids() -> None:
    assert identifiers.is_communication_user_id("8:acs:3d20e1de-0f28_0000")
    for text in ("8:acs:", "8:acs:a/b", "4:+1555", "acs:x", "8:acs:a\n"):
        assert not identifiers.is_communication_user_id(text)


def test_a_phone_numbers_raw_id() -> None:
    assert identifiers.phone_number_raw_id("+15551230000") == "4:+15551230000"
