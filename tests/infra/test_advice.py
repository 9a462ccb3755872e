"""Azure's messages are recognized, and each known failure has advice that can be followed."""

from __future__ import annotations

import pytest

from infra.advice import KNOWN_FAILURES, recognize

# From Microsoft's documentation and public reports; see infra/advice.py.
MESSAGES = {
    "toomanyrequests: You have reached your unauthenticated pull rate limit.": (
        "Docker Hub's rate limit"
    ),
    '"code": "ManagedEnvironmentNoAvailableCapacityInRegion"': "no capacity",
    "No capacity available in this region for provisioning an environment": "no capacity",
    "MaxNumberOfRegionalEnvironmentsInSubExceeded": "no quota",
    "The subscription cannot have more than 1 environments in East US.": "no quota",
    "This region has quota of 0 instances for your subscription.": "no quota",
    "(TasksOperationsNotAllowed) ACR Tasks requests are not permitted": "free credit",
    'main.bicep(12,8) : Error BCP035: The specified "module" declaration': "an old Bicep CLI",
    "AADSTS70043: The refresh token has expired": "not signed in",
    "Please run 'az login' to setup account.": "not signed in",
    "(MissingSubscriptionRegistration) The subscription is not registered": (
        "resource provider not registered"
    ),
    "(FlagMustBeSetForRestore) An existing resource has been soft-deleted.": (
        "soft-deleted resource of the same name"
    ),
    "RoleAssignmentUpdateNotPermitted: Tenant ID, application ID, principal ID": (
        "role assignment of a deleted identity"
    ),
    "(AuthorizationFailed) The client does not have authorization": "not authorized",
}


@pytest.mark.parametrize(("message", "name"), MESSAGES.items())
def test_message_is_recognized(message: str, name: str) -> None:
    failure = recognize(message)
    assert failure is not None
    assert failure.name == name


def test_every_known_failure_has_a_message_and_advice() -> None:
    assert {failure.name for failure in KNOWN_FAILURES} == set(MESSAGES.values())
    for failure in KNOWN_FAILURES:
        assert failure.advice.endswith(".") or ":" in failure.advice


def test_other_messages_are_not_recognized() -> None:
    assert recognize("the Dockerfile does not exist") is None
