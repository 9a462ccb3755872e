"""docs/azure.md is true: its steps, alerts and parameters are there, and its sums are right."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest

import streamer.settings
from infra.deploying import STEPS
from infra.shell import ROOT

from .conftest import Resources
from .test_settings import resolved

# The Bicep CLI takes seconds, and more where others work, too.
pytestmark = pytest.mark.timeout(400)

DOC = (ROOT / "docs" / "azure.md").read_text()
TIMES, BY = "\N{MULTIPLICATION SIGN}", "\N{DIVISION SIGN}"
SUMS = re.findall(rf"\| ([\d. {TIMES}{BY}+()]+) \| ([\d.]+) \|", DOC)


def test_it_tells_every_step_in_order() -> None:
    table = DOC[DOC.index("| step |") : DOC.index("## What it costs")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(STEPS)


def test_the_steps_that_its_commands_run_are_steps() -> None:
    for words in re.findall(r"infra/deploy((?: [a-z]+)+)(?=[ `\n])", "".join(_commands())):
        assert set(words.split()) <= STEPS.keys(), words


def _commands() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", DOC, re.DOTALL) + re.findall(r"`(infra/[^`]+`)", DOC)


def test_its_number_of_log_alerts_is_right(deployed: Callable[..., Resources]) -> None:
    rules = deployed("Microsoft.Insights/scheduledQueryRules")
    assert len(rules) == 7
    assert {rule["properties"]["evaluationFrequency"] for rule in rules} == {"PT5M"}
    assert "seven log alerts, each looking every five minutes" in re.sub(r"\s+", " ", DOC)


def test_it_tells_every_alert(deployed: Callable[..., Resources]) -> None:
    rules = deployed("Microsoft.Insights/scheduledQueryRules")
    rules += deployed("Microsoft.Insights/metricAlerts")
    table = DOC[DOC.index("| alert |") :]
    told = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert sorted(told) == sorted(rule["name"] for rule in rules)


@pytest.mark.parametrize(("worked_out", "result"), SUMS)
def test_its_sums_are_right(worked_out: str, result: str) -> None:
    assert math.isclose(_evaluate(worked_out), float(result), rel_tol=1e-9)


def test_its_prices_are_those_of_its_table() -> None:
    prices = set(re.findall(r"^\| [^|]+ \| (0\.\d+) \| [^|]+\|$", DOC, re.MULTILINE))
    used = {number for sum_, _ in SUMS for number in re.findall(r"0\.\d+", sum_)}
    assert used - {"0.23"} <= prices
    assert len(SUMS) == 6
    total = sum(float(result) for _, result in SUMS)
    assert f"**{total:.2f}**" in DOC
    of_acs = sum(float(result) for worked_out, result in SUMS if worked_out.startswith("60 "))
    assert f"{of_acs / total:.1f}" == "0.9"
    assert "ACS, with the phone network, is nine tenths" in DOC


def _evaluate(sum_: str) -> float:
    spelled = sum_.replace(TIMES, "*").replace(BY, "/")
    assert re.fullmatch(r"[\d. *+/()]+", spelled)
    value: float = eval(spelled)
    return value


def test_the_call_hour_is_what_the_streamer_makes_of_it() -> None:
    settings = streamer.settings.Settings()
    assert 2 * 3600 / settings.segment_seconds == 240
    assert round(2 * 3600 * 16_000 * 2 / 1e9, 2) == 0.23


def test_the_drain_is_as_long_as_it_says(streamer_settings: dict[str, str]) -> None:
    settings = streamer.settings.load(resolved(streamer_settings))
    assert f"go on for {settings.drain_grace_seconds:.0f} s" in DOC
    assert f"has {settings.drain_upload_seconds:.0f} s to upload" in DOC
    assert "a 200th of a replica of 1 vCPU" in DOC
    assert settings.max_streams == 200


def test_it_names_the_variables_that_the_parameters_read() -> None:
    text = "".join(file.read_text() for file in (ROOT / "infra").glob("*.bicepparam"))
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", text))
    of_deploy = {"AZURE_ENV_NAME", "STREAMER_IMAGE", "STREAMER_LIVE_REVISION"}
    for variable in read - of_deploy:
        assert variable in DOC, variable
