"""Every command that is run is one that the real az understands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.shell import ROOT

from . import healthy
from .bicep_server import BicepServer
from .cloud import DEPLOYED, NEW_GROUP, Cloud

# What az answers to a command that it does not understand, before it asks for a sign-in.
MISUNDERSTOOD = re.compile(
    r"unrecognized arguments|misspelled|are required|invalid choice|expected .* argument|BCP\d"
)

EXTENSIONS = [["monitor", "log-analytics", "query"]]
"""Commands that az has only with an extension, which it downloads when it is first needed."""


@pytest.mark.skipif(not shutil.which("az"), reason="no az on PATH (pip install azure-cli)")
@pytest.mark.timeout(600)
def test_real_az_understands_every_command(
    cloud: Cloud, bicep_server: BicepServer, tmp_path: Path
) -> None:
    """Without a sign-in, it parses the command, compiles the parameters, and asks for one."""
    cloud.set(**DEPLOYED, providers=[])
    assert cloud.deploy(*NEW_GROUP).returncode == 0
    assert cloud.destroy("--group-to-delete", "rg-calls").returncode == 0
    log = cloud.state["log"]
    cloud.set(**DEPLOYED, answers=healthy.answers("calls.example"))
    cloud.deploy("doctor")
    cloud.set(log=log + cloud.state["log"])
    bicep = tmp_path / "bicep"
    bicep.write_text(f'#!/bin/sh\nexec {bicep_server.cli} "$@"\n')
    bicep.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "AZURE_CONFIG_DIR": str(tmp_path / "nobody"),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_BICEP_USE_BINARY_FROM_PATH": "true",
        "AZURE_BICEP_CHECK_VERSION": "false",
        # It would ask registries and Bicep's own site: nothing leaves this machine.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "STREAMER_IMAGE": "crcalls.azurecr.io/streamer:0",
    }
    commands = {tuple(line) for line in cloud.state["log"] if line[0] == "az"}
    # The providers are registered by commands that differ only in the provider.
    distinct = {
        " ".join(re.sub(r"^Microsoft\..*", "P", word) for word in line): line for line in commands
    }
    for line in sorted(distinct.values()):
        command = [word.replace("registry-name", "crcalls") for word in line]
        completed = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True
        )
        if list(line[1:4]) in EXTENSIONS:
            continue
        if "version" in line[1:3]:
            assert completed.returncode == 0, completed.stderr
            continue
        assert completed.returncode, "it must not have been signed in"
        assert not MISUNDERSTOOD.search(completed.stderr), (line, completed.stderr)
