"""The grammar of identifiers, and attempts to circumvent it."""

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
def test_other_texts_are_not_call_connection_ids(text: str) -> None:
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


@pytest.mark.parametrize(
    "text",
    [
        "4:+15551230000",
        "4:15551230000",
        "4:anonymous",
        "4:+15551230000_207ffef6-9444-41fb-92ab-20eacaae2768",
        "8:acs:37691ec4-57fb-4c0f-ae31-32791610cb14_37691ec4-57fb-4c0f-ae31-32791610cb15",
        "8:orgid:45ab2481-1c1c-4005-be24-0ffb879b1130",
        "8:gcch-acs:37691ec4_x",
        "28:orgid:01234567-89ab-cdef-0123-456789abcdef",
    ],
)
def test_raw_ids_of_callers(text: str) -> None:
    assert identifiers.is_raw_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "4:", "4:+", "4:x", "+15551230000", "8:acs:", "8:acs:a/b", "8:acs:a\n", "48:a:b", "é"],
)
def test_other_texts_are_not_raw_ids(text: str) -> None:
    assert not identifiers.is_raw_id(text)


def test_the_call_connection_id_in_a_source() -> None:
    named = "4c1f5600-a9c6-4343-8979-b638a98de98f"
    for source in (f"calling/callConnections/{named}", f"calling/callConnections/{named}/Kind"):
        assert identifiers.call_of_source(source) == named
    for source in ("", "calling/callConnections/", "/caller/8:acs:x", f"x/{named}"):
        assert identifiers.call_of_source(source) is None


# From Microsoft's own samples.
CONVERSATION = (
    "aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHkuc2t5cGUuY29tL2FwaS92Mi9jcC9jb252LXVzZWEyLTAxLmNvbnYuc2t5cGUu"
    "Y29tL2NvbnYvRkhjV1lURXFZMENUY0VKUlJ3VHc1UT9pPTQmZT02MzgxNDkzMTEwNDk0NTM2ODQ="
)
OTHER = (
    "aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHkuc2t5cGUuY29tL2FwaS92Mi9jcC9jb252LXVzZWEyLTAxLmNvbnYuc2t5cGUu"
    "Y29tL2NvbnYvQzNuT3lkY3E0VTZCV0gtcG1GNmc1Zz9pPTQmZT02Mzc5ODYwMDMzNDQ2MTA5MzM="
)


def test_server_call_ids_of_one_conversation() -> None:
    assert identifiers.same_conversation(CONVERSATION, CONVERSATION.rstrip("="))
    assert not identifiers.same_conversation(CONVERSATION, OTHER)
    for nonsense in ("", "=", "x", "é", "a b", "=" * 9, "https://x"):
        assert identifiers.same_conversation(nonsense, nonsense)
        assert not identifiers.same_conversation(CONVERSATION, nonsense)
    # Base64 of anything other than a URL is compared as it is.
    assert not identifiers.same_conversation("YT9i", "YT9j")
