"""``infra/deploy`` against stand-ins for az, func and azd, with a real app and streamer behind."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from infra.deploying import STEPS
from infra.steps import CONTEXT, OUTPUTS, PROVIDERS, context_hash
from local.up import ROOT
from tests.streamer.conftest import StreamerProcess

from .conftest import Cli
from .dockerfile import Dockerfile

# Each run is a few dozen processes.
pytestmark = pytest.mark.timeout(400)

STANDIN = Path(__file__).with_name("standin.py")


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The real system, as what was deployed: its addresses."""
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
            yield json.loads(line)
            break
    else:
        log.seek(0)
        pytest.fail(f"the system did not start: {log.read()}")
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    process.stdout.close()
    log.close()


class Cloud:
    """One Azure, and infra/deploy as a user runs it."""

    def __init__(self, folder: Path, laptop: dict[str, str]) -> None:
        self.file = folder / "state.json"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("az", "func", "azd"):
            script = self.bin / tool
            script.write_text(
                f'#!/bin/sh\nexec {sys.executable} {STANDIN} {self.file} {tool} "$@"\n'
            )
            script.chmod(0o755)
        outputs = {name: name.lower().replace("_", "-") for name in OUTPUTS}
        outputs |= {
            "FUNCTION_APP_URL": laptop["app"],
            "STREAMER_URL": laptop["streamer"],
            "STREAMER_NAME": "ca-streamer",
            "REGISTRY_SERVER": "crcalls.azurecr.io",
        }
        self.state = {
            "log": [],
            "fail": [],
            "group": "",
            # As Azure spells one of them.
            "providers": [
                p.replace("Microsoft.Insights", "microsoft.insights") for p in PROVIDERS[1:]
            ],
            "deployments": [],
            "failed": [],
            "parameters": {},
            "images": [],
            "revisions": [],
            "live": "",
            "split": {},
            "replicas": 2,
            "published": False,
            "subscribed": "",
            "functions": [
                "analyse_segment",
                "answer_incoming_call",
                "assemble_call",
                "place_call",
            ],
            "outputs": outputs,
            "fqdn": laptop["streamer"].partition("://")[2],
        }

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.file.read_text())
        return state

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(state))

    def set(self, **changes: Any) -> None:
        self.state = self.state | {"log": []} | changes

    @property
    def environment(self) -> dict[str, str]:
        ours = ("AZURE_RESOURCE_GROUP", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID", *OUTPUTS)
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return kept | {"PATH": f"{self.bin}{os.pathsep}{kept['PATH']}"}

    def deploy(
        self, *arguments: str, program: str = "deploy", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        pause = ("--pause-seconds", "0.01") if program == "deploy" else ()
        return subprocess.run(
            [ROOT / "infra" / program, *arguments, *pause],
            cwd=self.file.parent,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    @property
    def asked(self) -> list[str]:
        """Each command's words, with the template where there is one."""
        found: list[str] = []
        for tool, *arguments in self.state["log"]:
            words = list(self._words(arguments))
            line = " ".join([tool, *words, *re.findall(r"(\w+)\.bicepparam", " ".join(arguments))])
            found.append(line)
        return found

    @staticmethod
    def _words(arguments: list[str]) -> Iterator[str]:
        for word in arguments:
            if word.startswith("--"):
                return
            yield word

    def options(self, start: str) -> list[str]:
        """The arguments of the one command that starts so."""
        (found,) = (line for line in self.state["log"] if " ".join(line).startswith(start))
        arguments: list[str] = found
        return arguments


@pytest.fixture
def cloud(tmp_path: Path, laptop: dict[str, str]) -> Cloud:
    return Cloud(tmp_path, laptop)


ALL = ("--location", "westeurope", "--yes")

FIRST_RUN = [
    "az account show",
    "az provider list",
    "az provider register",
    "az group exists",
    "az group create",
    "az deployment group list",
    "az deployment group list",
    "az deployment group what-if main",
    "az deployment group create main",
    "az deployment group show",
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
    "az containerapp list",
    "az containerapp revision list",
]


def test_the_first_run_does_each_thing_when_it_can_be_done(cloud: Cloud) -> None:
    ran = cloud.deploy(*ALL, "--subscription", "sub-1")
    assert ran.returncode == 0, ran.stderr
    assert cloud.asked == FIRST_RUN
    assert all(line[line.index("--subscription") + 1] == "sub-1" for line in cloud.state["log"])
    assert PROVIDERS[0] in cloud.options("az provider register")
    assert cloud.options("az group create")[3:7] == [
        "--name",
        "rg-calls",
        "--location",
        "westeurope",
    ]
    image = f"streamer:{context_hash()}"
    build = cloud.options("az acr build")
    assert build[build.index("--image") + 1] == image
    assert build[build.index("--file") + 1] == "streamer/Dockerfile"
    assert "." in build
    assert "--python" in cloud.options("func azure functionapp publish")
    (revision,) = cloud.state["revisions"]
    assert revision["image"] == f"crcalls.azurecr.io/{image}"
    traffic = cloud.options("az containerapp ingress traffic set")
    assert traffic[traffic.index("--revision-weight") + 1] == f"{revision['name']}=100"
    shown = cloud.state["outputs"]
    for address in (shown["FUNCTION_APP_URL"] + "/api/calls", shown["STREAMER_URL"] + "/media/"):
        assert address in ran.stdout
    for number, step in enumerate(STEPS, 1):
        assert f"[{number}/{len(STEPS)}] {step}:" in ran.stdout
    assert ran.stdout.count("refused: yes") == 3
    assert re.search(r"package: \d+ files, \d+ kB", ran.stdout)


def test_the_second_run_finds_done_what_is_done(cloud: Cloud) -> None:
    assert cloud.deploy(*ALL).returncode == 0
    cloud.set()
    ran = cloud.deploy("--yes")
    assert ran.returncode == 0, ran.stderr
    asked = cloud.asked
    for not_again in ("az group create", "az acr build", "az containerapp ingress traffic set"):
        assert not_again not in asked
    previews = [line for line in asked if "what-if" in line]
    assert [line.split()[-1] for line in previews] == ["main", "streamer", "subscriptions"]
    assert asked.index("az deployment group create main") > asked.index(previews[-1])
    assert len(cloud.state["revisions"]) == 1
    assert "az containerapp revision deactivate" not in asked


def test_what_was_set_once_stays_until_it_is_set_anew(cloud: Cloud) -> None:
    first = {
        "ACS_DATA_LOCATION": "Europe",
        "ALERT_EMAIL": "operator@example.com",
        "ANSWER_CALLS": "all",
        "TRANSCRIPTION": "azure",
    }
    assert cloud.deploy(*ALL, **first).returncode == 0
    ran = cloud.deploy("--yes")
    assert ran.returncode == 0, ran.stderr
    assert "ALERT_EMAIL: operator@example.com, as the last time" in ran.stdout
    kept = {name: given["value"] for name, given in cloud.state["parameters"].items()}
    assert kept["dataLocation"] == "Europe"
    assert kept["alertEmail"] == "operator@example.com"
    assert kept["transcription"] == "azure"
    assert kept["answerCalls"] == cloud.state["subscribed"] == "all"
    assert cloud.deploy("provision", ALERT_EMAIL="", TRANSCRIPTION="off").returncode == 0
    assert cloud.state["parameters"]["alertEmail"] == {"value": ""}
    assert cloud.state["parameters"]["transcription"] == {"value": "off"}


def test_after_provisioning_failed_it_is_run_again_as_it_was(cloud: Cloud) -> None:
    cloud.set(**AFTER_AN_OLD_RUN, failed=["main"])
    ran = cloud.deploy("--yes")
    assert ran.returncode == 0, ran.stderr
    assert cloud.state["live"] == cloud.state["revisions"][-1]["name"]


def test_a_new_image_takes_over_only_once_it_is_ready(cloud: Cloud) -> None:
    cloud.set(**AFTER_AN_OLD_RUN)
    ran = cloud.deploy("--yes")
    assert ran.returncode == 0, ran.stderr
    asked = cloud.asked
    steps = [
        "az acr build",
        "az deployment group create streamer",
        "az containerapp revision show",
        "az containerapp ingress traffic set",
        "az containerapp revision deactivate",
    ]
    assert [line for line in asked if line in steps] == steps
    new = cloud.state["revisions"][-1]["name"]
    assert cloud.state["live"] == new
    assert [r["active"] for r in cloud.state["revisions"]] == [False, True]
    assert cloud.options("az containerapp revision deactivate")[-2] != new


def test_a_revision_that_does_not_answer_gets_no_traffic(cloud: Cloud) -> None:
    cloud.set(**AFTER_AN_OLD_RUN, fqdn="127.0.0.1:9")
    ran = cloud.deploy("image", "streamer")
    assert ran.returncode == 1
    assert "stopped at the step 'streamer'" in ran.stderr
    assert "az containerapp logs show" in ran.stderr
    assert cloud.state["live"] == OLD["name"]
    ran = cloud.deploy("retire")
    assert ran.returncode == 0
    assert "does not answer, and goes on" in ran.stdout
    assert cloud.state["revisions"][-1]["active"], "it may hold calls: nobody knows"


class Replicas(BaseHTTPRequestHandler):
    """A revision's ingress: twelve replicas in turn, the last of which has a call."""

    asked = 0

    def do_GET(self) -> None:
        Replicas.asked += 1
        body = json.dumps({"streams": 0 if Replicas.asked % 12 else 1}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_call_on_one_of_many_replicas_is_found(cloud: Cloud) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Replicas)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        new = OLD | {"name": "ca-streamer--new"}
        live = {"revisions": [OLD, new], "live": new["name"], "replicas": 12}
        cloud.set(**AFTER_AN_OLD_RUN | live, fqdn=f"127.0.0.1:{server.server_port}")
        ran = cloud.deploy("retire")
    finally:
        server.shutdown()
        server.server_close()
    assert ran.returncode == 0, ran.stderr
    assert "ca-streamer--old has 1 streams or more, and goes on" in ran.stdout
    assert cloud.state["revisions"][0]["active"]


def test_what_has_a_part_of_the_traffic_is_not_retired(cloud: Cloud) -> None:
    new = OLD | {"name": "ca-streamer--new"}
    split = {OLD["name"]: 40, new["name"]: 60}
    cloud.set(**AFTER_AN_OLD_RUN | {"revisions": [OLD, new]}, split=split)
    ran = cloud.deploy("retire")
    assert ran.returncode == 0, ran.stderr
    assert [r["active"] for r in cloud.state["revisions"]] == [True, True]


OLD = {"name": "ca-streamer--old", "image": "crcalls.azurecr.io/streamer:0", "active": True}
AFTER_AN_OLD_RUN = {
    "group": "rg-calls",
    "deployments": ["main", "streamer", "subscriptions"],
    "images": ["streamer:0"],
    "revisions": [OLD],
    "live": OLD["name"],
    "published": True,
}

# A command that fails, the step that it belongs to.
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
def test_it_stops_at_the_first_failure_and_goes_on_from_there(
    cloud: Cloud, command: str, step: str
) -> None:
    cloud.set(**AFTER_AN_OLD_RUN)
    names = list(STEPS)
    done_before = [name for name in ("image", "streamer") if names.index(name) < names.index(step)]
    if done_before:
        assert cloud.deploy(*done_before).returncode == 0
    cloud.set(fail=[command])
    ran = cloud.deploy("--yes", *names[names.index(step) :])
    assert ran.returncode == 1
    assert f"stopped at the step '{step}'" in ran.stderr
    assert "What to do: " in ran.stderr
    last = " ".join(cloud.state["log"][-1])
    assert last.startswith(command), "nothing is asked after what failed"
    cloud.set(fail=[])
    again = cloud.deploy("--yes", *names[names.index(step) :])
    assert again.returncode == 0, again.stderr
    assert [r["active"] for r in cloud.state["revisions"]] == [False, True]


def test_a_region_is_asked_for_where_there_is_no_group_yet(cloud: Cloud) -> None:
    ran = cloud.deploy("group")
    assert ran.returncode == 1
    assert "--location" in ran.stderr
    cloud.set(fail=["az group create"])
    assert cloud.deploy("group", *ALL).returncode == 1
    assert cloud.state["group"] == ""


def test_what_takes_a_while_in_azure_is_tried_again(cloud: Cloud) -> None:
    cloud.set(**AFTER_AN_OLD_RUN, fail=["func azure functionapp publish"])
    cloud.deploy("publish")
    publishes = [line for line in cloud.asked if line.startswith("func")]
    assert len(publishes) == 3


def test_events_are_not_subscribed_to_functions_that_are_not_there(cloud: Cloud) -> None:
    cloud.set(group="rg-calls", deployments=["main"], published=True)
    cloud.set(functions=["place_call", "analyse_segment"])
    ran = cloud.deploy("subscribe")
    assert ran.returncode == 1
    assert "no function answer_incoming_call, assemble_call yet" in ran.stderr
    assert "subscriptions" not in cloud.state["deployments"]


def test_nothing_changes_without_consent(cloud: Cloud) -> None:
    cloud.set(group="rg-calls")
    ran = cloud.deploy()
    assert ran.returncode == 1
    assert "use --yes" in ran.stderr
    assert cloud.state["deployments"] == []


@pytest.mark.parametrize(("answer", "goes_on"), [("n", False), ("", False), ("y", True)])
def test_a_person_is_asked(cloud: Cloud, answer: str, goes_on: bool) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        ran = subprocess.run(
            [ROOT / "infra" / "deploy", "group", "preview", "provision", *ALL[:2]],
            env=cloud.environment,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Resource changes of main" in ran.stdout
    assert "Make these changes? [y/N]" in ran.stdout
    assert ran.returncode == (0 if goes_on else 1)
    assert cloud.state["deployments"] == (["main"] if goes_on else [])


def test_an_open_door_is_found(cloud: Cloud, storage: str, tmp_path: Path) -> None:
    """Its locks off, a streamer only asks whose call it is."""
    streamer = StreamerProcess(storage, tmp_path / "spool", {}).start()
    try:
        outputs = cloud.state["outputs"] | {"STREAMER_URL": f"ws://127.0.0.1:{streamer.port}"}
        cloud.set(group="rg-calls", deployments=["main"], outputs=outputs)
        ran = cloud.deploy("smoke")
    finally:
        streamer.end()
    assert ran.returncode == 1
    assert "the streamer is ready: yes" in ran.stdout
    assert "/media/smoke-test answered 400 instead of 401" in ran.stderr


def test_a_missing_tool_is_told_before_anything_is_done(cloud: Cloud) -> None:
    (cloud.bin / "func").unlink()
    python = Path(sys.executable)
    ran = cloud.deploy(*ALL, PATH=f"{cloud.bin}:{python.parent}:/usr/bin:/bin")
    assert ran.returncode == 1
    assert "func is not installed" in ran.stderr
    assert "functions-run-local" in ran.stderr
    assert cloud.state["log"] == []


def test_azd_up_takes_the_same_steps(cloud: Cloud) -> None:
    ran = subprocess.run(
        ["azd", "up"],
        cwd=ROOT,
        env=cloud.environment | {"AZURE_RESOURCE_GROUP": "rg-azd", "AZURE_LOCATION": "westeurope"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    of_azd = {
        "az provider list",
        "az provider register",
        "az group exists",
        "az group create",
        "az deployment group list",
        "az deployment group what-if main",
        "az deployment group create main",
        "az deployment group show",
    }
    assert cloud.asked == ["azd up", *(line for line in FIRST_RUN if line not in of_azd)]
    create = cloud.options("az deployment group create --name streamer")
    assert create[create.index("--resource-group") + 1] == "rg-azd"


def test_azd_s_hooks_are_all_steps_that_azd_does_not_do_itself() -> None:
    runs = re.findall(r"run: infra/deploy --azd (.+)", (ROOT / "azure.yaml").read_text())
    named = [step for run in runs for step in run.split()]
    assert named == [name for name, step in STEPS.items() if not step.azd_does_it]


# What az says of a command that it does not know, before it asks for a sign-in.
MISUNDERSTOOD = re.compile(
    r"unrecognized arguments|misspelled|are required|invalid choice|expected .* argument|BCP\d"
)


@pytest.mark.skipif(not shutil.which("az"), reason="no az on PATH (pip install azure-cli)")
@pytest.mark.timeout(600)
def test_the_real_az_understands_every_command(cloud: Cloud, cli: Cli, tmp_path: Path) -> None:
    """Signed in to nothing, it gets as far as asking for that: parameters compiled and all."""
    cloud.set(**AFTER_AN_OLD_RUN, providers=[])
    assert cloud.deploy(*ALL).returncode == 0
    assert cloud.deploy("--group-to-delete", "rg-calls", program="destroy").returncode == 0
    bicep = tmp_path / "bicep"
    bicep.write_text(f'#!/bin/sh\nexec {cli.program} "$@"\n')
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
    asked = {tuple(line) for line in cloud.state["log"] if line[0] == "az"}
    alike = {
        " ".join(re.sub(r"^Microsoft\..*", "P", word) for word in line): line for line in asked
    }
    for line in sorted(alike.values()):
        command = [word.replace("registry-name", "crcalls") for word in line]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert ran.returncode, "it must not have been signed in"
        assert not MISUNDERSTOOD.search(ran.stderr), (line, ran.stderr)


def test_help_names_every_step(cloud: Cloud) -> None:
    shown = cloud.deploy("--help").stdout
    for name in STEPS:
        assert re.search(rf"^  {name} ", shown, re.MULTILINE)


def test_an_unknown_step_is_refused(cloud: Cloud) -> None:
    ran = cloud.deploy("everything")
    assert ran.returncode == 2
    assert cloud.state["log"] == []


def test_the_image_s_tag_is_of_all_that_it_is_built_from() -> None:
    stages = Dockerfile.read().stages.values()
    copies = [s for steps in stages for s in steps if s.word == "COPY" and "from" not in s.options]
    sources = {part.split("/")[0] for step in copies for part in step.parts[:-1]}
    assert sources | {".dockerignore"} == set(CONTEXT)


def test_the_names_that_it_needs_are_the_outputs_of_main() -> None:
    given = re.findall(r"^output (\w+) ", (ROOT / "infra" / "main.bicep").read_text(), re.MULTILINE)
    assert sorted(given) == sorted(OUTPUTS)


def test_destroy_deletes_only_what_is_named_twice(cloud: Cloud) -> None:
    cloud.set(group="rg-calls")
    ran = cloud.deploy(program="destroy")
    assert ran.returncode == 1
    assert "nobody is there to agree" in ran.stderr
    ran = cloud.deploy("--group-to-delete", "rg-other", program="destroy")
    assert ran.returncode == 1
    assert "az group delete" not in cloud.asked
    ran = cloud.deploy("--group-to-delete", "rg-calls", program="destroy")
    assert ran.returncode == 0, ran.stderr
    assert "stcalls" in ran.stdout
    assert cloud.state["group"] == ""
    # Else the next deployment finds their names taken.
    assert cloud.asked[-3:] == [
        "az monitor log-analytics workspace delete",
        "az group delete",
        "az cognitiveservices account purge",
    ]
    assert "nothing to do" in cloud.deploy(program="destroy").stdout
