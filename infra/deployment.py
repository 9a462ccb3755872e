"""The Bicep deployments of one resource group: their variables, previews and outputs."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from infra.inventory import Resources
from infra.shell import Shell, StepFailed, report
from infra.variables import Record, find_values, list_variables

OUTPUTS = (
    "FUNCTION_APP_NAME",
    "FUNCTION_APP_URL",
    "STREAMER_NAME",
    "STREAMER_URL",
    "REGISTRY_NAME",
    "REGISTRY_SERVER",
    "COMMUNICATION_NAME",
)
"""The outputs of ``main.bicep``."""

TEMPLATES = ("main", "streamer", "subscriptions")

_NAMES_OF_SUCCEEDED = ("--query", "[?properties.provisioningState=='Succeeded'].name")

# azd deploys main.bicep under another name: what identifies it is its parameters.
_DEPLOYMENTS_OF_MAIN = (
    "--query",
    "[?properties.parameters.dataLocation && properties.parameters.environmentName].{name: name, "
    "state: properties.provisioningState, time: properties.timestamp, "
    "parameters: properties.parameters, outputs: properties.outputs}",
)


class Options(NamedTuple):
    """The command-line options of ``infra/deploy`` that its steps need.

    Attributes:
        group: Name of the resource group.
        location: Azure region for a new resource group; may be empty.
        yes: Whether changes are agreed to in advance.
        azd: Whether azd provisions ``main.bicep``.
    """

    group: str
    location: str
    yes: bool
    azd: bool


class Deployment:
    """Deploys the templates. Outputs and kept variables are fetched once, when first needed."""

    def __init__(self, shell: Shell, options: Options) -> None:
        self._shell = shell
        self._options = options
        self._in_group = ("--resource-group", options.group)
        self._resources = Resources(shell, options.group)
        self._outputs: dict[str, str] = {}
        self._kept_variables: dict[str, str] | None = None

    def list_succeeded(self) -> set[str]:
        """Return the templates whose last deployment succeeded. Raises StepFailed.

        A failed deployment has no outputs and may lack resources that the next template needs.
        """
        names = self._shell.query_az(
            "deployment", "group", "list", *self._in_group, *_NAMES_OF_SUCCEEDED
        )
        succeeded = set(names) & {"streamer", "subscriptions"}
        records = self._list_records()
        return succeeded | ({"main"} if records and records[-1].succeeded else set())

    def preview(self, template: str, variables: dict[str, str]) -> None:
        """Show what deploying a template would change. Raises StepFailed."""
        self._shell.run_az(
            "deployment", "group", "what-if", *self._of_template(template), env=variables
        )

    def create(self, template: str, variables: dict[str, str]) -> None:
        """Deploy a template, with the environment variables that its parameters read.

        Raises StepFailed.
        """
        create = ("deployment", "group", "create", "--name", template)
        self._shell.run_az(*create, *self._of_template(template), "--output", "none", env=variables)

    def output(self, name: str) -> str:
        """Return an output of ``main.bicep``. Raises StepFailed."""
        if not self._outputs:
            self._outputs = self._read_azd() if self._options.azd else self._read_azure()
        return self._outputs[name]

    def kept_variables(self) -> dict[str, str]:
        """Return the variables that are not set, as the deployment has them. Raises StepFailed."""
        if self._options.azd:
            # azd provisions main.bicep itself, and keeps the variables in its own environment.
            return {}
        if self._kept_variables is None:
            self._kept_variables = self._find_differing()
            for name, value in self._kept_variables.items():
                report(f"  {name}: {value} (kept from the existing deployment)")
        return self._kept_variables

    def check_azd_environment(self) -> None:
        """Raise StepFailed if ``azd up`` would forget what the deployment has."""
        if not os.environ.get("AZURE_RESOURCE_GROUP"):
            raise StepFailed(
                "AZURE_RESOURCE_GROUP is not set in the azd environment, so what is deployed "
                "already cannot be compared.",
                "Run: azd env set AZURE_RESOURCE_GROUP rg-calls",
            )
        forgotten = self._find_differing()
        if forgotten:
            raise StepFailed(
                f"azd does not know what the resources of {self._options.group} have: "
                + ", ".join(f"{name}={value!r}" for name, value in forgotten.items()),
                "Set each of them, to this or another value: "
                + "; ".join(f"azd env set {name} '{value}'" for name, value in forgotten.items()),
            )

    def _find_differing(self) -> dict[str, str]:
        """The variables that are not set and have another value than their default."""
        if not self._resources.group_exists():
            return {}
        variables = [v for v in list_variables(*TEMPLATES) if v.name not in os.environ]
        records = self._list_records()
        values = find_values(variables, self._resources, records[-1] if records else None)
        defaults = {variable.name: variable.default for variable in variables}
        return {name: value for name, value in values.items() if value != defaults[name]}

    def _list_records(self) -> list[Record]:
        """The deployments of main.bicep that Azure still knows, oldest first."""
        deployments = self._shell.query_az(
            "deployment", "group", "list", *self._in_group, *_DEPLOYMENTS_OF_MAIN
        )
        return [_parse_record(entry) for entry in sorted(deployments, key=lambda e: e["time"])]

    def _read_azd(self) -> dict[str, str]:
        missing = [name for name in ("AZURE_RESOURCE_GROUP", *OUTPUTS) if not os.environ.get(name)]
        if missing:
            raise StepFailed(
                f"These variables of the azd environment are not set: {', '.join(missing)}.",
                "Run azd provision first.",
            )
        return {name: os.environ[name] for name in OUTPUTS}

    def _read_azure(self) -> dict[str, str]:
        records = [record for record in self._list_records() if record.succeeded]
        values = records[-1].outputs if records else {}
        missing = [name for name in OUTPUTS if name not in values]
        if missing:
            raise StepFailed(
                f"No deployment of main.bicep in {self._options.group} has the output "
                f"{', '.join(missing)}.",
                "Run infra/deploy provision, with the same --resource-group.",
            )
        return values

    def _of_template(self, template: str) -> tuple[str, ...]:
        return (*self._in_group, "--parameters", f"infra/{template}.bicepparam")


def _parse_record(entry: dict[str, Any]) -> Record:
    parameters = {
        name: str(parameter["value"])
        for name, parameter in entry["parameters"].items()
        if parameter.get("value") is not None
    }
    # Azure may return a name in another case: functioN_APP_NAME.
    outputs = {name.upper(): out["value"] for name, out in (entry["outputs"] or {}).items()}
    return Record(entry["name"], entry["state"] == "Succeeded", parameters, outputs)
