"""Tools, subscription, region, quotas and resources: each fault is found."""

from __future__ import annotations

import pytest

from infra.checks.surroundings import REQUIRED
from tests.infra.cloud import Cloud
from tests.infra.conftest import Examine
from tests.infra.healthy import list_resources, usage


def test_old_tool_is_found(cloud: Cloud, examine: Examine) -> None:
    cloud.set(versions=cloud.state["versions"] | {"bicep": "0.30.3", "azd": "1.9.0"})
    faults = {text: level for level, text, _ in examine()["tools"] if level != "ok"}
    assert sorted(faults.values()) == ["error", "warning"]
    assert any("Bicep CLI is too old: 0.30.3" in text for text in faults)


def test_disabled_subscription_is_found(examine: Examine) -> None:
    account = {"name": "Trial", "id": "s", "state": "Warned"}
    ((level, text, remedy),) = examine({"az account show": account})["subscription"]
    assert level == "error"
    assert text.startswith("The subscription Trial is Warned")
    assert "spending limit" in remedy


@pytest.mark.parametrize(("resource_type", "name"), REQUIRED.items())
def test_missing_resource_is_found(examine: Examine, resource_type: str, name: str) -> None:
    rest = [entry for entry in list_resources() if entry["type"] != resource_type]
    ((level, text, _),) = examine({"az resource list": rest})["resources"]
    assert (level, text) == ("error", f"Missing: the {name}, in rg-calls.")


def test_region_without_flex_consumption_is_found(examine: Examine) -> None:
    changes = {"az functionapp list-flexconsumption-locations": ["North Europe"]}
    ((level, text, _),) = examine(changes)["region"]
    assert (level, text) == ("error", "Flex Consumption is not offered in westeurope.")


def test_region_without_the_runtime_is_found(examine: Examine) -> None:
    changes = {"az functionapp list-flexconsumption-runtimes": ["3.14", "3.15"]}
    ((level, text, _),) = examine(changes)["region"]
    assert level == "error"
    assert "does not offer python 3.13" in text


@pytest.mark.parametrize(
    ("current", "limit", "level"), [(79, 100, "ok"), (85, 100, "warning"), (15, 15, "error")]
)
def test_quota_that_is_used_up_is_found(
    examine: Examine, current: float, limit: float, level: str
) -> None:
    changes = {
        "az containerapp env list-usages": [usage("Cores", current, limit), usage("x", 0, 0)]
    }
    ((found, text, _),) = examine(changes)["quotas"]
    assert found == level
    assert ("'Cores'" in text) == (level != "ok")
