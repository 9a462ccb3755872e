"""The settings of both programs: whether they name the resources that exist."""

from __future__ import annotations

from collections.abc import Iterator

from infra.findings import Finding, error, ok, warning
from infra.system import FUNCTION_IDENTITY, System

FORBIDDEN = (
    "WEBSITE_RUN_FROM_PACKAGE",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "WEBSITE_AUTH_ENABLED",
)
"""Settings that nobody may add: publishing fails with some, and the last one is App Service's."""


def check_settings(system: System) -> Iterator[Finding]:
    """Compare the settings with the resources that they name."""
    settings = system.settings()
    problems = list(_compare("function app", settings, _expected_settings(system)))
    container = system.streamer()["properties"]["template"]["containers"][0]
    variables = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    problems += _compare("streamer", variables, _expected_variables(system))
    yield from problems
    for name in FORBIDDEN:
        if name in settings:
            yield error(
                f"The function app has the setting {name}, which Flex Consumption does not allow.",
                f"Run: az functionapp config appsettings delete --name {system.app_name()} "
                f"--resource-group {system.group} --setting-names {name}",
            )
    if not problems:
        yield ok("the settings of both programs name the resources that exist")
    yield from _check_openness(settings)


def _expected_settings(system: System) -> dict[str, str]:
    """The function app's settings that follow from the resources."""
    storage = system.storage()
    endpoints = storage["properties"]["primaryEndpoints"]
    communication = system.communication()["properties"]
    client = system.identity(FUNCTION_IDENTITY)["properties"]["clientId"]
    return {
        "AzureWebJobsStorage__accountName": storage["name"],
        "AzureWebJobsStorage__blobServiceUri": endpoints["blob"],
        "AzureWebJobsStorage__queueServiceUri": endpoints["queue"],
        "AzureWebJobsStorage__tableServiceUri": endpoints["table"],
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": client,
        "AudioStorage__blobServiceUri": endpoints["blob"],
        "AudioStorage__queueServiceUri": endpoints["queue"],
        "AudioStorage__credential": "managedidentity",
        "AudioStorage__clientId": client,
        "ACS_ENDPOINT": f"https://{communication['hostName']}",
        "ACS_TOKEN_AUDIENCE": communication["immutableResourceId"],
        "CALLBACK_URL": system.app_url(),
        "STREAMER_URL": system.streamer_url(),
    }


def _expected_variables(system: System) -> dict[str, str]:
    """The streamer's variables that follow from the resources."""
    return {
        "AUDIO_STORAGE_BLOB_SERVICE_URI": system.storage()["properties"]["primaryEndpoints"][
            "blob"
        ],
        "ACS_TOKEN_AUDIENCE": system.communication()["properties"]["immutableResourceId"],
    }


def _compare(program: str, settings: dict[str, str], expected: dict[str, str]) -> Iterator[Finding]:
    for name, value in expected.items():
        actual = settings.get(name)
        if actual != value:
            yield error(
                f"{name} of the {program} is {actual or 'not set'}; the resources say {value}.",
                "If functionSettings or settings in a parameter file set it, correct it there; "
                "then run infra/deploy, which sets it.",
            )


def _check_openness(settings: dict[str, str]) -> Iterator[Finding]:
    if settings.get("AUTHENTICATION") != "entra" and not settings.get("FUNCTION_KEYS"):
        yield warning(
            "Every function key may do everything: FUNCTION_KEYS is empty.",
            "Run infra/deploy keys; docs/azure.md, 'Name the function keys'.",
        )
    if settings.get("ALLOWED_DESTINATIONS", "").startswith("+,"):
        yield warning(
            "Almost every number may be called: ALLOWED_DESTINATIONS lists no country.",
            "List those that you call: ALLOWED_DESTINATIONS=+49,+44 infra/deploy provision",
        )
