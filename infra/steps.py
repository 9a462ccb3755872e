"""The steps of ``infra/deploy``: each can be run again, and finds done what is done.

The streamer's image needs the registry, the streamer its image, the blob events a published and
awake function app with its key: hence three templates, and the order in ``infra/deploying.py``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from infra import package
from infra.shell import ROOT, Shell, StepFailed, consents, expect, request, say

PROVIDERS = (
    "Microsoft.App",
    "Microsoft.CognitiveServices",
    "Microsoft.Communication",
    "Microsoft.ContainerRegistry",
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
)

# What the streamer's Dockerfile copies.
CONTEXT = ("configuration.py", "event_log.py", "acs", "contract", "streamer", ".dockerignore")

OUTPUTS = (
    "FUNCTION_APP_NAME",
    "FUNCTION_APP_URL",
    "STREAMER_NAME",
    "STREAMER_URL",
    "REGISTRY_NAME",
    "REGISTRY_SERVER",
    "COMMUNICATION_NAME",
)

# The revision's ingress picks one each time: one is overlooked once in 20,000 times.
_LOOKS_FOR_A_REPLICA = 10

NAMES = ("--query", "[].name")
# One that failed has given no names, nor made all that the next one needs.
NAMES_OF_DONE = ("--query", "[?properties.provisioningState=='Succeeded'].name")

PARAMETERS = Path("infra") / "main.bicepparam"
SUBSCRIPTIONS = Path("infra") / "subscriptions.bicep"

# A WebSocket's handshake as RFC 6455 has it, without what ACS adds: a signature and the call's id.
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "c21va2UtdGVzdC1vZi1kZXA=",
}


class Options(NamedTuple):
    """What infra/deploy was called with."""

    group: str
    location: str
    yes: bool
    azd: bool


class Deployment:
    """The steps; the names that main.bicep gave are asked for once, when first needed."""

    def __init__(self, shell: Shell, options: Options) -> None:
        self._shell = shell
        self._options = options
        self._outputs: dict[str, str] = {}
        self._kept: dict[str, str] | None = None

    # Before anything is changed.

    def check(self) -> None:
        """The tools are here, and somebody is signed in."""
        self._shell.need("az", "func")
        account = self._shell.ask("account", "show")
        say(f"  subscription: {account['name']} ({account['id']})")
        if not self._options.azd:
            say(f"  resource group: {self._options.group}")
        say(f"  package of the function app: {package.size() / 1000:.0f} kB")

    def providers(self) -> None:
        """The subscription may use each kind of resource."""
        query = ("--query", "[?registrationState=='Registered'].namespace")
        # Azure spells some in small letters: microsoft.insights.
        registered = {name.lower() for name in self._shell.ask("provider", "list", *query)}
        for provider in PROVIDERS:
            if provider.lower() not in registered:
                self._shell.az("provider", "register", "--namespace", provider, "--wait")

    def group(self) -> None:
        """The resource group is there."""
        exists = self._shell.ask("group", "exists", "--name", self._options.group)
        if exists:
            return
        if not self._options.location:
            raise StepFailed(
                f"there is no resource group {self._options.group}, and no region to make it in",
                "give --location, one of: az functionapp list-flexconsumption-locations",
            )
        place = ("--name", self._options.group, "--location", self._options.location)
        self._shell.az("group", "create", *place)

    def preview(self) -> None:
        """What would change is shown, and agreed to."""
        group = ("--resource-group", self._options.group)
        before = set(self._shell.ask("deployment", "group", "list", *group, *NAMES_OF_DONE))
        self._what_if("main", self._kept_variables())
        later = {"streamer", "subscriptions"} & before if "main" in before else set()
        if "streamer" in later:
            self._what_if("streamer", self._streamer_variables())
        if "subscriptions" in later:
            self._what_if("subscriptions", self._kept_variables())
        if len(later) < 2:
            say("  And what needs the above: the streamer, and the subscriptions to blob events.")
        if not self._options.yes and not consents("Make these changes?"):
            raise StepFailed("not agreed to: nothing was changed")

    # Changes.

    def provision(self) -> None:
        """Everything that needs neither image nor code."""
        self._create("main", self._kept_variables())

    def image(self) -> None:
        """The streamer's image is in the registry, built there, without Docker here."""
        registry, image = self._output("REGISTRY_NAME"), f"streamer:{context_hash()}"
        repositories = self._shell.ask("acr", "repository", "list", "--name", registry)
        if "streamer" in repositories:
            of_one = ("--name", registry, "--repository", "streamer")
            tags = self._shell.ask("acr", "repository", "show-tags", *of_one)
            if image.partition(":")[2] in tags:
                say(f"  {image} is there already")
                return
        self._shell.az(
            "acr",
            "build",
            "--registry",
            registry,
            "--image",
            image,
            "--file",
            "streamer/Dockerfile",
            "--build-arg",
            f"REVISION={context_hash()}",
            ".",
        )

    def streamer(self) -> None:
        """The streamer's new revision runs, is found ready, and gets the traffic."""
        variables = self._streamer_variables()
        # The right to pull the image may still be on its way.
        self._shell.again(3, "the streamer", lambda: self._create("streamer", variables))
        revision = self._container_app()["properties"]["latestRevisionName"]
        self._shell.again(30, revision, lambda: self._ready(revision))
        if revision == variables["STREAMER_LIVE_REVISION"]:
            say(f"  {revision} has the traffic already")
            return
        traffic = ("containerapp", "ingress", "traffic", "set", *self._of_streamer())
        self._shell.az(*traffic, "--revision-weight", f"{revision}=100")
        say(f"  {revision} takes all new streams")

    def publish(self) -> None:
        """The function app has its code."""
        app = self._output("FUNCTION_APP_NAME")
        say(f"  package: {len(package.files())} files, {package.size() / 1000:.0f} kB")
        # The right to write the package may still be on its way.
        self._shell.again(
            3,
            "publishing",
            lambda: self._shell.func("azure", "functionapp", "publish", app, "--python"),
        )

    def subscribe(self) -> None:
        """Events go to the app's functions, which are there and awake."""
        health = f"{self._output('FUNCTION_APP_URL')}/api/health"
        self._shell.again(12, "waking the app", lambda: expect(200, "GET", health))
        self._shell.again(12, "its functions", self._functions_are_there)
        kept = self._kept_variables()
        # A cold host may fail Event Grid's greeting.
        self._shell.again(5, "subscribing", lambda: self._create("subscriptions", kept))

    # Afterwards.

    def smoke(self) -> None:
        """It answers, and lets nobody in without credentials."""
        app = self._output("FUNCTION_APP_URL")
        streamer = self._output("STREAMER_URL")
        checks: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("the app answers", lambda: expect(200, "GET", f"{app}/api/health")),
            (
                "a call without a key is refused",
                lambda: expect(401, "POST", f"{app}/api/calls", body=b"{}"),
            ),
            (
                "an unsigned callback event is refused",
                lambda: expect(401, "POST", f"{app}/api/callbacks", body=b"[]"),
            ),
            ("the streamer is ready", lambda: expect(200, "GET", f"{streamer}/readyz")),
            (
                "an unsigned handshake is refused",
                lambda: expect(401, "GET", f"{streamer}/media/smoke-test", HANDSHAKE),
            ),
        )
        for what, attempt in checks:
            self._shell.again(3, what, attempt)
            say(f"  {what}: yes")

    def retire(self) -> None:
        """Revisions without traffic end once their calls have; a drain finishes what is left."""
        live = self._live_revision()
        listing = ("containerapp", "revision", "list", *self._of_streamer())
        for revision in self._shell.ask(*listing):
            name, properties = revision["name"], revision["properties"]
            if name == live or properties.get("trafficWeight") or not properties["active"]:
                continue
            streams = self._open_streams(properties["fqdn"], properties.get("replicas") or 1)
            if streams != 0:
                seen = "does not answer" if streams is None else f"has {streams} streams or more"
                say(f"  {name} {seen}, and goes on: run infra/deploy retire again later")
                continue
            deactivate = ("containerapp", "revision", "deactivate", *self._of_streamer())
            self._shell.az(*deactivate, "--revision", name)
            say(f"  {name} is retired")

    def addresses(self) -> None:
        """Where everything is."""
        app, name = self._output("FUNCTION_APP_URL"), self._output("FUNCTION_APP_NAME")
        group = self._options.group
        say(f"  POST   {app}/api/calls       place a call (README.md has all requests)")
        say(f"  GET    {app}/api/calls       the calls, newest first")
        say(f"  GET    {app}/api/health")
        say(f"  ACS streams to {self._output('STREAMER_URL')}/media/, posts to {app}/api/callbacks")
        say(
            "  The function key, for x-functions-key:\n"
            f"    az functionapp keys list --name {name} --resource-group {group} "
            "--query functionKeys.default --output tsv"
        )

    # Helpers.

    def _what_if(self, template: str, variables: dict[str, str] | None = None) -> None:
        self._shell.az("deployment", "group", "what-if", *self._of(template), env=variables)

    def _create(self, template: str, variables: dict[str, str] | None = None) -> None:
        create = ("deployment", "group", "create", "--name", template)
        self._shell.az(*create, *self._of(template), "--output", "none", env=variables)

    def _of(self, template: str) -> tuple[str, ...]:
        parameters = f"infra/{template}.bicepparam"
        return ("--resource-group", self._options.group, "--parameters", parameters)

    def _kept_variables(self) -> dict[str, str]:
        """What main.bicepparam reads and nobody has set: as it was the last time.

        subscriptions.bicepparam reads of the same, and must not be told another thing than the app.

        A run without them would take alerts and transcripts back, and ask ACS to move its data.
        """
        if self._kept is None:
            reads = r"^param (\w+) = readEnvironmentVariable\('(\w+)'"
            read = re.findall(reads, (ROOT / PARAMETERS).read_text(), re.MULTILINE)
            last = self._last_parameters()
            values = {variable: last[name]["value"] for name, variable in read if name in last}
            self._kept = {n: v for n, v in values.items() if v and n not in os.environ}
            for variable, value in self._kept.items():
                say(f"  {variable}: {value}, as the last time")
        return self._kept

    def _last_parameters(self) -> dict[str, Any]:
        if self._options.azd:
            # It provisions main.bicep itself, and keeps in its environment what was set.
            return {}
        where = ("--resource-group", self._options.group)
        if "main" not in self._shell.ask("deployment", "group", "list", *where, *NAMES):
            return {}
        parameters = ("--name", "main", "--query", "properties.parameters")
        return self._shell.ask("deployment", "group", "show", *where, *parameters) or {}

    def _streamer_variables(self) -> dict[str, str]:
        """What streamer.bicepparam reads."""
        return {
            "STREAMER_IMAGE": f"{self._output('REGISTRY_SERVER')}/streamer:{context_hash()}",
            "STREAMER_LIVE_REVISION": self._live_revision(),
        }

    def _output(self, name: str) -> str:
        if not self._outputs:
            self._outputs = self._from_azd() if self._options.azd else self._from_azure()
        return self._outputs[name]

    def _from_azd(self) -> dict[str, str]:
        needed = ("AZURE_RESOURCE_GROUP", *OUTPUTS)
        missing = [name for name in needed if not os.environ.get(name)]
        if missing:
            raise StepFailed(f"azd gives no {', '.join(missing)}", "run azd provision first")
        return {name: os.environ[name] for name in OUTPUTS}

    def _from_azure(self) -> dict[str, str]:
        where = ("--resource-group", self._options.group, "--name", "main")
        query = ("--query", "properties.outputs")
        found = self._shell.ask("deployment", "group", "show", *where, *query) or {}
        # Azure may give a name back in other letters: functioN_APP_NAME.
        values = {name.upper(): output["value"] for name, output in found.items()}
        missing = [name for name in OUTPUTS if name not in values]
        if missing:
            raise StepFailed(
                f"main.bicep gave no {', '.join(missing)}", "run infra/deploy provision"
            )
        return values

    def _of_streamer(self) -> tuple[str, ...]:
        return ("--name", self._output("STREAMER_NAME"), "--resource-group", self._options.group)

    def _container_app(self) -> Any:
        """The streamer's container app, or None before there is one."""
        apps = self._shell.ask("containerapp", "list", "--resource-group", self._options.group)
        return next((app for app in apps if app["name"] == self._output("STREAMER_NAME")), None)

    def _live_revision(self) -> str:
        """The revision that has the traffic, or most of it; empty where there is none."""
        app = self._container_app()
        if app is None:
            return ""
        traffic = app["properties"]["configuration"]["ingress"].get("traffic") or []
        share: Any = max(traffic, key=lambda share: share.get("weight") or 0, default={})
        latest = app["properties"].get("latestReadyRevisionName")
        return str(share.get("revisionName") or latest or "")

    def _ready(self, revision: str) -> None:
        show = ("containerapp", "revision", "show", *self._of_streamer(), "--revision", revision)
        properties = self._shell.ask(*show)["properties"]
        if properties.get("provisioningState") == "Failed":
            raise StepFailed(
                f"{revision} was not provisioned: {properties.get('provisioningError')}"
            )
        expect(200, "GET", f"{self._scheme()}://{properties['fqdn']}/readyz")

    def _open_streams(self, fqdn: str, replicas: int) -> int | None:
        """The first streams that a look at a revision finds; None where it does not answer."""
        for _ in range(_LOOKS_FOR_A_REPLICA * replicas):
            try:
                status, body = request("GET", f"{self._scheme()}://{fqdn}/healthz")
            except StepFailed:
                return None
            found = re.search(rb'"streams":\s*(\d+)', body)
            if status != 200 or not found:
                return None
            if streams := int(found.group(1)):
                return streams
        return 0

    def _scheme(self) -> str:
        return self._output("STREAMER_URL").partition("://")[0]

    def _functions_are_there(self) -> None:
        told = r"(?:function: '|/functions/)(\w+)'"
        needed = set(re.findall(told, (ROOT / SUBSCRIPTIONS).read_text()))
        of_app = ("--name", self._output("FUNCTION_APP_NAME"))
        where = ("--resource-group", self._options.group, "--query", "[].name")
        names = self._shell.ask("functionapp", "function", "list", *of_app, *where)
        missing = needed - {name.rpartition("/")[2] for name in names}
        if missing:
            raise StepFailed(f"the app has no function {', '.join(sorted(missing))} yet")


def context_hash() -> str:
    """The image's tag: a hash of all that it is built from, so that it is built only once."""
    digest = hashlib.sha256()
    for name in CONTEXT:
        top = ROOT / name
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0{file.stat().st_size}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
