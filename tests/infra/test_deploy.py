"""``infra/deploy`` as a user runs it, with a real app and streamer behind its addresses."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.deploy import STEPS
from infra.image import context_hash
from infra.shell import ROOT
from infra.steps import PROVIDERS

from .cloud import DEPLOYED, NEW_GROUP, Addresses, Cloud

# Each run starts a few dozen processes.
pytestmark = pytest.mark.timeout(400)

DEPLOY = ROOT / "infra" / "deploy"

CHECK = ["az version", "az bicep version", "func", "az account show"]
LIST = "az deployment group list"
SETTINGS = "az functionapp config appsettings list"
KEYS = "az functionapp keys list"

FIRST_RUN = [
    *CHECK,
    "az provider list",
    "az provider register",
    "az group exists",
    "az group create",
    LIST,
    LIST,
    "az group exists",
    LIST,
    "az resource list",
    "az deployment group what-if main",
    "az deployment group create main",
    LIST,
    "az acr repository list",
    "az acr build",
    "az containerapp list",
    "az deployment group create streamer",
    "az containerapp list",
    "az containerapp revision show",
    "az containerapp ingress traffic set",
    "func azure functionapp publish function-app-name",
    "az functionapp function list",
    "az deployment group create subscriptions",
    SETTINGS,
    KEYS,
    "az containerapp list",
    "az containerapp revision list",
]


@pytest.fixture(scope="module")
def local_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """The real system, in the place of what was deployed."""
    log = (tmp_path_factory.mktemp("up") / "log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "up", "--free-ports", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            addresses = json.loads(line)
            yield Addresses(addresses["app"], addresses["streamer"], addresses["function_key"])
            break
    else:
        log.seek(0)
        pytest.fail(f"the system did not start: {log.read()}")
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    process.stdout.close()
    log.close()


@pytest.fixture
def real_cloud(tmp_path: Path, local_system: Addresses) -> Cloud:
    """An empty subscription. Whatever is deployed to it, the real system answers."""
    return Cloud(tmp_path, local_system)


def test_first_run_takes_each_step_once_it_is_possible(real_cloud: Cloud) -> None:
    cloud = real_cloud
    completed = cloud.run(DEPLOY, *NEW_GROUP, "--subscription", "sub-1", "--pause-seconds", "0.01")
    assert completed.returncode == 0, completed.stderr
    assert cloud.commands == FIRST_RUN
    of_azure = [line for line in cloud.state["log"] if "version" not in " ".join(line[:4])]
    assert all(line[line.index("--subscription") + 1] == "sub-1" for line in of_azure)
    assert PROVIDERS[0] in cloud.find_command("az provider register")
    assert cloud.find_command("az group create")[3:7] == [
        "--name",
        "rg-calls",
        "--location",
        "westeurope",
    ]
    image = f"streamer:{context_hash()}"
    build = cloud.find_command("az acr build")
    assert build[build.index("--image") + 1] == image
    assert build[build.index("--file") + 1] == "streamer/Dockerfile"
    assert "." in build
    assert "--python" in cloud.find_command("func azure functionapp publish")
    (revision,) = cloud.state["revisions"]
    assert revision["image"] == f"crcalls.azurecr.io/{image}"
    traffic = cloud.find_command("az containerapp ingress traffic set")
    assert traffic[traffic.index("--revision-weight") + 1] == f"{revision['name']}=100"
    outputs = cloud.state["outputs"]
    for address in (
        outputs["FUNCTION_APP_URL"] + "/api/v1/calls",
        outputs["STREAMER_URL"] + "/media/",
    ):
        assert address in completed.stdout
    steps = [name for name, step in STEPS.items() if not step.optional]
    for number, name in enumerate(steps, 1):
        assert f"[{number}/{len(steps)}] {name}:" in completed.stdout
    assert "keys:" not in completed.stdout, "it is done only if it is named"
    assert completed.stdout.count("refused: yes") == 3
    assert re.search(r"package: \d+ files, \d+ kB", completed.stdout)


def test_azd_up_takes_the_same_steps(real_cloud: Cloud) -> None:
    completed = real_cloud.run(
        "azd", "up", AZURE_RESOURCE_GROUP="rg-azd", AZURE_LOCATION="westeurope"
    )
    assert completed.returncode == 0, completed.stderr
    after = FIRST_RUN[
        FIRST_RUN.index(LIST, FIRST_RUN.index("az deployment group create main")) + 1 :
    ]
    before = [*CHECK[:3], "azd version", CHECK[3], "az group exists"]
    assert real_cloud.commands == ["azd up", *before, *after]
    create = real_cloud.find_command("az deployment group create --name streamer")
    assert create[create.index("--resource-group") + 1] == "rg-azd"


def test_azd_hooks_run_all_steps_that_azd_does_not_do_itself() -> None:
    runs = re.findall(r"run: infra/deploy --azd (.+)", (ROOT / "azure.yaml").read_text())
    hook_steps = [step for run in runs for step in run.split()]
    assert hook_steps == [
        name for name, step in STEPS.items() if not step.done_by_azd and not step.optional
    ]


@pytest.mark.parametrize(("answer", "confirmed"), [("n", False), ("", False), ("y", True)])
def test_user_is_asked_to_confirm(cloud: Cloud, answer: str, confirmed: bool) -> None:
    user_end, program_end = pty.openpty()
    try:
        os.write(user_end, f"{answer}\n".encode())
        steps = ("group", "preview", "provision")
        completed = cloud.run(DEPLOY, *steps, *NEW_GROUP[:2], stdin=program_end)
    finally:
        os.close(user_end)
        os.close(program_end)
    assert "Resource changes of main" in completed.stdout
    assert "Make these changes? [y/N]" in completed.stdout
    assert completed.returncode == (0 if confirmed else 1)
    assert cloud.succeeded == (["main"] if confirmed else [])


def test_failure_of_a_program_stops_the_script(cloud: Cloud) -> None:
    cloud.set(**DEPLOYED, fail=["az containerapp revision list"])
    completed = cloud.run(DEPLOY, "retire", "addresses")
    assert completed.returncode == 1
    assert "stopped at step 'retire'" in completed.stderr
    assert "made to fail" in completed.stderr
    assert "addresses" not in completed.stdout


def test_missing_tool_is_reported_before_anything_is_done(cloud: Cloud) -> None:
    (cloud.bin / "func").unlink()
    python = Path(sys.executable)
    completed = cloud.run(DEPLOY, *NEW_GROUP, PATH=f"{cloud.bin}:{python.parent}:/usr/bin:/bin")
    assert completed.returncode == 1
    assert "func is not installed" in completed.stderr
    assert "functions-run-local" in completed.stderr
    assert cloud.state["log"] == []


def test_help_names_every_step(cloud: Cloud) -> None:
    help_text = cloud.run(DEPLOY, "--help").stdout
    for name in STEPS:
        assert re.search(rf"^  {name} ", help_text, re.MULTILINE)


def test_unknown_step_is_refused(cloud: Cloud) -> None:
    assert cloud.deploy("everything").returncode == 2
    assert cloud.state["log"] == []


# Each command that can fail, and the step that runs it.
FAILURES = [
    ("az account show", "check"),
    ("az provider register", "providers"),
    ("az group exists", "group"),
    ("az deployment group list", "preview"),
    ("az deployment group what-if", "preview"),
    ("az deployment group create --name main", "provision"),
    ("az acr repository list", "image"),
    ("az acr build", "image"),
    ("az deployment group create --name streamer", "streamer"),
    ("az containerapp revision show", "streamer"),
    ("az containerapp ingress traffic set", "streamer"),
    ("func azure functionapp publish", "publish"),
    ("az functionapp function list", "subscribe"),
    ("az deployment group create --name subscriptions", "subscribe"),
    ("az containerapp revision list", "retire"),
    ("az containerapp revision deactivate", "retire"),
]


@pytest.mark.parametrize(("command", "step"), FAILURES)
def test_run_stops_at_the_first_failure_and_can_be_resumed(
    cloud: Cloud, command: str, step: str
) -> None:
    cloud.set(**DEPLOYED)
    names = list(STEPS)
    earlier = [name for name in ("image", "streamer") if names.index(name) < names.index(step)]
    if earlier:
        assert cloud.deploy(*earlier).returncode == 0
    cloud.set(fail=[command])
    completed = cloud.deploy("--yes", *names[names.index(step) :])
    assert completed.returncode == 1
    assert f"stopped at step '{step}'" in completed.stderr
    assert "What to do: " in completed.stderr
    assert "{group}" not in completed.stderr
    last = " ".join(cloud.state["log"][-1])
    assert last.startswith(command), "nothing runs after the failure"
    cloud.set(fail=[])
    completed = cloud.deploy("--yes", *names[names.index(step) :])
    assert completed.returncode == 0, completed.stderr
    assert [r["active"] for r in cloud.state["revisions"]] == [False, True]
