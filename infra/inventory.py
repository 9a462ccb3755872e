"""What is in a resource group: the resources of Call Audio, as Azure describes them."""

from __future__ import annotations

import re
from typing import Any

from infra.shell import Shell, StepFailed

FUNCTION_APP = "Microsoft.Web/sites"
STORAGE = "Microsoft.Storage/storageAccounts"
COMMUNICATION = "Microsoft.Communication/communicationServices"
REGISTRY = "Microsoft.ContainerRegistry/registries"
ENVIRONMENT = "Microsoft.App/managedEnvironments"
CONTAINER_APP = "Microsoft.App/containerApps"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
INSIGHTS = "Microsoft.Insights/components"
SYSTEM_TOPIC = "Microsoft.EventGrid/systemTopics"
ACTION_GROUP = "Microsoft.Insights/actionGroups"
LOG_ALERT = "Microsoft.Insights/scheduledQueryRules"

PREFIXES = {
    FUNCTION_APP: "func-calls-",
    STORAGE: "stcalls",
    COMMUNICATION: "acs-calls-",
    REGISTRY: "crcalls",
    ENVIRONMENT: "cae-calls-",
    CONTAINER_APP: "ca-streamer",
    WORKSPACE: "log-calls-",
    INSIGHTS: "appi-calls-",
    ACTION_GROUP: "ag-calls-",
    LOG_ALERT: "frames-lost",
}
"""How the names of the resources begin (``names.bicep``), by type: a group may have others."""

_ABSENT = re.compile(r"NotFound|could not be found|was not found|does not exist")


class Resources:
    """Reads each resource once, when it is first needed. Every method raises StepFailed."""

    def __init__(self, shell: Shell, group: str) -> None:
        self._shell = shell
        self._in_group = ("--resource-group", group)
        self._group = group
        self._listed: list[dict[str, Any]] | None = None
        self._shown: dict[str, Any] = {}

    def group_exists(self) -> bool:
        """Whether the resource group exists."""
        return bool(self._shell.query_az("group", "exists", "--name", self._group))

    def list_all(self) -> list[dict[str, Any]]:
        """Return id, type, name, location and tags of each resource. The group must exist."""
        if self._listed is None:
            fields = "{id: id, type: type, name: name, location: location, tags: tags}"
            query = ("--query", f"[].{fields}")
            self._listed = self._shell.query_az("resource", "list", *self._in_group, *query) or []
        return self._listed

    def find(self, resource_type: str, prefix: str = "") -> dict[str, Any] | None:
        """Return id, type, name and tags of the resource of a type, or None without one.

        Args:
            resource_type: Its type.
            prefix: How its name begins; empty: as in ``PREFIXES``.
        """
        start = prefix or PREFIXES[resource_type]
        return next(
            (
                resource
                for resource in self.list_type(resource_type)
                if resource["name"].startswith(start)
            ),
            None,
        )

    def list_type(self, resource_type: str) -> list[dict[str, Any]]:
        """Return id, type, name and tags of each resource of a type, whatever its name."""
        kind = resource_type.lower()
        return [resource for resource in self.list_all() if resource["type"].lower() == kind]

    def show(self, resource_type: str, child: str = "", prefix: str = "") -> Any:
        """Return a resource with its properties, or None without one.

        Args:
            resource_type: Its type, or the type of its parent.
            child: The end of a child's id, such as ``/config/authsettingsV2``.
            prefix: How its name begins; empty: as in ``PREFIXES``.
        """
        resource = self.find(resource_type, prefix)
        return None if resource is None else self.show_id(f"{resource['id']}{child}")

    def show_id(self, resource_id: str) -> Any:
        """Return the resource with an id, or None without one."""
        if resource_id not in self._shown:
            try:
                self._shown[resource_id] = self._shell.query_az(
                    "resource", "show", "--ids", resource_id
                )
            except StepFailed as error:
                if not _ABSENT.search(str(error)):
                    raise
                self._shown[resource_id] = None
        return self._shown[resource_id]

    def app_settings(self) -> dict[str, str] | None:
        """Return the function app's settings, or None without an app."""
        app = self.find(FUNCTION_APP)
        if app is None:
            return None
        if "settings" not in self._shown:
            of_app = ("--name", app["name"], *self._in_group)
            settings = self._shell.query_az("functionapp", "config", "appsettings", "list", *of_app)
            self._shown["settings"] = {entry["name"]: entry["value"] for entry in settings}
        settings_by_name: dict[str, str] = self._shown["settings"]
        return settings_by_name

    def lock_names(self) -> list[str]:
        """Return the names of the locks in the group."""
        names: list[str] = self._shell.query_az(
            "lock", "list", *self._in_group, "--query", "[].name"
        )
        return names

    def group_id(self) -> str:
        """Return the resource group's id, from a resource's; empty without resources."""
        resources = self.list_all()
        return resources[0]["id"].partition("/providers/")[0] if resources else ""
