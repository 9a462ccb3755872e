"""A setting that does not name the resource that exists is found."""

from __future__ import annotations

import pytest

from infra.checks.settings import FORBIDDEN
from tests.infra.conftest import Examine
from tests.infra.healthy import APP, STREAMER, answers, name_of, settings, shown

LIST = f"az functionapp config appsettings list {name_of(APP)}"

COMPARED = [
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AudioStorage__blobServiceUri",
    "AudioStorage__queueServiceUri",
    "AudioStorage__credential",
    "AudioStorage__clientId",
    "ACS_ENDPOINT",
    "ACS_TOKEN_AUDIENCE",
    "CALLBACK_URL",
    "STREAMER_URL",
]


def listed(values: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """What az answers about the settings."""
    return {LIST: [{"name": name, "value": value} for name, value in values.items()]}


@pytest.mark.parametrize("name", COMPARED)
def test_setting_that_is_wrong_or_missing_is_found(
    examine: Examine, answering_server: str, name: str
) -> None:
    values = settings(answering_server)
    ((level, text, _),) = examine(listed(values | {name: "wrong"}))["settings"]
    assert level == "error"
    assert text.startswith(f"{name} of the function app is wrong; the resources say ")
    del values[name]
    ((_, text, _),) = examine(listed(values))["settings"]
    assert text.startswith(f"{name} of the function app is not set")


@pytest.mark.parametrize("name", ["AUDIO_STORAGE_BLOB_SERVICE_URI", "ACS_TOKEN_AUDIENCE"])
def test_streamer_s_variable_that_is_wrong_is_found(
    examine: Examine, answering_server: str, name: str
) -> None:
    streamer = answers(answering_server)[shown(STREAMER)]
    container = streamer["properties"]["template"]["containers"][0]
    container["env"] = [entry for entry in container["env"] if entry["name"] != name]
    ((level, text, _),) = examine({shown(STREAMER): streamer})["settings"]
    assert level == "error"
    assert text.startswith(f"{name} of the streamer is not set")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_setting_that_flex_consumption_forbids_is_found(
    examine: Examine, answering_server: str, name: str
) -> None:
    ((level, text, remedy), _) = examine(listed(settings(answering_server) | {name: "1"}))[
        "settings"
    ]
    assert level == "error"
    assert name in text
    assert f"--setting-names {name}" in remedy


def test_open_doors_are_found(examine: Examine, answering_server: str) -> None:
    values = settings(answering_server) | {
        "FUNCTION_KEYS": "",
        "ALLOWED_DESTINATIONS": "+,8:,28:",
    }
    findings = examine(listed(values))["settings"]
    assert [level for level, _, _ in findings] == ["ok", "warning", "warning"]
    assert "FUNCTION_KEYS is empty" in findings[1][1]
    assert "ALLOWED_DESTINATIONS lists no country" in findings[2][1]
