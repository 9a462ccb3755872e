"""Which announcement a call has."""

from __future__ import annotations

from typing import Any

import pytest

from calls.control.announcement_policy import (
    AnnouncementRequest,
    announcement_endpoint,
    call_announcement,
    setting_announcement,
)
from calls.records.announcement import Announcement
from calls.settings import Settings
from tests.calls.test_outgoing_urls import ATTACKS, PATHS

URL = "https://files.example/consent.wav"
ENDPOINT = "https://my-speech.cognitiveservices.azure.com"


def ask(settings: Settings | None = None, **members: Any) -> tuple[Announcement, list[str]]:
    """The announcement of a request, and the members that have faults."""
    faults: list[str] = []
    announcement = call_announcement(
        AnnouncementRequest(**members),
        settings or Settings(announcement_hosts="files.example"),
        lambda member, _: faults.append(member),
    )
    return announcement, faults


def test_a_text_and_a_file() -> None:
    text, faults = ask(text="Recorded.", voice="en-US-Ava:DragonHDLatestNeural", locale="de-de")
    assert (text.text, text.voice, text.locale, text.url) == (
        "Recorded.",
        "en-US-Ava:DragonHDLatestNeural",
        "de-DE",
        None,
    )
    file, more = ask(url=URL, required=False)
    assert (file.url, file.text, file.locale) == (URL, None, None)
    assert (text.policy, file.policy, text.source, file.source) == (
        "required",
        "on",
        "call",
        "call",
    )
    assert faults == more == []


def test_the_locale_of_the_settings_is_the_default() -> None:
    assert ask(Settings(announcement_locale="fr-FR"), text="Enregistré.")[0].locale == "fr-FR"


@pytest.mark.parametrize(
    ("members", "faults"),
    [
        ({}, ["text"]),
        ({"text": "x", "url": URL}, ["text"]),
        ({"text": "two\nlines"}, ["text"]),
        ({"text": " x"}, ["text"]),
        ({"text": "x", "voice": "<voice/>"}, ["voice"]),
        ({"text": "x", "voice": "a" * 101}, ["voice"]),
        ({"text": "x", "locale": "english"}, ["locale"]),
        ({"text": "x", "locale": "auto"}, ["locale"]),
        ({"url": "https://other.example/consent.wav"}, ["url"]),
        ({"url": URL + "?sig=secret"}, ["url"]),
        ({"url": "https://files.example"}, ["url"]),
    ],
)
def test_faults_are_named(members: dict[str, Any], faults: list[str]) -> None:
    assert ask(**members)[1] == faults


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_on_the_list_of_hosts_is_a_file(attack: str) -> None:
    settings = Settings(announcement_hosts="*.cognitiveservices.azure.com,files.example")
    for url in (attack, attack + "/consent.wav", *("https://files.example" + p for p in PATHS)):
        assert ask(settings, url=url)[1] == ["url"]


def test_no_file_is_permitted_without_hosts() -> None:
    assert ask(Settings(), url=URL)[1] == ["url"]


def test_a_call_cannot_weaken_the_settings() -> None:
    required = Settings(announcement="required")
    assert ask(required, text="x", required=False)[1] == ["required"]
    assert ask(required, text="x")[1] == []


def test_the_announcement_of_the_settings() -> None:
    text = Settings(announcement="on", announcement_text="Recorded.", announcement_voice="v")
    assert setting_announcement(text) == Announcement(
        policy="on", source="setting", text="Recorded.", voice="v", locale="en-US"
    )
    file = Settings(announcement="required", announcement_url=URL)
    assert setting_announcement(file) == Announcement(policy="required", source="setting", url=URL)
    for none in (Settings(announcement_text="Recorded."), Settings(announcement="required")):
        assert setting_announcement(none) is None


def test_only_a_text_needs_an_endpoint() -> None:
    settings = Settings(cognitive_services_endpoint=ENDPOINT)
    text = Announcement(policy="on", source="call", text="x")
    assert announcement_endpoint(settings, text) == ENDPOINT
    assert announcement_endpoint(Settings(), text) is None
    file = Announcement(policy="on", source="call", url=URL)
    assert announcement_endpoint(settings, file) is announcement_endpoint(settings, None) is None
