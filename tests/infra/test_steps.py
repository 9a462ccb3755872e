"""Single steps of ``infra/deploy``."""

from __future__ import annotations

import pytest

from calls.function_keys import key_digest, parse_function_keys
from calls.principals import ROLES

from .cloud import DEPLOYED, NEW_GROUP, PROVISIONED, Cloud


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
    assert cloud.succeeded == []


@pytest.mark.parametrize(
    ("step", "command"),
    [
        ("publish", "func azure functionapp publish"),
        ("streamer", "az deployment group create streamer"),
    ],
)
def test_role_that_takes_four_minutes_is_waited_for(cloud: Cloud, step: str, command: str) -> None:
    cloud.set(**DEPLOYED, roles_from=240)
    assert cloud.deploy("image").returncode == 0
    completed = cloud.deploy(step)
    assert completed.returncode == 0, completed.stderr
    assert len([line for line in cloud.commands if line.startswith(command)]) == 9
    assert cloud.state["seconds"] == 240
    assert "not yet, after 210 s" in completed.stdout
    assert "next try in 30 s, tries left: 2" in completed.stdout


def test_role_that_takes_longer_than_five_minutes_fails_the_step(cloud: Cloud) -> None:
    cloud.set(**DEPLOYED, roles_from=1000)
    completed = cloud.deploy("publish")
    assert completed.returncode == 1
    assert cloud.state["seconds"] == 9 * 30
    assert "infra/deploy stopped at step 'publish'" in completed.stderr


def test_docker_hub_s_rate_limit_is_waited_out(cloud: Cloud) -> None:
    cloud.set(**PROVISIONED, rate_limited=2)
    completed = cloud.deploy("image")
    assert completed.returncode == 0, completed.stderr
    assert cloud.state["seconds"] == 120
    assert "building the image: not yet, after 60 s" in completed.stdout


def test_docker_hub_s_rate_limit_is_named_with_the_way_around_it(cloud: Cloud) -> None:
    cloud.set(**PROVISIONED, rate_limited=100)
    completed = cloud.deploy("image")
    assert completed.returncode == 1
    assert "Docker Hub's rate limit" in completed.stderr
    assert "docs/azure.md, 'Docker Hub refuses the base image'" in completed.stderr
    base = "crcalls.azurecr.io/python:3.13-slim-trixie"
    assert cloud.deploy("image", BASE_IMAGE=base).returncode == 0
    *_, build = (line for line in cloud.state["log"] if line[1:3] == ["acr", "build"])
    assert f"BASE_IMAGE={base}" in build


def test_failed_build_is_not_repeated(cloud: Cloud) -> None:
    cloud.set(**PROVISIONED, fail=["az acr build"])
    assert cloud.deploy("image").returncode == 1
    assert cloud.commands.count("az acr build") == 1


def test_region_without_capacity_is_named_with_what_to_do(cloud: Cloud) -> None:
    cloud.set(no_capacity=True)
    completed = cloud.deploy(*NEW_GROUP)
    assert completed.returncode == 1
    assert "no capacity" in completed.stderr
    assert "--location ANOTHER_REGION" in completed.stderr
    assert cloud.commands.count("az deployment group create main") == 1


@pytest.mark.parametrize(
    ("tool", "version", "remedy"),
    [
        ("az", "2.60.0", "az upgrade"),
        ("bicep", "0.30.3", "az bicep upgrade"),
        ("func", "4.0.5907", "npm install --global azure-functions-core-tools@4"),
    ],
)
def test_old_tool_stops_the_run_before_anything_is_done(
    cloud: Cloud, tool: str, version: str, remedy: str
) -> None:
    cloud.set(versions=cloud.state["versions"] | {tool: version})
    completed = cloud.deploy(*NEW_GROUP)
    assert completed.returncode == 1
    assert f"is too old: {version}" in completed.stderr
    assert remedy in completed.stderr
    assert cloud.state["group"] == ""


def test_an_agent_pool_builds_the_image_of_a_private_registry(cloud: Cloud) -> None:
    cloud.set(**PROVISIONED)
    assert cloud.deploy("image", IMAGE_AGENT_POOL="builders").returncode == 0
    build = cloud.find_command("az acr build")
    assert build[build.index("--agent-pool") + 1] == "builders"


def test_functions_must_exist_before_they_are_subscribed(cloud: Cloud) -> None:
    cloud.set(**PROVISIONED, published=True)
    cloud.set(functions=["place_call", "analyse_segment"])
    completed = cloud.deploy("subscribe")
    assert completed.returncode == 1
    assert "these functions: answer_incoming_call, assemble_call" in completed.stderr
    assert "subscriptions" not in cloud.succeeded


def test_each_role_gets_a_key_and_the_app_gets_their_digests(cloud: Cloud) -> None:
    existing = {
        "default": "default-key",
        "Caller": "key-in-use",
        "Listener-crm": "crm-key",
        "Callers": "misspelled-key",
    }
    cloud.set(**DEPLOYED, keys=existing)
    completed = cloud.deploy("keys")
    assert completed.returncode == 0, completed.stderr
    keys = cloud.state["keys"]
    assert keys.keys() == {"default", "Callers", "Listener-crm", *ROLES}
    assert keys["Caller"] == "key-in-use"
    setting = cloud.parameters["functionKeys"]
    digests = {key.name: key.digest for key in parse_function_keys(setting)}
    assert digests == {name: key_digest(keys[name]) for name in ("Listener-crm", *ROLES)}
    assert "without one, and so of no use: Callers, default" in completed.stdout
    for key in keys.values():
        assert key not in completed.stdout
    # A later run keeps them, and the keys as they are.
    assert cloud.deploy("provision").returncode == 0
    assert cloud.parameters["functionKeys"] == setting
    assert cloud.deploy("keys").returncode == 0
    assert (cloud.state["keys"], cloud.parameters["functionKeys"]) == (
        keys,
        setting,
    )


def test_keys_are_named_only_if_it_is_asked_for(cloud: Cloud) -> None:
    cloud.set(**PROVISIONED)
    completed = cloud.deploy("keys")
    assert completed.returncode == 1
    assert "must have been published" in completed.stderr
    assert cloud.parameters["functionKeys"] == ""
