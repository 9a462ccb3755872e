"""The grammar of identifiers, and attempts to circumvent it."""

from __future__ import annotations

import pytest
from azure.communication.callautomation import (
    CommunicationIdentifier,
    CommunicationUserIdentifier,
    MicrosoftTeamsAppIdentifier,
    MicrosoftTeamsUserIdentifier,
)
from azure.communication.callautomation._shared.models import (
    TeamsExtensionUserIdentifier,
    identifier_from_raw_id,
)

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


# From Microsoft's own tests of ``identifier_from_raw_id``.
RESOURCE, GUID = "37691ec4-57fb-4c0f-ae31-32791610cb14", "45ab2481-1c1c-4005-be24-0ffb879b1130"
CALLABLE_IDS = [
    (f"8:acs:{RESOURCE}_{GUID}", CommunicationUserIdentifier),
    (f"8:dod-acs:{RESOURCE}_{GUID}", CommunicationUserIdentifier),
    (f"8:gcch-acs:{RESOURCE}_{GUID}", CommunicationUserIdentifier),
    (f"8:spool:{RESOURCE}_{GUID}", CommunicationUserIdentifier),
    (f"8:acs:{RESOURCE}_{GUID}_{GUID}", TeamsExtensionUserIdentifier),
    (f"8:orgid:{GUID}", MicrosoftTeamsUserIdentifier),
    (f"8:dod:{GUID}", MicrosoftTeamsUserIdentifier),
    (f"8:gcch:{GUID}", MicrosoftTeamsUserIdentifier),
    (f"8:teamsvisitor:{GUID}", MicrosoftTeamsUserIdentifier),
    (f"28:orgid:{GUID}", MicrosoftTeamsAppIdentifier),
    (f"28:dod:{GUID}", MicrosoftTeamsAppIdentifier),
    (f"28:gcch:{GUID}", MicrosoftTeamsAppIdentifier),
]
OTHER_RAW_IDS = [
    "4:+15551230000",
    "4:15551230000",
    "4:anonymous",
    "4:anonymous123",
    "4:otherFormat",
    f"4:{GUID}",
    f"4:+15551230000_{GUID}",
    f"28:{GUID}",
    f"28:gcch-global:{GUID}",
    "48:conference",
    "8:new-cloud:é b/../c",
    "x" * 256,
]


@pytest.mark.parametrize(("text", "kind"), CALLABLE_IDS)
def test_what_can_be_called_is_what_the_sdk_has_a_type_for(
    text: str, kind: type[CommunicationIdentifier]
) -> None:
    assert identifiers.is_callable_id(text)
    assert type(identifier_from_raw_id(text)) is kind


@pytest.mark.parametrize(
    "text", [*OTHER_RAW_IDS, "8:acs:", "8:acs:a/b", "8:acs:a b", "acs:x", "8:acs:a\n", "8:x:y"]
)
def test_nobody_else_can_be_called(text: str) -> None:
    assert not identifiers.is_callable_id(text)


def test_a_phone_numbers_raw_id() -> None:
    assert identifiers.phone_number_raw_id("+15551230000") == "4:+15551230000"


def test_only_phone_numbers_are_displayed_without_a_prefix() -> None:
    for shown in ("+15551230000", "15551230000", "anonymous"):
        assert identifiers.display_id(f"4:{shown}") == shown
    for raw_id in ("4:anonymous123", f"4:{GUID}", f"28:{GUID}", "8:acs:a_b", "4:"):
        assert identifiers.display_id(raw_id) == raw_id


@pytest.mark.parametrize("text", [*OTHER_RAW_IDS, *(raw_id for raw_id, _ in CALLABLE_IDS)])
def test_any_printable_text_is_a_raw_id(text: str) -> None:
    assert identifiers.is_raw_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "x" * 257, "4:\x00", "4:a\nb", "4:a\x85", "4:\u2028", "4:\u202e", "4:\x1b[2J", "4:\ud800"],
)
def test_other_texts_are_not_raw_ids(text: str) -> None:
    assert not identifiers.is_raw_id(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fish & chips", "Fish & chips"),
        ("a\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029b", "a b"),
        ("\x00a\x1b\x7f\x9b b\t", "a b"),
        ("\u202ea\u2066b\ud800", "a b"),
        ("e\u0301\u200d\u200f", "e\u0301\u200d\u200f"),
        ("\n", ""),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    assert identifiers.one_line(text) == expected


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
