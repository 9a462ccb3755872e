"""Stands in for az, func and azd: records what it is asked, and is as strict as Azure about order.

Run as ``standin.py STATE TOOL ARGUMENTS...``; STATE is a JSON file that one Azure lives in.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Refused(Exception):
    """Raised when Azure would not do it."""


class Azure:
    """As much of Azure as a deployment sees."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def az(self, words: list[str], options: dict[str, str]) -> Any:
        """Do it. Raises Refused."""
        name = "_".join(words).replace("-", "_")
        method = getattr(self, name, None)
        if method is None:
            raise Refused(f"'{' '.join(words)}' is misspelled or not recognized")
        return method(options)

    def account_show(self, _: dict[str, str]) -> Any:
        return {"name": "Pay-As-You-Go", "id": "00000000-0000-4000-8000-000000000001"}

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
            raise Refused("would ask, and there is no one")
        self.state["group"] = ""

    def resource_list(self, _: dict[str, str]) -> Any:
        return [
            ["Microsoft.Storage/storageAccounts", "stcalls", "westeurope"],
            ["Microsoft.OperationalInsights/workspaces", "log-calls", "westeurope"],
            ["Microsoft.CognitiveServices/accounts", "spch-calls", "westeurope"],
        ]

    def monitor_log_analytics_workspace_delete(self, _: dict[str, str]) -> None:
        if not self.state["group"]:
            raise Refused("ResourceGroupNotFound")

    def cognitiveservices_account_purge(self, _: dict[str, str]) -> None:
        if self.state["group"]:
            raise Refused("there is no deleted account of this name")

    def deployment_group_list(self, options: dict[str, str]) -> Any:
        failed = self.state["failed"] if "Succeeded" in options["--query"] else []
        return [name for name in self.state["deployments"] if name not in failed]

    def deployment_group_what_if(self, options: dict[str, str]) -> None:
        template = self._template(options)
        print(f"Resource changes of {template}: 1 to create.")

    def deployment_group_create(self, options: dict[str, str]) -> None:
        template = self._template(options)
        if template != options["--name"]:
            raise Refused("the deployment is named for another template")
        if template != "main" and "main" not in self.state["deployments"]:
            raise Refused(f"{template}: the resources of main.bicep are not there")
        if template == "streamer":
            self._deploy_streamer(
                os.environ["STREAMER_IMAGE"], os.environ["STREAMER_LIVE_REVISION"]
            )
        if template == "subscriptions":
            if not self.state["published"]:
                raise Refused("listKeys: ServiceUnavailable from host runtime")
            self.state["subscribed"] = os.environ.get("ANSWER_CALLS", "off")
        if template == "main":
            self._deploy_main()
        if template not in self.state["deployments"]:
            self.state["deployments"].append(template)
        if template in self.state["failed"]:
            self.state["failed"].remove(template)

    def _deploy_main(self) -> None:
        """As main.bicepparam says, read as Bicep reads it."""
        reads = r"^param (\w+) = readEnvironmentVariable\('(\w+)', '(.*)'\)"
        text = (ROOT / "infra" / "main.bicepparam").read_text()
        given = {
            name: {"value": os.environ.get(variable, default)}
            for name, variable, default in re.findall(reads, text, re.MULTILINE)
        }
        before = self.state["parameters"]
        if before and given["dataLocation"] != before["dataLocation"]:
            raise Refused("dataLocation can never be changed")
        self.state["parameters"] = given

    def deployment_group_show(self, options: dict[str, str]) -> Any:
        if "main" not in self.state["deployments"]:
            raise Refused("DeploymentNotFound")
        if options["--query"] == "properties.parameters":
            return self.state["parameters"]
        if "main" in self.state["failed"]:
            return None
        # As Azure gives names back at times.
        spelled = {n[:-1].lower() + n[-1]: v for n, v in self.state["outputs"].items()}
        return {name: {"type": "String", "value": value} for name, value in spelled.items()}

    def acr_repository_list(self, _: dict[str, str]) -> Any:
        return ["streamer"] if self.state["images"] else []

    def acr_repository_show_tags(self, _: dict[str, str]) -> Any:
        return [image.partition(":")[2] for image in self.state["images"]]

    def acr_build(self, options: dict[str, str]) -> None:
        if not (ROOT / options["--file"]).is_file():
            raise Refused("there is no such Dockerfile")
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
        found = self.state["functions"] if self.state["published"] else []
        return [f"{app}/{function}" for function in found]

    def _template(self, options: dict[str, str]) -> str:
        if not self.state["group"]:
            raise Refused("ResourceGroupNotFound")
        parameters = ROOT / options["--parameters"]
        text = parameters.read_text()
        for variable in re.findall(r"readEnvironmentVariable\('(\w+)'\)", text):
            if variable not in os.environ:
                raise Refused(f"{parameters.name} reads {variable}")
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


def func(state: dict[str, Any], words: list[str]) -> None:
    """Functions Core Tools. Raises Refused."""
    if words[:3] != ["azure", "functionapp", "publish"]:
        raise Refused("unknown action")
    if words[3] != state["outputs"]["FUNCTION_APP_NAME"] or "main" not in state["deployments"]:
        raise Refused(f"Can't find app with name {words[3]!r}")
    state["published"] = True


def azd(state_file: Path, words: list[str]) -> None:
    """``azd up``: provisions main.bicep between azure.yaml's hooks. Raises Refused."""
    if words != ["up"]:
        raise Refused("unknown command")
    hooks = dict(
        re.findall(
            r"^  (\w+):\n(?:    .*\n)*?    run: (.+)$", (ROOT / "azure.yaml").read_text(), re.M
        )
    )
    _hook(hooks["preprovision"], {})
    state = json.loads(state_file.read_text())
    state["group"] = "rg-azd"
    state["deployments"].append("main")
    state_file.write_text(json.dumps(state))
    _hook(hooks["postprovision"], state["outputs"])


def _hook(command: str, outputs: dict[str, str]) -> None:
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=os.environ | outputs)
    if done.returncode:
        raise Refused(f"the hook failed: {command}")


def main() -> int:
    state_file, tool, *arguments = Path(sys.argv[1]), *sys.argv[2:]
    state = json.loads(state_file.read_text())
    state["log"].append([tool, *arguments])
    state_file.write_text(json.dumps(state))
    words: list[str] = []
    options: dict[str, str] = {}
    for before, word in zip(["", *arguments], arguments, strict=False):
        if word.startswith("--"):
            options[word] = ""
        elif before.startswith("--"):
            options[before] = word
        elif word != ".":
            words.append(word)
    try:
        for failing in state["fail"]:
            if " ".join([tool, *arguments]).startswith(failing):
                raise Refused(f"made to fail at {failing!r}")
        if tool == "azd":
            azd(state_file, words)
            return 0
        answer = None
        if tool == "func":
            func(state, words)
        else:
            answer = Azure(state).az(words, options)
    except Refused as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    state_file.write_text(json.dumps(state))
    if answer is not None and options.get("--output") == "json":
        print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
