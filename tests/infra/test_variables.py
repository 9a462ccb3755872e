"""Nothing is forgotten: every way to a deployment ends in the same state, with every variable.

The variables are set in the first run only. Later runs find them in the resources.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.shell import ROOT
from infra.variables import LIVE_REVISION, SOURCES, list_variables

from .cloud import DEPLOYED, NEW_GROUP, PARAMETERS, Cloud, record
from .stand_in_group import GROUP_ID, TYPES

# azd's hooks start programs.
pytestmark = pytest.mark.timeout(400)

VALUES = {
    "AZURE_ENV_NAME": "production",
    "ACS_DATA_LOCATION": "Europe",
    "NETWORKING": "private",
    "ENCRYPTION_KEY_URI": "https://vault.vault.azure.net/keys/recordings",
    "ENCRYPTION_IDENTITY_ID": "/subscriptions/s/resourceGroups/rg-keys/id-recordings",
    "LOCKS": "on",
    "IMMUTABLE_DAYS": "365",
    "FUNCTION_KEYS": f"Caller={'0' * 64}",
    "SIGN_IN_CLIENT_ID": "00000000-0000-4000-8000-0000000000c1",
    "ALLOWED_DESTINATIONS": "+49,+44",
    "ACS_TOKEN_CHECK": "require",
    "ANSWER_CALLS": "+4930123456",
    "STORAGE_TOPIC": "defender-topic",
    "CALL_TOPIC": "someone-s-topic",
    "EVENT_TOPIC": "on",
    "TRANSCRIPTION": "azure",
    "SEARCH": "local",
    "ALERT_EMAIL": "operator@example.com",
    "MONTHLY_BUDGET": "500",
    "BUDGET_START": "2026-12-01",
}
"""A value for each variable that is not its default."""

VARIABLES = list_variables("main", "streamer", "subscriptions")

BEFORE_PROVISIONING = ["az account show", "az group create", "az deployment group what-if"]
LATER = [
    "az deployment group create --name main",
    "az acr build",
    "az deployment group create --name streamer",
    "az containerapp revision show",
    "az containerapp ingress traffic set",
    "func azure functionapp publish",
    "az functionapp function list",
    "az deployment group create --name subscriptions",
    "az functionapp config appsettings list",
    "az containerapp revision list",
]
HISTORIES = ["from nothing", "again", "azd up", *BEFORE_PROVISIONING, *LATER]


def test_every_variable_has_a_source_and_a_value_here() -> None:
    names = {variable.name for variable in VARIABLES}
    assert names == VALUES.keys()
    assert SOURCES.keys() <= names
    for variable in VARIABLES:
        assert VALUES[variable.name] != variable.default


def test_every_parameter_that_reads_a_variable_is_found() -> None:
    text = "".join(file.read_text() for file in (ROOT / "infra").glob("*.bicepparam"))
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)', ", text))
    assert read - {LIVE_REVISION} == VALUES.keys()


@pytest.mark.parametrize("history", HISTORIES)
def test_every_way_ends_in_the_same_state(cloud: Cloud, history: str) -> None:
    run(cloud, history)
    state = cloud.state
    values = {variable.parameter: VALUES[variable.name] for variable in VARIABLES}
    assert {p: v for p, v in cloud.parameters.items() if p in values} == values
    for kind, parameters in state["in_place"].items():
        assert parameters == cloud.parameters, kind
    assert state["in_place"].keys() >= {"budget", "locks", "immutability", "actions", "sign_in"}
    assert {"streamer", "subscriptions"} < set(cloud.succeeded)
    assert all(entry["state"] == "Succeeded" for entry in state["records"])
    assert len(state["images"]) == len(state["revisions"]) == 1
    assert state["live"] == state["revisions"][0]["name"]
    assert state["published"]
    assert state["subscribed"] == VALUES["ANSWER_CALLS"]


def run(cloud: Cloud, history: str) -> None:
    """Deploy once with the variables, and again without those that a deployment has."""
    group = ("--resource-group", "rg-calls")
    again: dict[str, str] = {}
    if history == "azd up":
        azd = cloud.run("azd", "up", AZURE_RESOURCE_GROUP="rg-calls", env=VALUES)
        assert azd.returncode == 0, azd.stderr
    elif history in ("from nothing", "again"):
        assert cloud.deploy(*NEW_GROUP, **VALUES).returncode == 0
    else:
        cloud.set(fail=[history])
        assert cloud.deploy(*NEW_GROUP, **VALUES).returncode == 1
        cloud.set(fail=[])
        again = VALUES if history in BEFORE_PROVISIONING else {}
    if history != "from nothing":
        completed = cloud.deploy(*NEW_GROUP, *group, **again)
        assert completed.returncode == 0, completed.stderr


def test_azd_may_not_forget_what_infra_deploy_has_set(cloud: Cloud) -> None:
    assert cloud.deploy(*NEW_GROUP, ANSWER_CALLS="all", ALERT_EMAIL="a@example.com").returncode == 0
    completed = cloud.deploy("--azd", "check", AZURE_RESOURCE_GROUP="rg-calls")
    assert completed.returncode == 1
    assert "azd env set ANSWER_CALLS 'all'; azd env set ALERT_EMAIL" in completed.stderr
    environment = {"ANSWER_CALLS": "off", "ALERT_EMAIL": ""}
    completed = cloud.deploy("--azd", "check", AZURE_RESOURCE_GROUP="rg-calls", **environment)
    assert completed.returncode == 0, completed.stderr


def test_azd_is_asked_for_the_resource_group(cloud: Cloud) -> None:
    completed = cloud.deploy("--azd", "check")
    assert completed.returncode == 1
    assert "azd env set AZURE_RESOURCE_GROUP" in completed.stderr


def in_place(**parameters: str) -> dict[str, Any]:
    """A deployment's resources with some parameters."""
    kinds = ("communication", "storage", "app", "alerts", "topic")
    return dict.fromkeys(kinds, PARAMETERS | parameters)


