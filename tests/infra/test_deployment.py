"""The deployments of a resource group: what a later run keeps, previews and repeats."""

from __future__ import annotations

import re

from infra.deployment import OUTPUTS
from infra.shell import ROOT

from .cloud import DEPLOYED, NEW_GROUP, Cloud


def test_second_run_skips_what_is_in_place(cloud: Cloud) -> None:
    assert cloud.deploy(*NEW_GROUP).returncode == 0
    cloud.set()
    completed = cloud.deploy("--yes")
    assert completed.returncode == 0, completed.stderr
    commands = cloud.commands
    for skipped in ("az group create", "az acr build", "az containerapp ingress traffic set"):
        assert skipped not in commands
    previews = [line for line in commands if "what-if" in line]
    assert [line.split()[-1] for line in previews] == ["main", "streamer", "subscriptions"]
    assert commands.index("az deployment group create main") > commands.index(previews[-1])
    assert len(cloud.state["revisions"]) == 1
    assert "az containerapp revision deactivate" not in commands


def test_variables_keep_their_values_until_they_are_set_again(cloud: Cloud) -> None:
    variables = {
        "ACS_DATA_LOCATION": "Europe",
        "ALERT_EMAIL": "operator@example.com",
        "ANSWER_CALLS": "all",
        "TRANSCRIPTION": "azure",
    }
    assert cloud.deploy(*NEW_GROUP, **variables).returncode == 0
    completed = cloud.deploy("--yes")
    assert completed.returncode == 0, completed.stderr
    assert (
        "ALERT_EMAIL: operator@example.com (kept from the existing deployment)" in completed.stdout
    )
    parameters = cloud.parameters
    assert parameters["dataLocation"] == "Europe"
    assert parameters["alertEmail"] == "operator@example.com"
    assert parameters["transcription"] == "azure"
    assert parameters["answerCalls"] == cloud.state["subscribed"] == "all"
    assert cloud.deploy("provision", ALERT_EMAIL="", TRANSCRIPTION="off").returncode == 0
    assert cloud.parameters["alertEmail"] == ""
    assert cloud.parameters["transcription"] == "off"


def test_once_tokens_are_required_both_programs_keep_requiring_them(cloud: Cloud) -> None:
    def checks() -> list[str]:
        return [cloud.parameters["acsTokenCheck"], cloud.state["token_check"]]

    assert cloud.deploy(*NEW_GROUP).returncode == 0
    assert checks() == ["learn", "learn"]
    assert cloud.deploy("--yes", ACS_TOKEN_CHECK="require").returncode == 0
    assert checks() == ["require", "require"]
    assert cloud.deploy("--yes").returncode == 0
    assert cloud.deploy("streamer").returncode == 0
    assert checks() == ["require", "require"]


def test_run_after_failed_provisioning_succeeds(cloud: Cloud) -> None:
    cloud.set(**DEPLOYED)
    cloud.set(fail=["az deployment group create --name main"])
    assert cloud.deploy("provision").returncode == 1
    cloud.set(fail=[])
    completed = cloud.deploy("--yes")
    assert completed.returncode == 0, completed.stderr
    assert cloud.state["live"] == cloud.state["revisions"][-1]["name"]


def test_required_outputs_are_those_of_main() -> None:
    text = (ROOT / "infra" / "main.bicep").read_text()
    outputs = re.findall(r"^output (\w+) ", text, re.MULTILINE)
    assert sorted(outputs) == sorted(OUTPUTS)
