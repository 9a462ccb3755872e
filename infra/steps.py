"""The steps of ``infra/deploy``. Each can be repeated and skips what is already in place.

The image needs the registry, the streamer needs the image, and the event subscriptions need a
published and running function app with its key. Hence three templates and the order in
``infra/deploy.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re

from infra import package
from infra.deployment import Deployment, Options
from infra.image import build_options, context_hash, image_name
from infra.probe import expect
from infra.revisions import Revisions
from infra.shell import ROOT, Shell, StepFailed, confirm, report
from infra.smoke_test import find_credentials, smoke_checks
from infra.versions import check_python, check_tool, list_tools

PROVIDERS = (
    "Microsoft.App",
    "Microsoft.CognitiveServices",
    "Microsoft.Communication",
    "Microsoft.ContainerRegistry",
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
)

ROLE_TRIES, ROLE_PAUSE_SECONDS = 10, 30.0
"""A role assignment takes effect within minutes: up to five are waited for."""

SMOKE_TRIES = 10

_ROLES = ROOT / "infra" / "app-roles.json"
_SUBSCRIPTIONS = ROOT / "infra" / "subscriptions.bicep"
_NAMES = ("--query", "[].name")


class Steps:
    """One method per step. Each raises StepFailed."""

    def __init__(self, shell: Shell, options: Options) -> None:
        self._shell = shell
        self._options = options
        self._deployment = Deployment(shell, options)
        self._revisions = Revisions(shell, self._deployment, options.group)

    def check(self) -> None:
        """Check the tools and the sign-in and, for azd, that it would forget nothing."""
        report(f"  Python {check_python()}")
        self._shell.require("az", "func")
        for tool in list_tools(with_azd=self._options.azd):
            report(f"  {tool.name} {check_tool(self._shell, tool)}")
        account = self._shell.query_az("account", "show")
        report(f"  subscription: {account['name']} ({account['id']})")
        report(f"  resource group: {self._options.group}")
        if self._options.azd:
            self._deployment.check_azd_environment()
        size = f"{len(package.list_files())} files, {package.zip_size() / 1000:.0f} kB"
        report(f"  function app package: {size}")

    def providers(self) -> None:
        """Register the resource providers that are not registered yet."""
        query = ("--query", "[?registrationState=='Registered'].namespace")
        # Azure spells some in lower case: microsoft.insights.
        registered = {name.lower() for name in self._shell.query_az("provider", "list", *query)}
        for provider in PROVIDERS:
            if provider.lower() not in registered:
                self._shell.run_az("provider", "register", "--namespace", provider, "--wait")

    def group(self) -> None:
        """Create the resource group if it does not exist."""
        group = self._options.group
        if self._shell.query_az("group", "exists", "--name", group):
            return
        if not self._options.location:
            raise StepFailed(
                f"The resource group {group} does not exist, and no region to create it in is set.",
                "Pass --location REGION. To list the regions: "
                "az functionapp list-flexconsumption-locations",
            )
        self._shell.run_az("group", "create", "--name", group, "--location", self._options.location)

    def preview(self) -> None:
        """Show what would change, and ask for consent."""
        succeeded = self._deployment.list_succeeded()
        variables = self._deployment.kept_variables()
        self._deployment.preview("main", variables)
        # The other templates refer to resources of main.bicep.
        later = {"streamer", "subscriptions"} & succeeded if "main" in succeeded else set()
        if "streamer" in later:
            self._deployment.preview("streamer", variables | self._streamer_variables())
        if "subscriptions" in later:
            self._deployment.preview("subscriptions", variables)
        if len(later) < 2:
            report("  Later steps also create the streamer and the event subscriptions.")
        if not self._options.yes and not confirm("Make these changes?"):
            raise StepFailed("Not confirmed; nothing was changed.")

    def provision(self) -> None:
        """Deploy ``main.bicep``: everything that needs neither an image nor code."""
        self._deployment.create("main", self._deployment.kept_variables())

    def image(self) -> None:
        """Build the streamer's image in the registry, unless it is there."""
        registry, image = self._deployment.output("REGISTRY_NAME"), image_name()
        in_registry = ("--name", registry)
        if "streamer" in self._shell.query_az("acr", "repository", "list", *in_registry):
            show_tags = ("acr", "repository", "show-tags", *in_registry)
            tags = self._shell.query_az(*show_tags, "--repository", "streamer")
            if context_hash() in tags:
                report(f"  {image} is already in the registry")
                return
        build = ("acr", "build", "--registry", registry, "--image", image)
        command = (*build, *build_options(os.environ), ".")
        self._shell.retry(3, "building the image", lambda: self._build(command), pause_seconds=60)

    def streamer(self) -> None:
        """Deploy the streamer's new revision, and send it traffic once it is ready."""
        variables = self._deployment.kept_variables() | self._streamer_variables()
        # The role assignment for pulling the image may not be in effect yet.
        self._shell.retry(
            ROLE_TRIES,
            "deploying the streamer",
            lambda: self._deployment.create("streamer", variables),
            ROLE_PAUSE_SECONDS,
        )
        revision = self._revisions.find_latest()
        self._shell.retry(30, revision, lambda: self._revisions.check_ready(revision))
        if revision == variables["STREAMER_LIVE_REVISION"]:
            report(f"  {revision} already has the traffic")
            return
        self._revisions.route_traffic(revision)
        report(f"  {revision} receives all new streams")

    def publish(self) -> None:
        """Publish the function app's code."""
        app = self._deployment.output("FUNCTION_APP_NAME")
        # The role assignment for writing the package may not be in effect yet.
        self._shell.retry(
            ROLE_TRIES,
            "publishing",
            lambda: self._shell.run_func("azure", "functionapp", "publish", app, "--python"),
            ROLE_PAUSE_SECONDS,
        )

    def subscribe(self) -> None:
        """Subscribe the functions to their events, once they are running."""
        health = f"{self._deployment.output('FUNCTION_APP_URL')}/api/v1/health"
        self._shell.retry(12, "waiting for the app", lambda: expect(200, "GET", health))
        self._shell.retry(12, "waiting for its functions", self._check_functions)
        variables = self._deployment.kept_variables()
        # Event Grid's validation of a webhook may fail while the host starts.
        self._shell.retry(
            5, "subscribing", lambda: self._deployment.create("subscriptions", variables)
        )

    def smoke(self) -> None:
        """Check that the system answers, knows its identities, and refuses strangers."""
        app_url = self._deployment.output("FUNCTION_APP_URL")
        streamer_url = self._deployment.output("STREAMER_URL")
        app = self._deployment.output("FUNCTION_APP_NAME")
        credentials = find_credentials(self._shell, app, self._options.group)
        for check in smoke_checks(app_url, streamer_url, credentials):
            # Until the host has loaded its keys, it answers 401 to valid ones.
            self._shell.retry(SMOKE_TRIES, check.description, check.run)
            report(f"  {check.description}: yes")

    def retire(self) -> None:
        """Deactivate the revisions that have neither traffic nor streams."""
        for revision, streams in self._revisions.list_retirable():
            if streams == 0:
                self._revisions.deactivate(revision)
                report(f"  {revision} is deactivated")
                continue
            state = "does not answer" if streams is None else f"has at least {streams} open streams"
            report(f"  {revision} {state} and stays active; run infra/deploy retire again later")

    def addresses(self) -> None:
        """Print the addresses of the deployed system."""
        app, name = (self._deployment.output(f"FUNCTION_APP_{part}") for part in ("URL", "NAME"))
        streamer = self._deployment.output("STREAMER_URL")
        report(
            f"  POST   {app}/api/v1/calls       place a call (docs/http-api.md has all requests)"
        )
        report(f"  GET    {app}/api/v1/calls       list the calls, newest first")
        report(f"  GET    {app}/api/v1/health")
        report(f"  ACS streams to {streamer}/media/ and posts events to {app}/api/v1/callbacks")
        report(
            "  The function key, for the header x-functions-key:\n"
            f"    az functionapp keys list --name {name} --resource-group {self._options.group} "
            "--query functionKeys.default --output tsv"
        )

    def keys(self) -> None:
        """Give each role a function key, and tell the app the SHA-256 of all keys with a role."""
        name = self._deployment.output("FUNCTION_APP_NAME")
        of_app = ("--name", name, "--resource-group", self._options.group)
        list_keys = ("functionapp", "keys", "list", *of_app, "--query", "functionKeys")
        roles = [role["value"] for role in json.loads(_ROLES.read_text())]
        existing = self._shell.query_az(*list_keys)
        for role in roles:
            if role not in existing:
                # Without a value, Azure makes one.
                key = ("--key-type", "functionKeys", "--key-name", role, "--output", "none")
                self._shell.run_az("functionapp", "keys", "set", *of_app, *key)
        keys: dict[str, str] = self._shell.query_az(*list_keys)
        pattern = re.compile(rf"({'|'.join(roles)})(-[\w.-]{{1,64}})?", re.ASCII)
        named = {name: key for name, key in keys.items() if pattern.fullmatch(name)}
        others = sorted(keys.keys() - named.keys())
        entries = [
            f"{name}={hashlib.sha256(key.encode()).hexdigest()}"
            for name, key in sorted(named.items())
        ]
        report(f"  keys with a role: {', '.join(sorted(named))}")
        report(f"  without one, and so of no use: {', '.join(others) or 'none'}")
        if self._options.azd:
            report(f"  Run: azd env set FUNCTION_KEYS '{','.join(entries)}' && azd provision")
            return
        variables = self._deployment.kept_variables() | {"FUNCTION_KEYS": ",".join(entries)}
        self._deployment.create("main", variables)

    def _build(self, command: tuple[str, ...]) -> None:
        try:
            self._shell.run_az(*command)
        except StepFailed as error:
            # Only a rate limit passes by itself: the next build is another machine's.
            error.permanent = error.known is None or error.known.permanent
            raise

    def _streamer_variables(self) -> dict[str, str]:
        """The variables that ``streamer.bicepparam`` reads."""
        registry = self._deployment.output("REGISTRY_SERVER")
        return {
            "STREAMER_IMAGE": f"{registry}/{image_name()}",
            "STREAMER_LIVE_REVISION": self._revisions.find_live(),
        }

    def _check_functions(self) -> None:
        """Raise StepFailed unless the app has all functions that subscriptions.bicep names."""
        pattern = r"(?:function: '|/functions/)(\w+)'"
        required = set(re.findall(pattern, _SUBSCRIPTIONS.read_text()))
        name = self._deployment.output("FUNCTION_APP_NAME")
        of_app = ("--name", name, "--resource-group", self._options.group)
        names = self._shell.query_az("functionapp", "function", "list", *of_app, *_NAMES)
        missing = required - {name.rpartition("/")[2] for name in names}
        if missing:
            raise StepFailed(f"The app does not have these functions: {', '.join(sorted(missing))}")