def test_resources_are_right_where_the_last_deployment_differs(cloud: Cloud) -> None:
    """Somebody has changed a setting in the portal, or deployed from elsewhere."""
    cloud.set(**DEPLOYED | {"in_place": in_place(allowedDestinations="+49")})
    assert cloud.deploy("provision").returncode == 0
    assert cloud.parameters["allowedDestinations"] == "+49"


def test_empty_value_is_kept_where_it_is_not_the_default(cloud: Cloud) -> None:
    cloud.set(**DEPLOYED | {"in_place": in_place(allowedDestinations="")})
    assert cloud.deploy("provision").returncode == 0
    assert cloud.parameters["allowedDestinations"] == ""


def test_what_a_failed_deployment_asked_for_is_not_guessed(cloud: Cloud) -> None:
    failed = record("main", "Failed", **PARAMETERS | {"answerCalls": "all", "alertEmail": "a@b.c"})
    cloud.set(**DEPLOYED | {"records": [failed]})
    completed = cloud.deploy("provision")
    assert completed.returncode == 1
    assert "ANSWER_CALLS: the last deployment failed with 'all'; the app setting has 'off'" in (
        completed.stderr
    )
    assert "ANSWER_CALLS='all' ALERT_EMAIL='a@b.c' infra/deploy" in completed.stderr
    assert cloud.deploy("provision", ANSWER_CALLS="all", ALERT_EMAIL="").returncode == 0
    assert cloud.parameters["answerCalls"] == "all"


def test_place_of_the_data_is_not_what_a_failed_deployment_asked_for(cloud: Cloud) -> None:
    assert cloud.deploy(*NEW_GROUP, ACS_DATA_LOCATION="Europe").returncode == 0
    assert cloud.deploy("provision", ACS_DATA_LOCATION="UK").returncode == 1
    completed = cloud.deploy("provision")
    assert completed.returncode == 0, completed.stderr
    assert cloud.parameters["dataLocation"] == "Europe"


def test_resources_without_any_deployment_are_enough(cloud: Cloud) -> None:
    """Azure deletes the history of a group's deployments after 800."""
    changes = {"answerCalls": "all", "dataLocation": "Europe"}
    cloud.set(**DEPLOYED | {"records": [], "in_place": in_place(**changes)})
    completed = cloud.deploy("provision")
    assert completed.returncode == 0, completed.stderr
    assert cloud.parameters["answerCalls"] == "all"
    assert cloud.parameters["dataLocation"] == "Europe"


def test_half_a_deployment_without_a_history_is_not_guessed(cloud: Cloud) -> None:
    half = dict.fromkeys(("communication", "storage"), PARAMETERS)
    cloud.set(group="rg-calls", in_place=half)
    completed = cloud.deploy("provision")
    assert completed.returncode == 1
    assert "ANSWER_CALLS: no resource has it" in completed.stderr
    assert "ANSWER_CALLS='...'" in completed.stderr
    assert "ACS_DATA_LOCATION" not in completed.stderr, "the ACS resource says it"


def test_answer_of_another_shape_is_not_guessed_at(cloud: Cloud) -> None:
    account = f"az resource show {GROUP_ID}/providers/{'/'.join(TYPES['communication'])}"
    cloud.set(**DEPLOYED, answers={account: {"properties": {}}})
    completed = cloud.deploy("provision")
    assert completed.returncode == 1
    assert "the ACS resource has another shape than expected" in completed.stderr
    assert "ACS_DATA_LOCATION='...' infra/deploy" in completed.stderr


def test_topic_that_someone_else_has_made_is_adopted(cloud: Cloud) -> None:
    """A storage account has one system topic: with another name, it could not be deployed."""
    cloud.set(**DEPLOYED | {"in_place": in_place(storageTopic="defender-topic")})
    completed = cloud.deploy("provision")
    assert completed.returncode == 0, completed.stderr
    assert "STORAGE_TOPIC: defender-topic (kept" in completed.stdout


def test_other_resources_in_the_group_are_no_deployment(cloud: Cloud) -> None:
    cloud.set(group="rg-calls")
    completed = cloud.deploy("provision")
    assert completed.returncode == 0, completed.stderr
    assert "kept" not in completed.stdout
