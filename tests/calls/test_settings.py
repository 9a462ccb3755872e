"""The settings of the function app, and which of them Azure forbids."""

from __future__ import annotations

import pytest

import streamer.settings
from calls.settings import load
from configuration import SettingsError

VALID = {
    "AudioStorage__blobServiceUri": "https://account.blob.core.windows.net",
    "AudioStorage__queueServiceUri": "https://account.queue.core.windows.net",
    "ACS_ENDPOINT": "https://resource.communication.azure.com",
    "ACS_TOKEN_AUDIENCE": "resource",
    "CALLBACK_URL": "https://app.azurewebsites.net",
    "STREAMER_URL": "wss://streamer.azurecontainerapps.io",
}
AZURE = {"IDENTITY_ENDPOINT": "http://169.254.255.2:8081/msi/token"}
STORAGE_KEY = "AccountName=account;AccountKey=c2VjcmV0;BlobEndpoint=https://account.blob"


def test_managed_identity_needs_no_key() -> None:
    assert load(VALID | AZURE).acs_access_key == ""


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ({"AudioStorage": STORAGE_KEY, "AudioStorage__blobServiceUri": ""}, "AudioStorage"),
        ({"ACS_ACCESS_KEY": "c2VjcmV0"}, "ACS_ACCESS_KEY"),
        ({"SPEECH_KEY": "c2VjcmV0"}, "SPEECH_KEY"),
        ({"STREAMER_URL": "ws://streamer"}, "STREAMER_URL"),
        ({"CALLBACK_URL": "http://app"}, "CALLBACK_URL"),
        ({"ACS_TOKEN_JWKS_URL": "http://keys"}, "ACS_TOKEN_JWKS_URL"),
    ],
)
def test_settings_that_are_for_local_development_only(setting: dict[str, str], name: str) -> None:
    load(VALID | setting)
    with pytest.raises(SettingsError) as refused:
        load(VALID | setting | AZURE)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(name + ":")
    assert "c2VjcmV0" not in line


def test_the_streamer_refuses_a_connection_string_in_azure() -> None:
    settings = {"AUDIO_STORAGE_CONNECTION_STRING": STORAGE_KEY, "ACS_TOKEN_AUDIENCE": "resource"}
    streamer.settings.load(settings)
    with pytest.raises(SettingsError, match="AUDIO_STORAGE_CONNECTION_STRING") as refused:
        streamer.settings.load(settings | AZURE)
    assert "c2VjcmV0" not in str(refused.value)


def test_the_streamer_fetches_keys_only_over_tls_in_azure() -> None:
    settings = {
        "AUDIO_STORAGE_BLOB_SERVICE_URI": VALID["AudioStorage__blobServiceUri"],
        "ACS_TOKEN_AUDIENCE": "resource",
        "ACS_TOKEN_JWKS_URL": "http://keys",
    }
    streamer.settings.load(settings)
    with pytest.raises(SettingsError, match="ACS_TOKEN_JWKS_URL: must begin with https://"):
        streamer.settings.load(settings | AZURE)


def test_which_numbers_are_answered() -> None:
    raw_ids = "4:+15551230000", "8:acs:a_b", "4:+15551230001", "28:45ab2481", "4:anonymous123"
    for text, expected in (
        ("off", set()),
        ("all", set(raw_ids)),
        ("+15551230000", {"4:+15551230000"}),
        (" +15551230000 , 8:acs:a_b", {"4:+15551230000", "8:acs:a_b"}),
        ("28:45ab2481, 4:anonymous123", {"28:45ab2481", "4:anonymous123"}),
    ):
        settings = load(VALID | AZURE | {"ANSWER_CALLS": text})
        assert {raw_id for raw_id in raw_ids if settings.answers(raw_id)} == expected, text
    assert load(VALID).answer_calls == "off"


