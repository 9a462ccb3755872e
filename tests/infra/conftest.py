"""What a deployment would make, by the real Bicep CLI; skipped where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from infra import bicep

WHERE = {
    "subscription_id": "00000000-0000-4000-8000-000000000001",
    "resource_group": "rg-calls",
    "location": "westeurope",
}

Resources = list[dict[str, Any]]


@cache
def _snapshot(name: str) -> dict[str, Any]:
    cli = bicep.find()
    assert cli is not None
    return bicep.snapshot(cli, bicep.FOLDER / f"{name}.bicepparam", **WHERE)


@pytest.fixture(scope="session")
def cli() -> str:
    """The Bicep CLI."""
    found = bicep.find()
    if found is None:
        pytest.skip("no Bicep CLI: set BICEP, or install it (az bicep install)")
    return found


@pytest.fixture(scope="session")
def snapshot(cli: str) -> Callable[[str], dict[str, Any]]:
    """The snapshot of a template, with the parameters of its own file."""
    return _snapshot


@pytest.fixture(scope="session")
def deployed(cli: str) -> Callable[..., Resources]:
    """All resources of all templates, or those of one type."""

    def resources(of_type: str = "") -> Resources:
        names = ("main", "streamer", "subscriptions")
        everything = [r for name in names for r in _snapshot(name)["predictedResources"]]
        return [r for r in everything if not of_type or r["type"] == of_type]

    return resources


@pytest.fixture(scope="session")
def app_settings(deployed: Callable[..., Resources]) -> dict[str, str]:
    """The function app's settings."""
    (settings,) = (
        r for r in deployed("Microsoft.Web/sites/config") if r["name"].endswith("/appsettings")
    )
    properties: dict[str, str] = settings["properties"]
    return properties


@pytest.fixture(scope="session")
def streamer_app(deployed: Callable[..., Resources]) -> dict[str, Any]:
    """The streamer's container app: its properties."""
    (app,) = deployed("Microsoft.App/containerApps")
    properties: dict[str, Any] = app["properties"]
    return properties


@pytest.fixture(scope="session")
def container(streamer_app: dict[str, Any]) -> dict[str, Any]:
    """The streamer's container."""
    (only,) = streamer_app["template"]["containers"]
    found: dict[str, Any] = only
    return found


@pytest.fixture(scope="session")
def streamer_settings(container: dict[str, Any]) -> dict[str, str]:
    """The streamer's settings."""
    return {variable["name"]: variable["value"] for variable in container["env"]}
