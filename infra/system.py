"""A deployed system, as its parts in a resource group: what the checks look at."""

from __future__ import annotations

from typing import Any

from infra.inventory import (
    COMMUNICATION,
    CONTAINER_APP,
    FUNCTION_APP,
    IDENTITY,
    STORAGE,
    SYSTEM_TOPIC,
    Resources,
)
from infra.shell import Shell, StepFailed
from infra.smoke_test import READERS, find_credentials

FUNCTION_IDENTITY, STREAMER_IDENTITY = "id-function-", "id-streamer-"
"""How the names of the two managed identities begin (``names.bicep``)."""


class System:
    """The parts of one system. Every method raises StepFailed if a part does not exist.

    Args:
        shell: Runs az.
        group: Name of the resource group.
        scheme: Of its addresses; ``http`` in tests.
    """

    def __init__(self, shell: Shell, group: str, scheme: str = "https") -> None:
        self.shell = shell
        self.group = group
        self.resources = Resources(shell, group)
        self._scheme = scheme
        self._credentials: dict[tuple[str, ...], dict[str, str] | None] = {}

    def app(self) -> dict[str, Any]:
        """Return the function app."""
        return self._part(FUNCTION_APP, "function app")

    def app_name(self) -> str:
        """Return the function app's name."""
        return str(self.app()["name"])

    def streamer(self) -> dict[str, Any]:
        """Return the streamer's container app."""
        return self._part(CONTAINER_APP, "streamer")

    def storage(self) -> dict[str, Any]:
        """Return the storage account."""
        return self._part(STORAGE, "storage account")

    def communication(self) -> dict[str, Any]:
        """Return the ACS resource."""
        return self._part(COMMUNICATION, "ACS resource")

    def identity(self, prefix: str) -> dict[str, Any]:
        """Return one of the two managed identities."""
        return self._part(IDENTITY, f"managed identity {prefix}...", prefix)

    def settings(self) -> dict[str, str]:
        """Return the function app's settings."""
        settings = self.resources.app_settings()
        if settings is None:
            raise StepFailed("The function app does not exist.", _provision(self.group))
        return settings

    def app_url(self) -> str:
        """Return the function app's address."""
        return f"{self._scheme}://{self.app()['properties']['defaultHostName']}"

    def streamer_url(self) -> str:
        """Return the streamer's address, wss://..."""
        fqdn = self.streamer()["properties"]["configuration"]["ingress"]["fqdn"]
        return f"{self._scheme.replace('http', 'ws')}://{fqdn}"

    def topic(self, source: dict[str, Any]) -> dict[str, Any] | None:
        """Return the system topic of a source, or None."""
        for listed in self.resources.list_type(SYSTEM_TOPIC):
            topic: dict[str, Any] | None = self.resources.show_id(listed["id"])
            if topic and topic["properties"]["source"].lower() == source["id"].lower():
                return topic
        return None

    def credentials(self, roles: tuple[str, ...] = READERS) -> dict[str, str] | None:
        """Return the headers of a request with one of some roles, or None if there are none."""
        if roles not in self._credentials:
            of_app = (self.app_name(), self.group)
            self._credentials[roles] = find_credentials(self.shell, *of_app, roles)
        return self._credentials[roles]

    def query(self, *arguments: str) -> Any:
        """Return the output of an az command in this resource group."""
        return self.shell.query_az(*arguments, "--resource-group", self.group)

    def _part(self, resource_type: str, name: str, prefix: str = "") -> dict[str, Any]:
        resource = self.resources.show(resource_type, prefix=prefix)
        if resource is None:
            raise StepFailed(f"The {name} does not exist.", _provision(self.group))
        part: dict[str, Any] = resource
        return part


def _provision(group: str) -> str:
    return f"Run: infra/deploy --resource-group {group}"
