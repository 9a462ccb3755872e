"""The tests' way of setting a parameter file's variables does what the environment does."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from infra import bicep

from .bicep_server import BicepServer, set_variables

# The CLI takes seconds, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)


def test_cli_reads_the_variables_from_its_environment(bicep_server: BicepServer) -> None:
    file = bicep.FOLDER / "subscriptions.bicepparam"
    completed = subprocess.run(
        [bicep_server.cli, "build-params", file, "--stdout"],
        env=os.environ | {"ANSWER_CALLS": "+15551230000"},
        capture_output=True,
        check=True,
    )
    parameters = json.loads(json.loads(completed.stdout)["parametersJson"])["parameters"]
    assert parameters["answerCalls"] == {"value": "+15551230000"}
    text = set_variables(file.read_text(), {"ANSWER_CALLS": "+15551230000"})
    assert "\nparam answerCalls = '+15551230000'\n" in text


def test_unknown_variable_is_an_error() -> None:
    with pytest.raises(AssertionError, match="does not read OTHER"):
        set_variables("param x = readEnvironmentVariable('X', '')", {"OTHER": ""})
