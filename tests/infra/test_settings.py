"""Infrastructure and code agree on every setting: what is read is set, and what is set is read."""

from __future__ import annotations

import re

import pytest

import calls.settings
import configuration
import streamer.settings

from .dockerfile import Dockerfile

# The Bicep CLI takes seconds, and more where others work, too.
pytestmark = pytest.mark.timeout(400)

# Read by the Functions host and its worker, not by our code.
HOST_SETTINGS = {
    "AzureWebJobsStorage__blobServiceUri": "the host's locks, keys and package",
    "AzureWebJobsStorage__queueServiceUri": "the blob triggers' queue",
    "AzureWebJobsStorage__tableServiceUri": "the host's diagnostic events",
    "AzureWebJobsStorage__credential": "by identity",
    "AzureWebJobsStorage__clientId": "by which identity",
    "AudioStorage__queueServiceUri": "the poison queue is in the triggers' own account",
    "AudioStorage__credential": "by identity",
    "AudioStorage__clientId": "by which identity",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "where telemetry goes",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "by which identity",
}

# Flex Consumption ignores these, or func refuses to publish over them.
REFUSED_BY_FLEX = {
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
}

KEYS = re.compile(r"AccountKey=|SharedAccess|accesskey=|UseDevelopmentStorage", re.IGNORECASE)


# Without a default that holds, and not set: why.
LEFT_EMPTY = {
    "AudioStorage": "a laptop's: it would be a key",
    "AUDIO_STORAGE_CONNECTION_STRING": "a laptop's: it would be a key",
    "ACS_ACCESS_KEY": "a laptop's: it is a key",
    "SPEECH_ENDPOINT": "set where transcription is azure, with its resource",
    "SPEECH_KEY": "a laptop's: it is a key",
    "WHISPER_MODEL": "a laptop's: Azure transcribes by Azure AI Speech",
}


def missing(rows: list[configuration.Row], given: dict[str, str]) -> list[str]:
    """Settings that have no default, and are neither set nor left empty for a reason."""
    return [
        row.variable
        for row in rows
        if not row.default and row.variable not in given and row.variable not in LEFT_EMPTY
    ]


def resolved(settings: dict[str, str]) -> dict[str, str]:
    """With an address in place of each that only Azure knows."""
    return {
        name: f"{'wss' if 'wss://' in value else 'https'}://known.later"
        if value.startswith("[")
        else value
        for name, value in settings.items()
    }


def test_the_function_app_is_given_what_it_reads(app_settings: dict[str, str]) -> None:
    rows = configuration.table(calls.settings.Settings, calls.settings.SPELLED)
    assert not missing(rows, app_settings), "set these in infra/modules/function_app.bicep"
    assert app_settings["AZURE_CLIENT_ID"], "it has only a user-assigned identity"
    calls.settings.load(resolved(app_settings))


def test_the_function_app_reads_what_it_is_given(app_settings: dict[str, str]) -> None:
    rows = configuration.table(calls.settings.Settings, calls.settings.SPELLED)
    read = {row.variable for row in rows} | HOST_SETTINGS.keys()
    assert app_settings.keys() <= read
    assert not app_settings.keys() & REFUSED_BY_FLEX


def test_the_host_is_given_what_it_reads(app_settings: dict[str, str]) -> None:
    assert app_settings.keys() >= HOST_SETTINGS.keys()


def test_the_streamer_is_given_what_it_reads(streamer_settings: dict[str, str]) -> None:
    given = Dockerfile.read().environment | streamer_settings
    rows = configuration.table(streamer.settings.Settings)
    assert not missing(rows, given), "set these in infra/streamer.bicep"
    assert given["AZURE_CLIENT_ID"], "it has only a user-assigned identity"
    settings = streamer.settings.load(resolved(given))
    assert settings.host == "0.0.0.0"
    assert settings.log_level in ("debug", "info"), "alerts read the vital signs, logged at info"


def test_the_streamer_reads_what_it_is_given(streamer_settings: dict[str, str]) -> None:
    read = {row.variable for row in configuration.table(streamer.settings.Settings)}
    assert streamer_settings.keys() <= read
    of_python = {"PATH"} | {n for n in Dockerfile.read().environment if n.startswith("PYTHON")}
    assert Dockerfile.read().environment.keys() - of_python <= read


def test_every_lock_is_shut(
    app_settings: dict[str, str], streamer_settings: dict[str, str]
) -> None:
    app = calls.settings.load(resolved(app_settings))
    ours = streamer.settings.load(resolved(streamer_settings))
    assert app.callback_token_check == ours.token_check == ours.grant_check == "require"
    for settings in (app_settings, streamer_settings):
        assert "immutableResourceId" in settings["ACS_TOKEN_AUDIENCE"]


def test_no_setting_is_a_key(
    app_settings: dict[str, str], streamer_settings: dict[str, str]
) -> None:
    for settings in (app_settings, streamer_settings):
        assert not settings.keys() & LEFT_EMPTY.keys()
        assert not KEYS.search(str(settings))