@pytest.mark.parametrize(
    "wrong", ["on", "ALL", "15551230000", "+1555,", "all,+15551230000", "4:+1\x1b"]
)
def test_a_wrong_list_of_numbers_to_answer_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^ANSWER_CALLS: ") as refused:
        load(VALID | {"ANSWER_CALLS": wrong})
    assert len(str(refused.value).splitlines()) == 1


def test_a_wrong_list_of_destinations_is_named() -> None:
    with pytest.raises(
        SettingsError, match=r"^ALLOWED_DESTINATIONS: '0049' is neither "
    ) as refused:
        load(VALID | {"ALLOWED_DESTINATIONS": "+49,0049"})
    assert len(str(refused.value).splitlines()) == 1
    assert load(VALID | {"ALLOWED_DESTINATIONS": "+49,8:acs:"}).allowed_destinations == "+49,8:acs:"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("TRANSCRIPTION_LOCALE", "english"),
        ("TRANSCRIPTION_LOCALE", "auto,en-US"),
        ("COGNITIVE_SERVICES_HOSTS", "10.0.0.1"),
        ("ANSWER_CHANNELS", "stereo"),
        ("ANSWER_SAMPLE_RATE", "8000"),
        ("ANSWER_START_STREAMING", "perhaps"),
    ],
)
def test_a_wrong_setting_is_named(name: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load(VALID | {name: wrong})


SPEECH = {"COGNITIVE_SERVICES_ENDPOINT": "https://my-speech.cognitiveservices.azure.com"}
TEXT = {"ANNOUNCEMENT_TEXT": "This call is recorded."}
FILE = {"ANNOUNCEMENT_URL": "https://files.example/a.wav", "ANNOUNCEMENT_HOSTS": "files.example"}


@pytest.mark.parametrize(
    "settings",
    [
        {"ANNOUNCEMENT": "on"} | TEXT | SPEECH,
        {"ANNOUNCEMENT": "required"} | FILE,
        # Each call brings its own, and incoming ones are left.
        {"ANNOUNCEMENT": "required"},
        SPEECH,
    ],
)
def test_settings_of_an_announcement(settings: dict[str, str]) -> None:
    load(VALID | settings)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"ANNOUNCEMENT": "perhaps"}, "ANNOUNCEMENT"),
        ({"ANNOUNCEMENT": "on"}, "ANNOUNCEMENT"),
        (TEXT, "COGNITIVE_SERVICES_ENDPOINT"),
        (TEXT | FILE | SPEECH, "ANNOUNCEMENT_TEXT"),
        (FILE | {"ANNOUNCEMENT_HOSTS": ""}, "ANNOUNCEMENT_URL"),
        (FILE | {"ANNOUNCEMENT_HOSTS": "10.0.0.1"}, "ANNOUNCEMENT_HOSTS"),
        ({"COGNITIVE_SERVICES_ENDPOINT": "https://evil.example"}, "COGNITIVE_SERVICES_ENDPOINT"),
        ({"ANNOUNCEMENT_LOCALE": "auto"}, "ANNOUNCEMENT_LOCALE"),
        ({"ANNOUNCEMENT_TEXT": "two\nlines"} | SPEECH, "ANNOUNCEMENT_TEXT"),
        ({"ANNOUNCEMENT_VOICE": "<voice/>"}, "ANNOUNCEMENT_VOICE"),
        ({"ANNOUNCEMENT_SECONDS": "4"}, "ANNOUNCEMENT_SECONDS"),
    ],
)
def test_a_wrong_setting_of_an_announcement_is_named(settings: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(VALID | settings)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(name + ":")


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"CALLBACK_TOKEN_CHECK": "perhaps", "LINK_SECONDS": "0"})
    names = {line.partition(":")[0] for line in str(refused.value).splitlines()}
    assert names >= {"CALLBACK_TOKEN_CHECK", "LINK_SECONDS", "ACS_ENDPOINT", "CALLBACK_URL"}
