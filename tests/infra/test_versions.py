"""The versions of the tools are read from what they print, and compared."""

from __future__ import annotations

import re
import sys

import pytest

from infra.shell import ROOT, Shell, StepFailed
from infra.versions import AZ, AZD, BICEP, FUNC, check_python, check_tool, list_tools

from .cloud import NEW_GROUP, Cloud

PRINTED = {
    AZ: ('{\n  "azure-cli": "2.91.0",\n  "azure-cli-core": "2.91.0"}', "2.91.0"),
    BICEP: ("Bicep CLI version 0.36.177 (f3d9f3d5e9)", "0.36.177"),
    FUNC: ("4.2.1+3b7a21\n", "4.2.1"),
    AZD: ("azd version 1.18.0 (commit 0a1b2c3) (stable)", "1.18.0"),
}


class Printing(Shell):
    """A shell whose programs all print the same."""

    def __init__(self, output: str) -> None:
        super().__init__("")
        self._output = output

    def require(self, *programs: str) -> None:
        pass

    def read_output(self, *command: str) -> str:
        return self._output


@pytest.mark.parametrize("tool", PRINTED)
def test_version_is_read_from_what_the_tool_prints(tool: object) -> None:
    (checked,) = (known for known in PRINTED if known is tool)
    output, version = PRINTED[checked]
    assert check_tool(Printing(output), checked) == version
    with pytest.raises(StepFailed, match="cannot be read"):
        check_tool(Printing("command not understood"), checked)


@pytest.mark.parametrize("tool", PRINTED)
def test_older_version_is_refused_with_the_remedy(tool: object) -> None:
    (checked,) = (known for known in PRINTED if known is tool)
    output, version = PRINTED[checked]
    with pytest.raises(StepFailed, match=r"too old: 0\.1\.2; .* or newer is needed") as refusal:
        check_tool(Printing(output.replace(version, "0.1.2")), checked)
    assert refusal.value.advice == f"Upgrade it: {checked.remedy}"


def test_bicep_cli_that_is_missing_is_installed_by_az(cloud: Cloud) -> None:
    cloud.set(versions=cloud.state["versions"] | {"bicep": ""})
    completed = cloud.deploy("check")
    assert completed.returncode == 0, completed.stderr
    assert "az bicep install" in cloud.commands
    assert "Bicep CLI 0.49.2" in completed.stdout


def test_azd_is_checked_where_it_deploys(cloud: Cloud) -> None:
    cloud.set(versions=cloud.state["versions"] | {"azd": "1.9.0"})
    assert cloud.deploy("check", *NEW_GROUP).returncode == 0
    completed = cloud.deploy("--azd", "check", AZURE_RESOURCE_GROUP="rg-azd")
    assert completed.returncode == 1
    assert "Azure Developer CLI (azd) is too old: 1.9.0" in completed.stderr
    assert list_tools(with_azd=True)[-1] is AZD
    text = (ROOT / "azure.yaml").read_text()
    (minimum,) = re.findall(r"requiredVersions:\n(?:  #.*\n)*  azd: '>= (.+)'", text)
    assert minimum == ".".join(map(str, AZD.minimum))


def test_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_python().startswith("3.")
    monkeypatch.setattr(sys, "version_info", (3, 10, 9, "final", 0))
    with pytest.raises(StepFailed, match=r"python3 is too old: 3\.10\.9"):
        check_python()
