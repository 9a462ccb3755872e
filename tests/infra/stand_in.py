"""A stand-in for az, func and azd: logs each command and insists on Azure's order.

Called in the tests' own process (``run``), or as a program: ``main`` with the arguments
``STATE TOOL ARGUMENTS...``. STATE is a JSON file with the state of one Azure.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.infra import stand_in_group as group

ROOT = Path(__file__).parents[2]


TELLING = ("--name", "--ids", "--resource", "--system-topic-name", "--query", "--timespan")
"""The options that tell apart the commands which ``state["answers"]`` answers."""


class Refused(Exception):
    """Raised when Azure would refuse the command."""


class Completed(NamedTuple):
    """The result of a command."""

    returncode: int
    stdout: str
    stderr: str


class Azure:
    """The part of Azure that a deployment sees."""

    def __init__(self, state: dict[str, Any], environment: Mapping[str, str]) -> None:
        self.state = state
        self.environment = environment

    def run_az(self, words: list[str], options: dict[str, str]) -> Any:
        """Run a command, and return its output: text, or data for JSON. Raises Refused."""
        command = " ".join(["az", *words])
        for option in TELLING:
            if (exact := f"{command} {options.get(option)}") in self.state["answers"]:
                return self.state["answers"][exact]
        if command in self.state["answers"]:
            return self.state["answers"][command]
        name = "_".join(words).replace("-", "_")
        method = getattr(self, name, None)
        if method is None:
            raise Refused(f"'{' '.join(words)}' is misspelled or not recognized")
        return method(options)

    def account_show(self, _: dict[str, str]) -> Any:
        return {"name": "Pay-As-You-Go", "id": "00000000-0000-4000-8000-000000000001"}

    def version(self, _: dict[str, str]) -> Any:
        return {"azure-cli": self.state["versions"]["az"], "extensions": {}}

    def bicep_version(self, _: dict[str, str]) -> str:
        if not self.state["versions"]["bicep"]:
            raise Refused("Bicep CLI not found")
        return f"Bicep CLI version {self.state['versions']['bicep']} (a1b2c3d4e5)"

    def bicep_install(self, _: dict[str, str]) -> None:
        self.state["versions"]["bicep"] = "0.49.2"

    def provider_list(self, _: dict[str, str]) -> Any:
        return self.state["providers"]

    def provider_register(self, options: dict[str, str]) -> None:
        self.state["providers"].append(options["--namespace"])

    def group_exists(self, _: dict[str, str]) -> bool:
        return bool(self.state["group"])

    def group_create(self, options: dict[str, str]) -> None:
        self.state["group"] = options["--name"]

    def group_delete(self, options: dict[str, str]) -> None:
        if "--yes" not in options:
            raise Refused("standard input is not a terminal")
        self.state["group"] = ""

    def resource_list(self, options: dict[str, str]) -> Any:
        self._require_group()
        if "tags" in options["--query"]:
            return group.list_resources(self.state)
        return [
            ["Microsoft.Storage/storageAccounts", "stcalls", "westeurope"],
            ["Microsoft.OperationalInsights/workspaces", "log-calls", "westeurope"],
            ["Microsoft.CognitiveServices/accounts", "spch-calls", "westeurope"],
        ]

    def resource_show(self, options: dict[str, str]) -> Any:
        end = f"/{options.get('--name', '').replace('/', '/config/')}"
        resource = group.show(self.state, options.get("--ids") or end)
        if resource is None:
            raise Refused("(ResourceNotFound) The resource was not found.")
        return resource

    def lock_list(self, _: dict[str, str]) -> Any:
        return ["keep"] if "locks" in self.state["in_place"] else []

    def functionapp_config_appsettings_list(self, _: dict[str, str]) -> Any:
        return group.app_settings(self.state)

    def account_get_access_token(self, options: dict[str, str]) -> Any:
        if not self.state["token"]:
            raise Refused("AADSTS65001: consent to the app is missing")
        return {"accessToken": self.state["token"]}

    def monitor_log_analytics_workspace_delete(self, _: dict[str, str]) -> None:
        if not self.state["group"]:
            raise Refused("ResourceGroupNotFound")

    def cognitiveservices_account_purge(self, _: dict[str, str]) -> None:
        if self.state["group"]:
            raise Refused("no deleted account has this name")

    def deployment_group_list(self, options: dict[str, str]) -> Any:
        self._require_group()
        records = self.state["records"]
        if "dataLocation" not in options["--query"]:
            return [record["name"] for record in records if record["state"] == "Succeeded"]
        return [
            record
            | {
                "parameters": {n: {"value": v} for n, v in record["parameters"].items()},
                "outputs": self._outputs() if record["state"] == "Succeeded" else None,
            }
            for record in records
            if "dataLocation" in record["parameters"]
        ]

    def deployment_group_what_if(self, options: dict[str, str]) -> str:
        return f"Resource changes of {self._template(options)}: 1 to create."

    def deployment_group_create(self, options: dict[str, str]) -> None:
        template = self._template(options)
        if template != options["--name"]:
            raise Refused("the deployment has another template's name")
        if template != "main" and not self._is_provisioned():
            raise Refused(f"{template}: the resources of main.bicep do not exist")
        if template == "streamer":
            self._wait_for_roles("unable to pull image using Managed identity")
            self.state["token_check"] = self.environment.get("ACS_TOKEN_CHECK", "learn")
            self._deploy_streamer(
                self.environment["STREAMER_IMAGE"], self.environment["STREAMER_LIVE_REVISION"]
            )
        if template == "subscriptions":
            if not self.state["published"]:
                raise Refused("listKeys: ServiceUnavailable from host runtime")
            self.state["subscribed"] = self.environment.get("ANSWER_CALLS", "off")
        if template == "main":
            self.deploy_main(template)
        else:
            self._record(template, "Succeeded", {})

    def deploy_main(self, name: str) -> None:
        """Read main.bicepparam as Bicep does, and deploy. Raises Refused."""
        parameters = self.read_parameters()
        communication = self.state["in_place"].get("communication")
        refusal = ""
        if communication and parameters["dataLocation"] != communication["dataLocation"]:
            refusal = "dataLocation cannot be changed"
        if self.state["no_capacity"]:
            refusal = (
                "ManagedEnvironmentNoAvailableCapacityInRegion: No capacity available in this "
                "region for provisioning an environment, please try again in another region."
            )
        if refusal:
            self.fail_main(name, parameters)
            raise Refused(refusal)
        group.put_in_place(self.state, parameters, group.ALL_KINDS)
        self._record(name, "Succeeded", parameters)
        if self.state["roles_from"] is None:
            self.state["roles_from"] = self.state["seconds"] + self.state["role_delay"]

    def fail_main(self, name: str, parameters: dict[str, str]) -> None:
        """Fail halfway: the first resources are there, and the deployment is recorded."""
        missing = [kind for kind in group.FIRST_KINDS if kind not in self.state["in_place"]]
        group.put_in_place(self.state, parameters, tuple(missing))
        self._record(name, "Failed", parameters)

    def read_parameters(self) -> dict[str, str]:
        """The parameters of main.bicep that are variables, as the environment has them."""
        pattern = r"^param (\w+) = (?:int\()?readEnvironmentVariable\('(\w+)', '(.*?)'\)"
        text = (ROOT / "infra" / "main.bicepparam").read_text()
        return {
            name: self.environment.get(variable, default)
            for name, variable, default in re.findall(pattern, text, re.MULTILINE)
        }

    def _record(self, name: str, state: str, parameters: dict[str, str]) -> None:
        records = [record for record in self.state["records"] if record["name"] != name]
        self.state["count"] += 1
        time = f"2026-11-26T00:00:00.{self.state['count']:06}Z"
        record = {"name": name, "state": state, "time": time, "parameters": parameters}
        self.state["records"] = [*records, record]

    def _is_provisioned(self) -> bool:
        return "app" in self.state["in_place"]

    def _require_group(self) -> None:
        if not self.state["group"]:
            raise Refused("ResourceGroupNotFound")

    def _wait_for_roles(self, refusal: str) -> None:
        if self.state["seconds"] < (self.state["roles_from"] or 0):
            raise Refused(refusal)

    def _outputs(self) -> dict[str, Any]:
        # Azure sometimes returns names in another case.
        return {
            name[:-1].lower() + name[-1]: {"type": "String", "value": value}
            for name, value in self.state["outputs"].items()
        }

    def acr_repository_list(self, _: dict[str, str]) -> Any:
        return ["streamer"] if self.state["images"] else []

    def acr_repository_show_tags(self, _: dict[str, str]) -> Any:
        return [image.partition(":")[2] for image in self.state["images"]]

    def acr_build(self, options: dict[str, str]) -> None:
        if not (ROOT / options["--file"]).is_file():
            raise Refused("the Dockerfile does not exist")
        if self.state["rate_limited"] and "BASE_IMAGE" not in str(options):
            self.state["rate_limited"] -= 1
            raise Refused("toomanyrequests: You have reached your unauthenticated pull rate limit.")
        self.state["images"].append(options["--image"])

    def containerapp_list(self, _: dict[str, str]) -> Any:
        if not self.state["revisions"]:
            return []
        latest = self.state["revisions"][-1]["name"]
        live = self.state["live"]
        share = {"revisionName": live} if live else {"latestRevision": True}
        split = [{"revisionName": n, "weight": w} for n, w in self.state["split"].items()]
        return [
            {
                "name": self.state["outputs"]["STREAMER_NAME"],
                "properties": {
                    "latestRevisionName": latest,
                    "latestReadyRevisionName": latest,
                    "configuration": {"ingress": {"traffic": split or [{**share, "weight": 100}]}},
                },
            }
        ]

    def containerapp_revision_show(self, options: dict[str, str]) -> Any:
        return next(r for r in self._revisions() if r["name"] == options["--revision"])

    def containerapp_revision_list(self, _: dict[str, str]) -> Any:
        return self._revisions()

    def containerapp_revision_deactivate(self, options: dict[str, str]) -> None:
        if options["--revision"] == self.state["live"]:
            raise Refused("this revision has the traffic")
        for revision in self.state["revisions"]:
            if revision["name"] == options["--revision"]:
                revision["active"] = False

    def containerapp_ingress_traffic_set(self, options: dict[str, str]) -> None:
        revision, _, weight = options["--revision-weight"].partition("=")
        if weight != "100" or revision not in [r["name"] for r in self.state["revisions"]]:
            raise Refused("no such revision")
        self.state["live"] = revision

    def functionapp_function_list(self, _: dict[str, str]) -> Any:
        app = self.state["outputs"]["FUNCTION_APP_NAME"]
        functions = self.state["functions"] if self.state["published"] else []
        return [f"{app}/{function}" for function in functions]

    def functionapp_keys_list(self, options: dict[str, str]) -> Any:
        if not self.state["published"]:
            raise Refused("ServiceUnavailable from host runtime")
        if options["--query"] != "functionKeys":
            raise Refused("the keys of the whole host are not asked for")
        return self.state["keys"]

    def functionapp_keys_set(self, options: dict[str, str]) -> None:
        name = options["--key-name"]
        if options["--key-type"] != "functionKeys" or name in self.state["keys"]:
            raise Refused("it would replace a key that is in use")
        self.state["keys"][name] = f"the-key-of-{name}"

    def _template(self, options: dict[str, str]) -> str:
        self._require_group()
        parameters = ROOT / options["--parameters"]
        text = parameters.read_text()
        for variable in re.findall(r"readEnvironmentVariable\('(\w+)'\)", text):
            if variable not in self.environment:
                raise Refused(f"{parameters.name} reads {variable}, which is not set")
        return parameters.stem

    def _deploy_streamer(self, image: str, live: str) -> None:
        server, _, name = image.partition("/")
        if server != self.state["outputs"]["REGISTRY_SERVER"] or name not in self.state["images"]:
            raise Refused(f"MANIFEST_UNKNOWN: {image}")
        revisions = self.state["revisions"]
        if live and live not in [r["name"] for r in revisions if r["active"]]:
            raise Refused(f"traffic to {live}, which is not active")
        self.state["live"] = live
        if not revisions or revisions[-1]["image"] != image:
            revision = f"ca-streamer--{len(revisions):07}"
            revisions.append({"name": revision, "image": image, "active": True})

    def _revisions(self) -> list[dict[str, Any]]:
        return [
            {
                "name": revision["name"],
                "properties": {
                    "active": revision["active"],
                    "replicas": self.state["replicas"],
                    "trafficWeight": self.state["split"].get(revision["name"], 0),
                    "fqdn": self.state["fqdn"],
                    "provisioningState": "Provisioned",
                },
            }
            for revision in self.state["revisions"]
        ]

    def publish(self, app: str) -> None:
        """What Core Tools do. Raises Refused."""
        if app != self.state["outputs"]["FUNCTION_APP_NAME"] or not self._is_provisioned():
            raise Refused(f"Can't find app with name {app!r}")
        self._wait_for_roles("Error uploading archive (Forbidden).")
        self.state["published"] = True


def run_func(azure: Azure, words: list[str], options: dict[str, str]) -> str:
    """Functions Core Tools. Raises Refused."""
    if "--version" in options:
        return str(azure.state["versions"]["func"])
    if words[:3] != ["azure", "functionapp", "publish"]:
        raise Refused("unknown action")
    azure.publish(words[3])
    return ""


def run_azd(state_file: Path, words: list[str], environment: Mapping[str, str]) -> str:
    """``azd up``: provisions main.bicep between azure.yaml's hooks. Raises Refused."""
    state = json.loads(state_file.read_text())
    if words == ["version"]:
        return f"azd version {state['versions']['azd']} (commit 0a1b2c3)"
    if words != ["up"]:
        raise Refused("unknown command")
    text = (ROOT / "azure.yaml").read_text()
    hooks = dict(re.findall(r"^  (\w+):\n(?:    .*\n)*?    run: (.+)$", text, re.MULTILINE))
    environment = {"AZURE_ENV_NAME": "calls", **environment}
    _run_hook(hooks["preprovision"], environment)
    state = json.loads(state_file.read_text())
    state["group"] = environment["AZURE_RESOURCE_GROUP"]
    Azure(state, environment).deploy_main("calls-1700000000")
    state_file.write_text(json.dumps(state))
    _run_hook(hooks["postprovision"], {**environment, **state["outputs"]})
    return ""


