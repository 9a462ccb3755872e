"""What a deployment would create, by the real Bicep CLI, and a stand-in for Azure."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import infra.doctor
from infra import bicep
from infra.doctor import CHECKS
from infra.shell import ROOT

from . import healthy
from .bicep_server import BicepServer
from .cloud import DEPLOYED, KEY, Addresses, Cloud, serve

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


class Examination:
    """Runs the doctor on a cloud, and checks its exit code."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def __getitem__(self, name: str) -> list[tuple[str, str, str]]:
        """Run one check, and return its findings: level, text and remedy."""
        checks = tuple(check for check in CHECKS if check.name == name)
        with mock.patch.object(infra.doctor, "CHECKS", checks):
            return self.run()[name]

    def run(self) -> dict[str, list[tuple[str, str, str]]]:
        """Run all checks, and return their findings."""
        completed = self._cloud.deploy("doctor", "--json")
        findings: dict[str, list[tuple[str, str, str]]] = {}
        for finding in json.loads(completed.stdout)["findings"]:
            entry = (finding["level"], finding["text"], finding["remedy"])
            findings.setdefault(finding["check"], []).append(entry)
        levels = {level for entries in findings.values() for level, _, _ in entries}
        expected = 1 if "error" in levels else 3 if "unknown" in levels else 0
        assert completed.returncode == expected
        return findings


Examine = Callable[..., Examination]


@pytest.fixture
def examine(cloud: Cloud, answering_server: str) -> Examine:
    """Examines a healthy system with changes, each of which is what az answers to a command.

    Further arguments are the beginnings of commands that fail.
    """

    def prepare(changes: healthy.Answers | None = None, *fail: str) -> Examination:
        answers = healthy.answers(answering_server) | (changes or {})
        cloud.set(**DEPLOYED | {"answers": answers, "fail": list(fail)})
        return Examination(cloud)

    return prepare
