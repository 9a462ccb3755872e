"""Private networking, customer-managed keys, locks and diagnostic settings, each on and off."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.shell import ROOT

from .bicep_server import BicepServer
from .conftest import Deployed

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

Resources = dict[str, list[dict[str, Any]]]
IDENTITY = (
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-keys"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-keys"
)


def resources_of(server: BicepServer, **variables: str) -> Resources:
    """The resources of main.bicep by type."""
    resources: Resources = {}
    for resource in server.snapshot("main", **variables)["predictedResources"]:
        resources.setdefault(resource["type"], []).append(resource)
    return resources


@pytest.fixture(scope="module")
def public(bicep_server: BicepServer) -> Resources:
    return resources_of(bicep_server)


@pytest.fixture(scope="module")
def private(bicep_server: BicepServer) -> Resources:
    return resources_of(bicep_server, NETWORKING="private")


def the(resources: Resources, kind: str) -> dict[str, Any]:
    """The properties of the only resource of a type."""
    (resource,) = resources[kind]
    properties: dict[str, Any] = resource["properties"]
    return properties


def test_without_private_networking_there_is_no_network(public: Resources) -> None:
    assert not [kind for kind in public if kind.startswith("Microsoft.Network/")]
    account = the(public, "Microsoft.Storage/storageAccounts")
    assert account["publicNetworkAccess"] == "Enabled"
    assert account["networkAcls"]["defaultAction"] == "Allow"
    assert public["Microsoft.ContainerRegistry/registries"][0]["sku"] == {"name": "Basic"}
    assert not the(public, "Microsoft.Web/sites").get("virtualNetworkSubnetId")
    assert not the(public, "Microsoft.App/managedEnvironments").get("vnetConfiguration")


def test_storage_and_registry_have_no_public_endpoint(private: Resources) -> None:
    account = the(private, "Microsoft.Storage/storageAccounts")
    assert account["publicNetworkAccess"] == "Disabled"
    # Event Grid writes its dead letters as a trusted service.
    assert account["networkAcls"] == {"bypass": "AzureServices", "defaultAction": "Deny"}
    (registry,) = private["Microsoft.ContainerRegistry/registries"]
    assert registry["sku"] == {"name": "Premium"}
    assert registry["properties"]["publicNetworkAccess"] == "Disabled"


def test_everything_that_the_programs_reach_has_a_private_endpoint(private: Resources) -> None:
    endpoints = private["Microsoft.Network/privateEndpoints"]
    groups = {
        group: connection["properties"]["privateLinkServiceId"].rsplit("/", 2)[1]
        for endpoint in endpoints
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
        for group in connection["properties"]["groupIds"]
    }
    storage = dict.fromkeys(("blob", "queue", "table"), "storageAccounts")
    assert groups == storage | {"registry": "registries"}
    # The suffixes are those of the cloud: core.windows.net, azurecr.io with its dot.
    zones = {
        re.sub(r"\[format\('([\w.]+)\{0\}', environment\(\)\.suffixes\.(\w+)\)\]", r"\1 \2", name)
        for name in (zone["name"] for zone in private["Microsoft.Network/privateDnsZones"])
    }
    assert zones == {
        "privatelink.blob. storage",
        "privatelink.queue. storage",
        "privatelink.table. storage",
        "privatelink acrLoginServer",
    }
    assert len(private["Microsoft.Network/privateDnsZones/virtualNetworkLinks"]) == len(zones)
    assert len(private["Microsoft.Network/privateEndpoints/privateDnsZoneGroups"]) == len(zones)


def test_both_programs_are_in_the_network_and_acs_still_reaches_them(private: Resources) -> None:
    network = the(private, "Microsoft.Network/virtualNetworks")
    subnets = {subnet["name"]: subnet["properties"] for subnet in network["subnets"]}
    assert subnets.keys() == {"functions", "streamer", "endpoints"}
    for name in ("functions", "streamer"):
        (delegation,) = subnets[name]["delegations"]
        assert delegation["properties"]["serviceName"] == "Microsoft.App/environments"
        assert subnets[name]["natGateway"], "ACS and Azure Monitor are on the internet"
    app = the(private, "Microsoft.Web/sites")
    assert app["virtualNetworkSubnetId"].endswith("/subnets/functions")
    assert app.get("publicNetworkAccess", "Enabled") == "Enabled"
    environment = the(private, "Microsoft.App/managedEnvironments")
    assert environment["vnetConfiguration"]["internal"] is False
    subnet = environment["vnetConfiguration"]["infrastructureSubnetId"]
    assert subnet.endswith("/subnets/streamer")


@pytest.mark.parametrize(
    ("version", "kept"), [("", None), ("/0123456789abcdef", "0123456789abcdef")]
)
def test_a_key_of_the_customer_encrypts_the_storage_account(
    bicep_server: BicepServer, version: str, kept: str | None
) -> None:
    (account,) = resources_of(
        bicep_server,
        ENCRYPTION_KEY_URI=f"https://kv-calls.vault.azure.net/keys/recordings{version}",
        ENCRYPTION_IDENTITY_ID=IDENTITY,
    )["Microsoft.Storage/storageAccounts"]
    encryption = account["properties"]["encryption"]
    assert encryption["keySource"] == "Microsoft.Keyvault"
    assert encryption["identity"] == {"userAssignedIdentity": IDENTITY}
    properties = encryption["keyvaultproperties"]
    assert properties["keyvaulturi"] == "https://kv-calls.vault.azure.net"
    assert (properties["keyname"], properties.get("keyversion")) == ("recordings", kept)
    assert list(account["identity"]["userAssignedIdentities"]) == [IDENTITY]


def test_without_a_key_microsoft_manages_it(public: Resources) -> None:
    (account,) = public["Microsoft.Storage/storageAccounts"]
    assert account["properties"]["encryption"] == {"keySource": "Microsoft.Storage"}
    assert account["identity"] == {"type": "None"}


def test_locks_keep_recordings_and_phone_numbers(
    bicep_server: BicepServer, public: Resources
) -> None:
    kind = "Microsoft.Authorization/locks"
    assert kind not in public
    locks = resources_of(bicep_server, LOCKS="on")[kind]
    assert {lock["properties"]["level"] for lock in locks} == {"CanNotDelete"}
    targets = {lock["id"].split("/providers/")[1].split("/")[1] for lock in locks}
    assert targets == {"storageAccounts", "communicationServices"}


def test_reads_and_deletions_of_blobs_and_requests_to_acs_are_logged(public: Resources) -> None:
    logged = {
        setting["id"].split("/providers/")[1].split("/")[1]: {
            log["category"] for log in setting["properties"]["logs"] if log["enabled"]
        }
        for setting in public["Microsoft.Insights/diagnosticSettings"]
    }
    assert logged["storageAccounts"] == {"StorageRead", "StorageWrite", "StorageDelete"}
    # Not CallSummary and CallDiagnostics, which list each participant.
    assert logged["communicationServices"] == {
        "AuthOperational",
        "CallAutomationOperational",
        "CallAutomationMediaSummary",
        "CallAutomationStreamingUsage",
    }


def test_tls_is_required_everywhere(deployed: Deployed) -> None:
    (account,) = deployed("Microsoft.Storage/storageAccounts")
    assert account["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert account["properties"]["supportsHttpsTrafficOnly"] is True
    (app,) = deployed("Microsoft.Web/sites")
    config = app["properties"]["siteConfig"]
    assert (config["minTlsVersion"], config["scmMinTlsVersion"]) == ("1.2", "1.2")
    assert config["ftpsState"] == "Disabled"
    assert app["properties"]["httpsOnly"] is True
    webhooks = [
        subscription["properties"]["destination"]["properties"]["minimumTlsVersionAllowed"]
        for subscription in deployed("Microsoft.EventGrid/systemTopics/eventSubscriptions")
        if subscription["properties"]["destination"]["endpointType"] == "WebHook"
    ]
    assert webhooks
    assert set(webhooks) == {"1.2"}


def test_the_host_tells_browsers_to_insist_on_tls() -> None:
    http = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]
    assert http["hsts"] == {"isEnabled": True, "maxAge": "365"}, "in days"
