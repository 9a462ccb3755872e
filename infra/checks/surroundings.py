"""What a deployment stands on: tools, subscription, region, quotas, and its resources."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from infra.findings import Finding, error, ok, warning
from infra.inventory import (
    COMMUNICATION,
    CONTAINER_APP,
    ENVIRONMENT,
    FUNCTION_APP,
    INSIGHTS,
    REGISTRY,
    STORAGE,
    WORKSPACE,
)
from infra.shell import StepFailed
from infra.system import System
from infra.versions import AZD, check_tool, list_tools

REQUIRED = {
    COMMUNICATION: "ACS resource",
    STORAGE: "storage account",
    REGISTRY: "container registry",
    ENVIRONMENT: "Container Apps environment",
    CONTAINER_APP: "streamer (container app)",
    FUNCTION_APP: "function app",
    WORKSPACE: "Log Analytics workspace",
    INSIGHTS: "Application Insights component",
}

_NEARLY_FULL = 0.8


def check_tools(system: System) -> Iterator[Finding]:
    """Look at the versions of the tools on this machine."""
    for tool in list_tools(with_azd=shutil.which("azd") is not None):
        try:
            yield ok(f"{tool.name} {check_tool(system.shell, tool)}")
        except StepFailed as failure:
            # azd is needed by those who use it, and az compiles the templates without it.
            level = warning if tool is AZD else error
            yield level(str(failure), failure.advice or f"Install it again: {tool.remedy}")


def check_subscription(system: System) -> Iterator[Finding]:
    """Look at the subscription's state."""
    account = system.shell.query_az("account", "show")
    if account["state"] == "Enabled":
        yield ok(f"the subscription {account['name']} is enabled")
    else:
        yield error(
            f"The subscription {account['name']} is {account['state']}: Azure stops its resources.",
            "Open it in the portal under Subscriptions: most often, a bill or a spending limit.",
        )


def check_resources(system: System) -> Iterator[Finding]:
    """Look whether every resource exists."""
    missing = [name for kind, name in REQUIRED.items() if system.resources.find(kind) is None]
    for name in missing:
        yield error(
            f"Missing: the {name}, in {system.group}.",
            f"Run: infra/deploy --resource-group {system.group}",
        )
    if not missing:
        yield ok(f"all {len(REQUIRED)} kinds of resources exist in {system.group}")


def check_region(system: System) -> Iterator[Finding]:
    """Look whether the region offers what the function app needs."""
    app = system.app()
    location = _plain(app["location"])
    regions = system.shell.query_az(
        "functionapp", "list-flexconsumption-locations", "--query", "[].name"
    )
    if location not in {_plain(region) for region in regions}:
        yield error(
            f"Flex Consumption is not offered in {location}.",
            "Move to another region: docs/azure.md, 'Move to another region'.",
        )
        return
    runtime = app["properties"]["functionAppConfig"]["runtime"]
    versions = system.shell.query_az(
        *("functionapp", "list-flexconsumption-runtimes", "--location", location),
        *("--runtime", runtime["name"], "--query", "[].version"),
    )
    if runtime["version"] in versions:
        yield ok(f"{location} offers {runtime['name']} {runtime['version']} on Flex Consumption")
    else:
        yield error(
            f"{location} does not offer {runtime['name']} {runtime['version']} (any longer).",
            "Deploy a newer version of Call Audio.",
        )


def check_quotas(system: System) -> Iterator[Finding]:
    """Look at the quotas of Container Apps: of the region, and of the environment."""
    environment = system.resources.find(ENVIRONMENT)
    if environment is None:
        raise StepFailed("The Container Apps environment does not exist.")
    location = ("--location", _plain(environment["location"]))
    usages = system.shell.query_az("containerapp", "list-usages", *location)
    usages += system.query("containerapp", "env", "list-usages", "--name", environment["name"])
    full = [usage for usage in usages if _fullness(usage) >= _NEARLY_FULL]
    for usage in full:
        name = usage["name"].get("localizedValue") or usage["name"]["value"]
        level = error if _fullness(usage) >= 1 else warning
        yield level(
            f"The quota '{name}' is used up to {_fullness(usage):.0%} "
            f"({usage['currentValue']:g} of {usage['limit']:g}).",
            "Ask for more in the portal, under Quotas: without it, no replica can be added.",
        )
    if not full:
        yield ok(f"none of {len(usages)} quotas of Container Apps is used above 80%")


def _fullness(usage: dict[str, Any]) -> float:
    return float(usage["currentValue"]) / usage["limit"] if usage["limit"] else 0.0


def _plain(region: str) -> str:
    """A region's name without spaces: Azure writes West Europe, too."""
    return region.replace(" ", "").lower()
