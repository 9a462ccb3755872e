"""Single steps of ``infra/deploy``."""

from __future__ import annotations

from .cloud import DEPLOYED, NEW_GROUP, Cloud


def test_region_is_required_if_the_group_does_not_exist(cloud: Cloud) -> None:
    completed = cloud.deploy("group")
    assert completed.returncode == 1
    assert "--location" in completed.stderr
    cloud.set(fail=["az group create"])
    assert cloud.deploy("group", *NEW_GROUP).returncode == 1
    assert cloud.state["group"] == ""


def test_nothing_changes_without_consent(cloud: Cloud) -> None:
    cloud.set(group="rg-calls")
    completed = cloud.deploy()
    assert completed.returncode == 1
    assert "--yes" in completed.stderr
    assert cloud.state["deployments"] == []


def test_what_takes_a_while_in_azure_is_tried_again(cloud: Cloud) -> None:
    cloud.set(**DEPLOYED, fail=["func azure functionapp publish"])
    completed = cloud.deploy("publish")
    assert len([line for line in cloud.commands if line.startswith("func")]) == 3
    assert "tries left: 1" in completed.stdout


def test_an_agent_pool_builds_the_image_of_a_private_registry(cloud: Cloud) -> None:
    cloud.set(group="rg-calls", deployments=["main"])
    assert cloud.deploy("image", IMAGE_AGENT_POOL="builders").returncode == 0
    build = cloud.find_command("az acr build")
    assert build[build.index("--agent-pool") + 1] == "builders"


def test_functions_must_exist_before_they_are_subscribed(cloud: Cloud) -> None:
    cloud.set(group="rg-calls", deployments=["main"], published=True)
    cloud.set(functions=["place_call", "analyse_segment"])
    completed = cloud.deploy("subscribe")
    assert completed.returncode == 1
    assert "these functions: answer_incoming_call, assemble_call" in completed.stderr
    assert "subscriptions" not in cloud.state["deployments"]
