"""Templates and code agree on every setting: what is read is set, and what is set is read."""

from __future__ import annotations

import json
import re

import pytest

import calls.settings
import configuration
import local.up
import streamer.settings
from calls.http import requests
from infra.shell import ROOT

from .bicep_server import BicepServer
from .dockerfile import Dockerfile

# The Bicep CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

# Read by the Functions host and its worker, not by this project's code.
HOST_SETTINGS = {
    "AzureWebJobsStorage__accountName": "the host's storage, by its name",
    "AzureWebJobsStorage__blobServiceUri": "the host's locks, keys and package",
    "AzureWebJobsStorage__queueServiceUri": "the blob triggers' queue",
    "AzureWebJobsStorage__tableServiceUri": "the host's diagnostic events",
    "AzureWebJobsStorage__credential": "access by identity",
    "AzureWebJobsStorage__clientId": "which identity",
    "AudioStorage__credential": "access by identity",
    "AudioStorage__clientId": "which identity",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "destination of telemetry",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "which identity",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "the most bytes of a request that the host reads",
}

# Flex Consumption ignores these, or func refuses to publish if they are set.
NOT_IN_FLEX = {
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

# Settings without a usable default that are not set, with the reason.
NOT_SET = {
    "AudioStorage": "local only: it contains a key",
    "AUDIO_STORAGE_CONNECTION_STRING": "local only: it contains a key",
    "ACS_ACCESS_KEY": "local only: it is a key",
    "ANNOUNCEMENT_TEXT": "optional: in functionSettings, for announced calls",
    "ANNOUNCEMENT_URL": "optional: in place of a text",
    "ANNOUNCEMENT_HOSTS": "optional: for announcements from files",
    "ANNOUNCEMENT_VOICE": "optional: else ACS chooses one",
    "COGNITIVE_SERVICES_ENDPOINT": "optional: for announcements that are spoken",
    "COGNITIVE_SERVICES_HOSTS": "optional: more hosts than Azure's own",
    "WEBHOOKS": "optional: in functionSettings, for those who are told of calls",
    "WEBHOOK_SECRETS": "optional: with WEBHOOKS",
    "WEBHOOK_HOSTS": "optional: for calls that name a webhook",
    "EVENT_GRID_TOPIC_ENDPOINT": "set if there is a topic",
    "SEARCH_ENDPOINT": "set if search is azure",
    "SPEECH_ENDPOINT": "set if transcription is azure",
    "SPEECH_KEY": "local only: it is a key",
    "WHISPER_MODEL": "local only: Azure AI Speech transcribes in Azure",
}


def find_missing(rows: list[configuration.Row], settings: dict[str, str]) -> list[str]:
    """Return the settings that have no default, are not set, and should be."""
    return [
        row.variable
        for row in rows
        if not row.default and row.variable not in settings and row.variable not in NOT_SET
    ]


def resolve(settings: dict[str, str]) -> dict[str, str]:
    """Replace the addresses that only Azure knows."""
    return {
        name: f"{'wss' if 'wss://' in value else 'https'}://later.example"
        if value.startswith("[")
        else value
        for name, value in settings.items()
    }


def test_function_app_gets_the_settings_that_it_reads(app_settings: dict[str, str]) -> None:
    rows = configuration.table(calls.settings.Settings, calls.settings.SPELLED)
    assert not find_missing(rows, app_settings), "set these in infra/modules/function_app.bicep"
    assert app_settings["AZURE_CLIENT_ID"], "it has only a user-assigned identity"
    calls.settings.load(resolve(app_settings))


def test_function_app_reads_the_settings_that_it_gets(app_settings: dict[str, str]) -> None:
    rows = configuration.table(calls.settings.Settings, calls.settings.SPELLED)
    read = {row.variable for row in rows} | HOST_SETTINGS.keys()
    assert app_settings.keys() <= read
    assert not app_settings.keys() & NOT_IN_FLEX


def test_host_gets_the_settings_that_it_reads(app_settings: dict[str, str]) -> None:
    assert app_settings.keys() >= HOST_SETTINGS.keys()


def test_the_host_reads_bodies_of_the_same_size_in_azure_and_locally(
    app_settings: dict[str, str],
) -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    name = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
    assert app_settings[name] == example[name] == str(local.up.BODY_LIMIT)
    assert local.up.BODY_LIMIT >= requests.MAX_BODY_BYTES
    assert local.up.BODY_LIMIT >= 1024 * 1024, "an event of Event Grid must fit"


def test_streamer_gets_the_settings_that_it_reads(streamer_settings: dict[str, str]) -> None:
    environment = Dockerfile.read().environment | streamer_settings
    rows = configuration.table(streamer.settings.Settings)
    assert not find_missing(rows, environment), "set these in infra/streamer.bicep"
    assert environment["AZURE_CLIENT_ID"], "it has only a user-assigned identity"
    settings = streamer.settings.load(resolve(environment))
    assert settings.host == "0.0.0.0"
    assert settings.log_level in ("debug", "info"), (
        "alerts read the statistics, which are logged at info"
    )


def test_streamer_reads_the_settings_that_it_gets(streamer_settings: dict[str, str]) -> None:
    read = {row.variable for row in configuration.table(streamer.settings.Settings)}
    assert streamer_settings.keys() <= read
    of_python = {"PATH"} | {n for n in Dockerfile.read().environment if n.startswith("PYTHON")}
    assert Dockerfile.read().environment.keys() - of_python <= read


def test_every_check_is_required_but_tokens_are_learned_at_first(
    app_settings: dict[str, str],
    streamer_settings: dict[str, str],
    bicep_server: BicepServer,
) -> None:
    app = calls.settings.load(resolve(app_settings))
    of_streamer = streamer.settings.load(resolve(streamer_settings))
    assert app.callback_ids_check == of_streamer.grant_check == "require"
    assert app.callback_token_check == of_streamer.token_check == "learn"
    variables = {"ACS_TOKEN_CHECK": "require"}
    (container_app,) = bicep_server.snapshot("streamer", **variables)["predictedResources"]
    (container,) = container_app["properties"]["template"]["containers"]
    assert {"name": "TOKEN_CHECK", "value": "require"} in container["env"]
    resources = bicep_server.snapshot("main", **variables)["predictedResources"]
    (settings,) = (r["properties"] for r in resources if r["name"].endswith("/appsettings"))
    assert settings["CALLBACK_TOKEN_CHECK"] == "require"
    for settings in (app_settings, streamer_settings):
        assert "immutableResourceId" in settings["ACS_TOKEN_AUDIENCE"]


def test_no_setting_is_a_key(
    app_settings: dict[str, str], streamer_settings: dict[str, str]
) -> None:
    for settings in (app_settings, streamer_settings):
        assert not settings.keys() & NOT_SET.keys()
        assert not KEYS.search(str(settings))
