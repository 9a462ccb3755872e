"""Identities and roles: what is missing is found, and what is expected is what is deployed."""

from __future__ import annotations

import pytest

from infra.checks.access import CUSTOM, GRANTS, read_roles
from tests.infra.conftest import Deployed, Examine
from tests.infra.healthy import APP, STREAMER, answers, list_roles, shown

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize(("program", "name"), [(APP, "function app"), (STREAMER, "streamer")])
def test_program_without_its_identity_is_found(
    examine: Examine, answering_server: str, program: str, name: str
) -> None:
    changed = answers(answering_server)[shown(program)] | {"identity": {"type": "None"}}
    faults = [
        entry for entry in examine({shown(program): changed})["identities"] if entry[0] != "ok"
    ]
    ((level, text, _),) = faults
    assert level == "error"
    assert text.startswith(f"The {name} does not have its identity id-")


def test_client_id_of_an_identity_that_was_created_again_is_found(
    examine: Examine, answering_server: str
) -> None:
    (command,) = (c for c in answers(answering_server) if c.endswith("/id-streamer-abc123"))
    changed = answers(answering_server)[command]
    changed["properties"]["clientId"] = "client-of-a-new-one"
    *_, (level, text, _) = examine({command: changed})["identities"]
    assert level == "error"
    assert "AZURE_CLIENT_ID of the streamer is not the client id of id-streamer-abc123" in text


@pytest.mark.parametrize("number", range(len(GRANTS)))
def test_missing_role_is_found(examine: Examine, number: int) -> None:
    roles = list_roles()
    del roles[number]
    ((level, text, remedy),) = examine({"az rest": {"value": roles}})["roles"]
    assert level == "error"
    assert f"lacks the role {GRANTS[number].role}" in text
    assert text.endswith(f"{GRANTS[number].purpose}.")
    assert "infra/deploy provision" in remedy


def test_expected_roles_are_those_that_are_deployed(deployed: Deployed) -> None:
    """Except those of the system topics, of which a delivery tells, and of optional services."""
    roles = read_roles()
    templates = {
        resource["properties"]["roleDefinitionId"].rpartition("/")[2].rstrip("')]")
        for resource in deployed("Microsoft.Authorization/roleAssignments")
    }
    optional = ["cognitiveServicesSpeechUser", "searchIndexDataContributor"]
    optional += ["storageBlobDataContributor", "searchServiceContributor"]
    elsewhere = {roles[name] for name in optional}
    expected = {roles[grant.role] for grant in GRANTS if grant.role != CUSTOM}
    assert expected <= templates
    assert (templates & set(roles.values())) - elsewhere == expected
