"""What is in a resource group is read once, and what does not exist is None."""

from __future__ import annotations

import re
from pathlib import Path
from unittest import mock

import pytest

import infra.shell
from infra.inventory import COMMUNICATION, FUNCTION_APP, PREFIXES, Resources
from infra.shell import ROOT, Shell, StepFailed

from .cloud import DEPLOYED, Cloud

BUDGET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Consumption/budgets/calls"


def test_resources_are_read_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.set(**DEPLOYED)
    monkeypatch.setenv("PATH", f"{cloud.bin}")
    with mock.patch.object(infra.shell, "execute", cloud.execute):
        resources = Resources(Shell(""), "rg-calls")
        for _ in range(2):
            app = resources.find(FUNCTION_APP)
            assert app is not None
            assert app["name"].startswith("func-calls-")
            assert resources.show(COMMUNICATION)["properties"]["dataLocation"] == "United States"
            assert resources.show_id(BUDGET) is None
            assert resources.show(FUNCTION_APP, "/config/authsettingsV2") is None
            assert (resources.app_settings() or {})["ANSWER_CALLS"] == "off"
        assert resources.group_id().endswith("/resourceGroups/rg-calls")
        assert cloud.commands == [
            "az resource list",
            "az resource show",
            "az resource show",
            "az resource show",
            "az functionapp config appsettings list",
        ]
        cloud.set(fail=["az resource show"])
        with pytest.raises(StepFailed, match="made to fail"):
            Resources(Shell(""), "rg-calls").show(COMMUNICATION)


def test_names_begin_as_in_the_templates() -> None:
    names = (ROOT / "infra" / "names.bicep").read_text()
    alerts = (ROOT / "infra" / "modules" / "alerts.bicep").read_text()
    for prefix in PREFIXES.values():
        assert re.search(rf"'{re.escape(prefix)}(\$|')", names + alerts), prefix


def test_every_type_is_deployed() -> None:
    texts = "".join(file.read_text() for file in Path(ROOT / "infra").rglob("*.bicep"))
    for resource_type in PREFIXES:
        assert f"'{resource_type}@" in texts, resource_type
