"""Single steps of ``infra/deploy``."""

from __future__ import annotations

from calls.function_keys import key_digest, parse_function_keys
from calls.principals import ROLES

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
    setting = cloud.state["parameters"]["functionKeys"]["value"]
    digests = {key.name: key.digest for key in parse_function_keys(setting)}
    assert digests == {name: key_digest(keys[name]) for name in ("Listener-crm", *ROLES)}
    assert "without one, and so of no use: Callers, default" in completed.stdout
    for key in keys.values():
        assert key not in completed.stdout
    # A later run keeps them, and the keys as they are.
    assert cloud.deploy("provision").returncode == 0
    assert cloud.state["parameters"]["functionKeys"]["value"] == setting
    assert cloud.deploy("keys").returncode == 0
    assert (cloud.state["keys"], cloud.state["parameters"]["functionKeys"]["value"]) == (
        keys,
        setting,
    )


def test_keys_are_named_only_if_it_is_asked_for(cloud: Cloud) -> None:
    cloud.set(group="rg-calls", deployments=["main"], published=False)
    completed = cloud.deploy("keys")
    assert completed.returncode == 1
    assert "must have been published" in completed.stderr
    assert cloud.state["parameters"] == {}
