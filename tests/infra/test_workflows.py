"""The dev container and the workflows run the same commands, on the same versions, as everyone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.deploy import DOCTOR, STEPS
from infra.doctor import EXIT_UNKNOWN
from infra.shell import ROOT
from infra.versions import AZ, AZD, BICEP, FUNC, Tool

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
PYTHON = (ROOT / ".python-version").read_text().strip()
NODE = re.findall(r"\d+", json.loads((ROOT / "package.json").read_text())["engines"]["node"])[0]


def load(path: Path) -> dict[str, Any]:
    """A workflow."""
    workflow: dict[str, Any] = yaml.safe_load(path.read_text())
    return workflow


def steps_of(path: Path) -> list[dict[str, Any]]:
    """All steps of a workflow."""
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def commands_of(path: Path) -> str:
    """The commands that a workflow runs."""
    return "\n".join(step.get("run", "") for step in steps_of(path))


def feature(name: str) -> dict[str, Any]:
    """The options of one of the dev container's features."""
    (options,) = (options for key, options in CONTAINER["features"].items() if f"/{name}:" in key)
    return dict(options)


def is_new_enough(version: str, tool: Tool) -> bool:
    """Whether a version is at least the one that infra/deploy asks for."""
    return tuple(map(int, version.removeprefix("v").split("."))) >= tool.minimum


def test_there_are_two_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "deploy.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    uses = re.findall(r"uses: (.+)", path.read_text())
    assert len(uses) == sum("uses" in step for step in steps_of(path)) >= 3
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_have_no_more_rights_than_they_need(path: Path) -> None:
    workflow = load(path)
    for job in workflow["jobs"].values():
        rights = job.get("permissions", workflow["permissions"])
        logs_in = any("azure/login@" in step.get("uses", "") for step in job["steps"])
        expected = {"contents": "read"} | ({"id-token": "write"} if logs_in else {})
        assert rights == expected
        assert job["timeout-minutes"] <= 90
    checkouts = [s for s in steps_of(path) if s.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_hold_no_secret_and_put_no_input_into_a_command(path: Path) -> None:
    assert "secrets." not in path.read_text()
    assert "${{" not in commands_of(path)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_use_the_versions_of_the_version_files(path: Path) -> None:
    options = {
        step["uses"].partition("@")[0]: step["with"] for step in steps_of(path) if "with" in step
    }
    assert options["actions/setup-python"] == {"python-version-file": ".python-version"}
    assert options["actions/setup-node"] == {"node-version": NODE}
    (bicep,) = re.findall(r"az bicep install --version (v[\d.]+)", commands_of(path))
    assert bicep == feature("azure-cli")["bicepVersion"]


def test_ci_runs_the_same_as_everyone() -> None:
    ci = commands_of(WORKFLOWS[0])
    assert ci.splitlines()[-1] == ".ci/run"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    used = re.findall(r"\bmake (\w+)", (ROOT / ".ci" / "run").read_text())
    used += re.findall(r"\bmake (\w+)", (ROOT / ".devcontainer" / "post-create").read_text())
    assert set(used) <= set(targets)
    assert {"check", "test", "setup"} <= set(used)


def test_deploy_takes_all_steps_that_a_resource_group_s_contributor_may_take() -> None:
    """The identity has no right in the subscription: the first run is by somebody who has."""
    (line,) = re.findall(r"infra/deploy --yes (.+)", commands_of(WORKFLOWS[1]))
    steps = [name for name, step in STEPS.items() if not step.optional]
    assert line.split() == [name for name in steps if name not in ("providers", "group")]
    assert commands_of(WORKFLOWS[1]).splitlines()[-1] == (
        f"infra/deploy {DOCTOR} || [ $? -eq {EXIT_UNKNOWN} ]"
    )


def test_deploy_sets_no_variable_of_a_parameter_file() -> None:
    """An unset one would be empty, and clear what the deployment has."""
    (job,) = load(WORKFLOWS[1])["jobs"].values()
    assert job["env"] == {"AZURE_RESOURCE_GROUP": "${{ inputs.resource_group }}"}
    assert job["environment"] == "production"


def test_dev_container_has_every_tool_in_a_version_that_is_new_enough() -> None:
    assert CONTAINER["image"].partition(":")[2].startswith(f"{PYTHON}-")
    assert feature("node")["version"] == NODE
    azure_cli = feature("azure-cli")
    assert azure_cli["installBicep"] is True
    assert is_new_enough(azure_cli["version"], AZ)
    assert is_new_enough(azure_cli["bicepVersion"], BICEP)
    assert is_new_enough(feature("azd")["version"], AZD)
    script = ROOT / CONTAINER["postCreateCommand"]
    assert script.stat().st_mode & 0o111
    for text in (script.read_text(), commands_of(WORKFLOWS[1])):
        (func,) = re.findall(r"azure-functions-core-tools@([\d.]+)", text)
        assert is_new_enough(func, FUNC)