def _run_hook(command: str, environment: Mapping[str, str]) -> None:
    # Imported here, since it would take half of the time of every other command.
    import subprocess

    completed = subprocess.run(["sh", "-c", command], cwd=ROOT, env=environment)
    if completed.returncode:
        raise Refused(f"the hook failed: {command}")


def run(
    state_file: Path, tool: str, arguments: list[str], environment: Mapping[str, str]
) -> Completed:
    """Log a command in the state, and run it."""
    state = json.loads(state_file.read_text())
    state["log"].append([tool, *arguments])
    state_file.write_text(json.dumps(state))
    words, options = _parse(arguments)
    azure = Azure(state, environment)
    output = None
    try:
        for failing in state["fail"]:
            if " ".join([tool, *arguments]).startswith(failing):
                if options.get("--name") == "main":
                    azure.fail_main("main", azure.read_parameters())
                raise Refused(f"made to fail at {failing!r}")
        if tool == "azd":
            return Completed(0, run_azd(state_file, words, environment), "")
        is_func = tool == "func"
        output = run_func(azure, words, options) if is_func else azure.run_az(words, options)
    except Refused as error:
        state_file.write_text(json.dumps(state))
        return Completed(1, "", f"ERROR: {error}\n")
    state_file.write_text(json.dumps(state))
    if isinstance(output, str) and options.get("--output") != "json":
        return Completed(0, f"{output}\n", "")
    as_json = output is not None and options.get("--output") == "json"
    return Completed(0, json.dumps(output) if as_json else "", "")


def _parse(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Split a command line into its words and its options."""
    words: list[str] = []
    options: dict[str, str] = {}
    for previous, word in zip(["", *arguments], arguments, strict=False):
        if word.startswith("--"):
            options[word] = ""
        elif previous.startswith("--"):
            options[previous] = word
        elif not options:
            words.append(word)
    return words, options


def main() -> int:
    """Run as a program. Returns the exit code."""
    state_file, tool, *arguments = sys.argv[1:]
    completed = run(Path(state_file), tool, arguments, os.environ)
    sys.stdout.write(completed.stdout)
    sys.stderr.write(completed.stderr)
    return completed.returncode
