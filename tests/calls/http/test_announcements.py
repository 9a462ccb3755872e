"""The announcement in the body of ``POST /api/v1/calls``."""

from __future__ import annotations

from typing import Any

import pytest

from calls.control.placing import PlaceCall
from calls.http.calls import parse_place_call
from calls.http.problems import Problem
from calls.settings import Settings

BODY = {"to": "+15551230000", "from": "+15559990000"}
ENDPOINT = "https://my-speech.cognitiveservices.azure.com"
TEXT = {"text": "This call is recorded."}


def parse(members: dict[str, Any], **settings: Any) -> PlaceCall:
    return parse_place_call(BODY | members, Settings(**settings))


def faults(members: dict[str, Any], **settings: Any) -> list[str]:
    with pytest.raises(Problem) as refused:
        parse(members, **settings)
    assert refused.value.status == 400
    assert refused.value.errors is not None
    return [error["field"] for error in refused.value.errors]


def test_a_call_has_no_announcement_by_default() -> None:
    assert parse({}).announcement is None
    assert parse({"announcement": None}).announcement is None


def test_the_call_s_own_announcement_wins_over_the_settings() -> None:
    settings = {"announcement": "on", "announcement_text": "Of the settings."}
    own = parse(
        {"announcement": TEXT, "cognitive_services_endpoint": ENDPOINT}, **settings
    ).announcement
    assert own is not None
    assert (own.source, own.policy, own.text) == ("call", "required", TEXT["text"])
    default = parse({}, **settings).announcement
    assert default is not None
    assert (default.source, default.policy, default.text) == ("setting", "on", "Of the settings.")


def test_a_text_needs_an_endpoint_of_the_call_or_of_the_settings() -> None:
    assert faults({"announcement": TEXT}) == ["announcement.text"]
    assert parse({"announcement": TEXT}, cognitive_services_endpoint=ENDPOINT).announcement


def test_where_an_announcement_is_required_a_call_without_one_is_refused() -> None:
    assert faults({}, announcement="required") == ["announcement"]
    body = {"announcement": TEXT | {"required": False}, "cognitive_services_endpoint": ENDPOINT}
    assert faults(body, announcement="required") == ["announcement.required"]
    assert parse({}, announcement="required", announcement_text="x").announcement


@pytest.mark.parametrize(
    ("announcement", "fields"),
    [
        ("Recorded.", ["announcement"]),
        ([], ["announcement"]),
        ({}, ["announcement.text"]),
        ({"text": "x" * 1025}, ["announcement.text"]),
        ({"url": "https://files.example/a.wav"}, ["announcement.url"]),
        (TEXT | {"ssml": "<speak/>"}, ["announcement.ssml"]),
        (TEXT | {"required": "no", "loop": 1}, ["announcement.required", "announcement.loop"]),
    ],
)
def test_faults_are_named(announcement: Any, fields: list[str]) -> None:
    body = {"announcement": announcement, "cognitive_services_endpoint": ENDPOINT}
    assert faults(body) == fields
