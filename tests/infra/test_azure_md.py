"""docs/azure.md agrees with the code: its steps, alerts, parameters, queries and sums."""

from __future__ import annotations

import json
import math
import re
import uuid

import pytest

import streamer.settings
from calls.principals import ROLES
from infra.deploy import DOCTOR, STEPS
from infra.shell import ROOT

from .conftest import Deployed
from .test_settings import resolve

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

DOC = (ROOT / "docs" / "azure.md").read_text()
TIMES, BY = "\N{MULTIPLICATION SIGN}", "\N{DIVISION SIGN}"
SUMS = re.findall(rf"\| ([\d. {TIMES}{BY}+()]+) \| ([\d.]+) \|", DOC)


def test_every_step_is_listed_in_order() -> None:
    table = DOC[DOC.index("| step |") : DOC.index("**What it keeps.**")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(STEPS)


def test_commands_run_existing_steps() -> None:
    for words in re.findall(r"infra/deploy((?: [a-z]+)+)(?=[ `\n])", "".join(find_commands())):
        assert set(words.split()) <= STEPS.keys() | {DOCTOR}, words


def find_commands() -> list[str]:
    """Return the shell commands of the document."""
    return re.findall(r"```sh\n(.*?)```", DOC, re.DOTALL) + re.findall(r"`(infra/[^`]+`)", DOC)


def test_number_of_log_alerts_is_right(deployed: Deployed) -> None:
    rules = deployed("Microsoft.Insights/scheduledQueryRules")
    assert len(rules) == 12
    assert {rule["properties"]["evaluationFrequency"] for rule in rules} == {"PT5M"}
    assert "twelve log alerts, each evaluated every five minutes" in re.sub(r"\s+", " ", DOC)


def test_every_alert_is_listed(deployed: Deployed) -> None:
    rules = deployed("Microsoft.Insights/scheduledQueryRules")
    rules += deployed("Microsoft.Insights/metricAlerts")
    table = DOC[DOC.index("| alert |") :]
    names = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert sorted(names) == sorted(rule["name"] for rule in rules)


@pytest.mark.parametrize(("calculation", "result"), SUMS)
def test_sums_are_right(calculation: str, result: str) -> None:
    assert math.isclose(evaluate(calculation), float(result), rel_tol=1e-9)


def test_sums_use_the_listed_prices() -> None:
    prices = set(re.findall(r"^\| [^|]+ \| (0\.\d+) \| [^|]+\|$", DOC, re.MULTILINE))
    numbers = {n for calculation, _ in SUMS for n in re.findall(r"0\.\d+", calculation)}
    assert numbers - {"0.23"} <= prices
    assert len(SUMS) == 6
    total = sum(float(result) for _, result in SUMS)
    assert f"**{total:.2f}**" in DOC
    acs_total = sum(float(result) for calculation, result in SUMS if calculation.startswith("60 "))
    assert f"{acs_total / total:.1f}" == "0.9"
    assert "ACS, including the phone network, accounts for nine tenths" in DOC


def evaluate(calculation: str) -> float:
    """Return the value of a calculation."""
    expression = calculation.replace(TIMES, "*").replace(BY, "/")
    assert re.fullmatch(r"[\d. *+/()]+", expression)
    value: float = eval(expression)
    return value


def test_an_hour_s_segments_are_those_of_the_streamer() -> None:
    settings = streamer.settings.Settings()
    assert 2 * 3600 / settings.segment_seconds == 240
    assert round(2 * 3600 * 16_000 * 2 / 1e9, 2) == 0.23


def test_length_of_the_drain_is_right(streamer_settings: dict[str, str]) -> None:
    settings = streamer.settings.load(resolve(streamer_settings))
    assert f"continue for up to {settings.drain_grace_seconds:.0f} s" in DOC
    assert f"has {settings.drain_upload_seconds:.0f} s to upload" in DOC
    assert "a 200th of a replica of 1 vCPU" in DOC
    assert settings.max_streams == 200


def test_every_variable_that_the_parameters_read_is_named() -> None:
    text = "".join(file.read_text() for file in (ROOT / "infra").glob("*.bicepparam"))
    variables = set(re.findall(r"readEnvironmentVariable\('(\w+)'", text))
    set_by_deploy = {"AZURE_ENV_NAME", "STREAMER_IMAGE", "STREAMER_LIVE_REVISION"}
    for variable in variables - set_by_deploy:
        assert variable in DOC, variable


def test_the_app_roles_are_those_of_the_app() -> None:
    roles = json.loads((ROOT / "infra" / "app-roles.json").read_text())
    assert [role["value"] for role in roles] == list(ROLES)
    assert len({uuid.UUID(role["id"]) for role in roles}) == len(ROLES)
    for role in roles:
        assert role["isEnabled"] is True
        assert role["allowedMemberTypes"] == ["User", "Application"]
        assert role["displayName"] == role["value"]
        assert role["description"].endswith(".")
    assert "--app-roles @infra/app-roles.json" in DOC
