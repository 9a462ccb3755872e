"""``infra/deploy doctor``: of a healthy system nothing is wrong; what it cannot see, it says."""

from __future__ import annotations

import json

import pytest

from infra.checks.access import GRANTS
from infra.doctor import CHECKS

from .cloud import DEPLOYED, Cloud
from .conftest import Examine
from .healthy import answers


def test_healthy_system_has_no_fault(examine: Examine) -> None:
    findings = examine().run()
    assert list(findings) == [check.name for check in CHECKS]
    assert [entry for entries in findings.values() for entry in entries if entry[0] != "ok"] == []
    assert findings["roles"] == [("ok", f"all {len(GRANTS)} role assignments exist", "")]


def test_it_changes_nothing(cloud: Cloud, examine: Examine) -> None:
    examine().run()
    changing = {"create", "delete", "set", "update", "add", "register", "deactivate", "publish"}
    for line in cloud.state["log"]:
        assert not changing & set(line), line


def test_people_read_what_is_wrong_and_what_to_do(cloud: Cloud, answering_server: str) -> None:
    faults = answers(answering_server) | {"az functionapp function list": []}
    cloud.set(**DEPLOYED | {"answers": faults})
    completed = cloud.deploy("doctor")
    assert completed.returncode == 1
    assert "code: the function app\n  ERROR   The app has no functions" in completed.stdout
    assert "          What to do: Run: infra/deploy publish" in completed.stdout
    assert "1 wrong, 0 to look at, 0 not checked" in completed.stdout


@pytest.mark.parametrize("check", [check.name for check in CHECKS])
def test_what_cannot_be_looked_at_is_said(examine: Examine, check: str) -> None:
    """Each check alone fails: the reader may not see everything."""
    commands = {
        "tools": "func --version",
        "subscription": "az account show",
        "resources": "az resource list",
        "region": "az functionapp list-flexconsumption-locations",
        "quotas": "az containerapp list-usages",
        "identities": "az functionapp config appsettings list",
        "roles": "az rest",
        "settings": "az functionapp config appsettings list",
        "code": "az functionapp function list",
        "streamer": "az containerapp revision list",
        "subscriptions": "az eventgrid",
        "deliveries": "az monitor metrics list",
        "keys": "az functionapp keys list",
        "entrances": "az functionapp keys list",
        "acs-tokens": "az functionapp keys list",
        "logs": "az resource show",
        "last-call": "az monitor log-analytics query",
        "refusals": "az monitor log-analytics query",
    }
    findings = examine(None, commands[check])[check]
    level, text, remedy = next(finding for finding in findings if finding[0] != "ok")
    assert level == ("error" if check == "tools" else "unknown")
    assert "made to fail" in text
    assert remedy


def test_answer_of_another_shape_is_said(examine: Examine) -> None:
    ((level, text, _),) = examine({"az account show": {"name": "x"}})["subscription"]
    assert level == "unknown"
    assert "another shape than expected (KeyError('state'))" in text


def test_group_that_does_not_exist_is_all_that_is_said(cloud: Cloud) -> None:
    completed = cloud.deploy("doctor", "--json", "--resource-group", "rg-other")
    assert completed.returncode == 1
    findings = json.loads(completed.stdout)["findings"]
    (finding,) = (entry for entry in findings if entry["check"] == "resources")
    assert finding["text"] == "The resource group rg-other does not exist."
    assert findings[-1] == finding
    cloud.set(fail=["az group exists"])
    assert cloud.deploy("doctor").returncode == 3


def test_it_is_run_alone(cloud: Cloud) -> None:
    assert cloud.deploy("doctor", "smoke").returncode == 2
    assert cloud.state["log"] == []
