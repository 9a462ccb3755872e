"""Who may do what: the two managed identities, and their roles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from infra.findings import Finding, error, ok
from infra.inventory import COMMUNICATION, INSIGHTS, REGISTRY, STORAGE
from infra.shell import ROOT
from infra.system import FUNCTION_IDENTITY, STREAMER_IDENTITY, System

STREAMER_CONTAINERS = ("segments", "manifests", "grants", "drafts", "rejected")
"""The containers on which the streamer has a role of its own making (``access.bicep``)."""

_API_VERSION = "api-version=2022-04-01"

CUSTOM = "custom role of the streamer"


class Grant(NamedTuple):
    """A role assignment that must exist.

    Attributes:
        identity: How the identity's name begins.
        role: The role's name in ``roles.bicep``; ``CUSTOM`` for the streamer's own.
        resource_type: Type of the resource that it is assigned on.
        child: End of the scope, for a container.
        purpose: What fails without it.
    """

    identity: str
    role: str
    resource_type: str
    purpose: str
    child: str = ""


GRANTS = (
    Grant(FUNCTION_IDENTITY, "storageBlobDataOwner", STORAGE, "the app does not start"),
    Grant(
        FUNCTION_IDENTITY, "storageQueueDataContributor", STORAGE, "no function runs on an event"
    ),
    Grant(FUNCTION_IDENTITY, "storageTableDataContributor", STORAGE, "the host logs no diagnosis"),
    Grant(FUNCTION_IDENTITY, "storageBlobDelegator", STORAGE, "no recording can be played"),
    Grant(
        FUNCTION_IDENTITY,
        "communicationServiceOwner",
        COMMUNICATION,
        "no call can be placed or answered",
    ),
    Grant(FUNCTION_IDENTITY, "monitoringMetricsPublisher", INSIGHTS, "the app logs nothing"),
    Grant(STREAMER_IDENTITY, "acrPull", REGISTRY, "no replica can start"),
    *(
        Grant(
            STREAMER_IDENTITY,
            CUSTOM,
            STORAGE,
            f"the streamer cannot use the container {container}",
            f"/blobServices/default/containers/{container}",
        )
        for container in STREAMER_CONTAINERS
    ),
)


def read_roles() -> dict[str, str]:
    """Return the ids of the built-in roles, by their names in ``roles.bicep``."""
    text = (ROOT / "infra" / "roles.bicep").read_text()
    return dict(re.findall(r"^  (\w+): '([0-9a-f-]{36})'", text, re.MULTILINE))


def check_identities(system: System) -> Iterator[Finding]:
    """Look whether each program runs with its own identity."""
    streamer = system.streamer()
    container = streamer["properties"]["template"]["containers"][0]
    variables = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    programs: list[tuple[str, dict[str, Any], str, dict[str, str]]] = [
        ("function app", system.app(), FUNCTION_IDENTITY, system.settings()),
        ("streamer", streamer, STREAMER_IDENTITY, variables),
    ]
    for name, program, prefix, settings in programs:
        identity = system.identity(prefix)
        attached = (program.get("identity") or {}).get("userAssignedIdentities") or {}
        if identity["id"].lower() not in {key.lower() for key in attached}:
            yield error(
                f"The {name} does not have its identity {identity['name']}.",
                f"Run: infra/deploy --resource-group {system.group}",
            )
        elif settings.get("AZURE_CLIENT_ID") != identity["properties"]["clientId"]:
            yield error(
                f"AZURE_CLIENT_ID of the {name} is not the client id of {identity['name']}, which "
                "was created again, perhaps.",
                f"Run: infra/deploy --resource-group {system.group}",
            )
        else:
            yield ok(f"the {name} runs as {identity['name']}")


def check_roles(system: System) -> Iterator[Finding]:
    """Look whether each identity has its roles."""
    # az role assignment list sees either one scope or the whole subscription.
    path = f"{system.resources.group_id()}/providers/Microsoft.Authorization/roleAssignments"
    answer = system.shell.query_az("rest", "--method", "GET", "--url", f"{path}?{_API_VERSION}")
    assignments = [entry["properties"] for entry in answer["value"]]
    assigned = {
        (entry["principalId"], entry["roleDefinitionId"].rpartition("/")[2], entry["scope"].lower())
        for entry in assignments
    }
    roles = read_roles()
    missing = [grant for grant in GRANTS if not _has(system, grant, roles, assigned)]
    for grant in missing:
        yield error(
            f"{grant.identity}... lacks the role {grant.role} on its "
            f"{grant.resource_type.rpartition('/')[2]}{grant.child}: {grant.purpose}.",
            f"Run: infra/deploy provision --resource-group {system.group}; a new role takes "
            "effect within ten minutes.",
        )
    if not missing:
        yield ok(f"all {len(GRANTS)} role assignments exist")


def _has(
    system: System, grant: Grant, roles: dict[str, str], assigned: set[tuple[str, str, str]]
) -> bool:
    principal = system.identity(grant.identity)["properties"]["principalId"]
    resource = system.resources.find(grant.resource_type)
    scope = "" if resource is None else f"{resource['id']}{grant.child}".lower()
    if grant.role != CUSTOM:
        return (principal, roles[grant.role], scope) in assigned
    return any(who == principal and where == scope for who, _, where in assigned)
