"""What a deployment would make, by the real Bicep CLI; skipped where there is none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import bicep

WHERE = {
    "subscription_id": "00000000-0000-4000-8000-000000000001",
    "resource_group": "rg-calls",
    "location": "westeurope",
}

Resources = list[dict[str, Any]]


class Cli:
    """The Bicep CLI, asked only once for each state of the files: it takes seconds an answer."""

    def __init__(self, program: str, kept: Path) -> None:
        self.program = program
        self._kept = kept
        digest = hashlib.sha256(program.encode())
        for file in sorted(bicep.FOLDER.rglob("*.bicep*")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        self._state = digest.hexdigest()

    def snapshot(self, name: str, **variables: str) -> dict[str, Any]:
        """What a template would make, with the parameters of its file, which read variables."""
        parameters = bicep.FOLDER / f"{name}.bicepparam"
        return self._once(
            f"snapshot {name} {variables}",
            lambda: bicep.snapshot(self.program, parameters, variables, **WHERE),
        )

    def build(self, name: str) -> dict[str, Any]:
        """The compiled template."""
        template = bicep.FOLDER / f"{name}.bicep"
        return self._once(f"build {name}", lambda: bicep.build(self.program, template))

    def _once(self, what: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        key = hashlib.sha256(f"{self._state} {what}".encode()).hexdigest()
        file = self._kept / f"{key}.json"
        if not file.exists():
            answer = json.dumps(ask())
            # Other workers look here at the same time.
            mine = file.with_suffix(f".{os.getpid()}")
            mine.write_text(answer)
            mine.rename(file)
        found: dict[str, Any] = json.loads(file.read_text())
        return found


@pytest.fixture(scope="session")
def cli(request: pytest.FixtureRequest) -> Cli:
    """The Bicep CLI."""
    found = bicep.find()
    if found is None:
        pytest.skip("no Bicep CLI: set BICEP, or install it (az bicep install)")
    return Cli(found, request.config.cache.mkdir("bicep"))


@pytest.fixture(scope="session")
def deployed(cli: Cli) -> Callable[..., Resources]:
    """All resources of all templates, or those of one type."""

    def resources(of_type: str = "") -> Resources:
        names = ("main", "streamer", "subscriptions")
        everything = [r for name in names for r in cli.snapshot(name)["predictedResources"]]
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
