"""Failures of Azure that have a name, and what to do about each.

Azure's own messages rarely say what to do. The patterns are its error codes and phrases, from
Microsoft's documentation and public reports; docs/azure.md lists them for readers.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class KnownFailure(NamedTuple):
    """A failure that is recognized by its message.

    Attributes:
        name: What it is, for people.
        pattern: Matches Azure's message, in any case.
        advice: What to do.
        permanent: Whether trying again within minutes is useless.
    """

    name: str
    pattern: str
    advice: str
    permanent: bool = True


ANOTHER_REGION = (
    "try another region: infra/deploy --resource-group ANOTHER_GROUP --location ANOTHER_REGION, "
    "then remove what this run has created: infra/destroy --resource-group GROUP"
)

KNOWN_FAILURES = (
    KnownFailure(
        "Docker Hub's rate limit",
        r"toomanyrequests|pull rate limit",
        "Docker Hub limits anonymous pulls, and everyone's builds in Azure count together. Wait an "
        "hour, or import the base image once and build from your own registry: docs/azure.md, "
        "'Docker Hub refuses the base image', has both commands.",
        permanent=False,
    ),
    KnownFailure(
        "no capacity",
        r"NoAvailableCapacity|no capacity available|CapacityHeavyUsage|SkuNotAvailable"
        r"|OverconstrainedAllocation|AllocationFailed",
        f"The region has no capacity at the moment. Try again later, or {ANOTHER_REGION}.",
    ),
    KnownFailure(
        "no quota",
        r"QuotaExceeded|InsufficientQuota|OverQuota|MaxNumberOf\w+Exceeded|quota of 0"
        r"|cannot have more than|not allowed to create environments",
        "The subscription's quota is used up. See which one and ask for more in the portal, under "
        f"Quotas (https://learn.microsoft.com/azure/quotas/quickstart-increase-quota-portal); or "
        f"{ANOTHER_REGION}.",
    ),
    KnownFailure(
        "free credit",
        r"TasksOperationsNotAllowed",
        "A subscription on free credit cannot build images. Change it to pay-as-you-go, or use "
        "another one: --subscription.",
    ),
    KnownFailure(
        "an old Bicep CLI",
        r"\bBCP\d{3}\b",
        "If you have not changed the templates, the Bicep CLI is too old for them: az bicep "
        "upgrade (with azd: upgrade azd, which brings its own). Otherwise, correct the line that "
        "the message names.",
    ),
    KnownFailure(
        "not signed in",
        r"AADSTS\d+|az login|InteractionRequired",
        "Sign in: az login; then az account set --subscription NAME_OR_ID.",
    ),
    KnownFailure(
        "resource provider not registered",
        r"MissingSubscriptionRegistration|NoRegisteredProviderFound",
        "Run infra/deploy providers, and wait until it says that all are registered.",
    ),
    KnownFailure(
        "soft-deleted resource of the same name",
        r"FlagMustBeSetForRestore|NameUnavailable|has been soft[- ]deleted|SoftDeleted",
        "A deleted resource still owns the name. Purge it: az cognitiveservices account purge, or "
        "az monitor log-analytics workspace delete --force. infra/destroy does both.",
    ),
    KnownFailure(
        "role assignment of a deleted identity",
        r"RoleAssignmentUpdateNotPermitted|RoleAssignmentExists",
        "An assignment of the same name belongs to another identity. Delete it: az role "
        "assignment delete --ids ID, with the id from the message.",
    ),
    KnownFailure(
        "not authorized",
        r"AuthorizationFailed|does not have authorization",
        "You need the role Owner, or Contributor and User Access Administrator, in the resource "
        "group. One that was assigned a moment ago takes effect within minutes.",
    ),
)


def recognize(message: str) -> KnownFailure | None:
    """Return the first known failure that a message names, or None."""
    for failure in KNOWN_FAILURES:
        if re.search(failure.pattern, message, re.IGNORECASE):
            return failure
    return None
