"""What a deployment would create, by the real Bicep CLI, and a stand-in for Azure."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import bicep
from infra.shell import ROOT

from .bicep_server import BicepServer
from .cloud import KEY, Addresses, Cloud, serve

Resources = list[dict[str, Any]]
Deployed = Callable[..., Resources]

TEMPLATES = ("main", "streamer", "subscriptions")


@pytest.fixture(scope="session")
def bicep_server(request: pytest.FixtureRequest) -> Iterator[BicepServer]:
    """The Bicep CLI; without one, the test is skipped."""
    cli = bicep.find_cli()
    if cli is None:
        pytest.skip("no Bicep CLI: set BICEP, or install it (az bicep install)")
    server = BicepServer(cli, request.config.cache.mkdir("bicep"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def deployed(bicep_server: BicepServer) -> Deployed:
    """All resources of all templates, or those of one type."""

    def list_resources(of_type: str = "") -> Resources:
        resources = [
            resource
            for template in TEMPLATES
            for resource in bicep_server.snapshot(template)["predictedResources"]
        ]
        return [r for r in resources if not of_type or r["type"] == of_type]

    return list_resources


@pytest.fixture(scope="session")
def app_settings(deployed: Deployed) -> dict[str, str]:
    """The function app's settings."""
    (settings,) = (
        r for r in deployed("Microsoft.Web/sites/config") if r["name"].endswith("/appsettings")
    )
    properties: dict[str, str] = settings["properties"]
    return properties


@pytest.fixture(scope="session")
def streamer_app(deployed: Deployed) -> dict[str, Any]:
    """The properties of the streamer's container app."""
    (app,) = deployed("Microsoft.App/containerApps")
    properties: dict[str, Any] = app["properties"]
    return properties


@pytest.fixture(scope="session")
def container(streamer_app: dict[str, Any]) -> dict[str, Any]:
    """The streamer's only container."""
    containers: list[dict[str, Any]] = streamer_app["template"]["containers"]
    (container,) = containers
    return container


@pytest.fixture(scope="session")
def streamer_settings(container: dict[str, Any]) -> dict[str, str]:
    """The streamer's settings."""
    return {variable["name"]: variable["value"] for variable in container["env"]}


@pytest.fixture(scope="session")
def functions() -> list[Any]:
    """The functions of a new app object: an app returns its functions only once."""
    app = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    functions: list[Any] = app.get_functions()
    return functions


@pytest.fixture(scope="session")
def triggers(functions: list[Any]) -> dict[str, dict[str, Any]]:
    """The functions' triggers, by function name."""
    return {f.get_function_name(): f.get_trigger().get_dict_repr() for f in functions}


@pytest.fixture(scope="session")
def answering_server() -> Iterator[str]:
    """The address of a server that answers as a deployed app and streamer do."""
    yield from serve()


@pytest.fixture
def cloud(tmp_path: Path, answering_server: str) -> Cloud:
    """An empty subscription, in which everything that is deployed answers."""
    server = answering_server
    return Cloud(tmp_path, Addresses(f"http://{server}", f"ws://{server}", KEY))
