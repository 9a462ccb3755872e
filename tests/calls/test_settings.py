"""The settings of the function app, and what Azure forbids."""

from __future__ import annotations

import pytest

import streamer.settings
from calls.settings import load
from configuration import SettingsError

RIGHT = {
    "AudioStorage__blobServiceUri": "https://account.blob.core.windows.net",
    "ACS_ENDPOINT": "https://resource.communication.azure.com",
    "ACS_TOKEN_AUDIENCE": "resource",
    "CALLBACK_URL": "https://app.azurewebsites.net",
    "STREAMER_URL": "wss://streamer.azurecontainerapps.io",
}
AZURE = {"IDENTITY_ENDPOINT": "http://169.254.255.2:8081/msi/token"}
STORAGE_KEY = "AccountName=account;AccountKey=c2VjcmV0;BlobEndpoint=https://account.blob"


def test_managed_identity_needs_no_key() -> None:
    assert load(RIGHT | AZURE).acs_access_key == ""


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"AudioStorage": STORAGE_KEY, "AudioStorage__blobServiceUri": ""}, "AudioStorage"),
        ({"ACS_ACCESS_KEY": "c2VjcmV0"}, "ACS_ACCESS_KEY"),
        ({"SPEECH_KEY": "c2VjcmV0"}, "SPEECH_KEY"),
        ({"STREAMER_URL": "ws://streamer"}, "STREAMER_URL"),
        ({"CALLBACK_URL": "http://app"}, "CALLBACK_URL"),
        ({"ACS_TOKEN_JWKS_URL": "http://keys"}, "ACS_TOKEN_JWKS_URL"),
    ],
)
def test_what_a_laptop_may_and_azure_may_not(wrong: dict[str, str], named: str) -> None:
    load(RIGHT | wrong)
    with pytest.raises(SettingsError) as refused:
        load(RIGHT | wrong | AZURE)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(named + ":")
    assert "c2VjcmV0" not in line


def test_the_streamer_in_azure_takes_no_connection_string() -> None:
    settings = {"AUDIO_STORAGE_CONNECTION_STRING": STORAGE_KEY, "ACS_TOKEN_AUDIENCE": "resource"}
    streamer.settings.load(settings)
    with pytest.raises(SettingsError, match="AUDIO_STORAGE_CONNECTION_STRING") as refused:
        streamer.settings.load(settings | AZURE)
    assert "c2VjcmV0" not in str(refused.value)


def test_the_streamer_in_azure_asks_for_keys_over_tls() -> None:
    settings = {
        "AUDIO_STORAGE_BLOB_SERVICE_URI": RIGHT["AudioStorage__blobServiceUri"],
        "ACS_TOKEN_AUDIENCE": "resource",
        "ACS_TOKEN_JWKS_URL": "http://keys",
    }
    streamer.settings.load(settings)
    with pytest.raises(SettingsError, match="ACS_TOKEN_JWKS_URL: must begin with https://"):
        streamer.settings.load(settings | AZURE)


def test_every_fault_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"CALLBACK_TOKEN_CHECK": "perhaps", "LINK_SECONDS": "0"})
    named = {line.partition(":")[0] for line in str(refused.value).splitlines()}
    assert named >= {"CALLBACK_TOKEN_CHECK", "LINK_SECONDS", "ACS_ENDPOINT", "CALLBACK_URL"}
