"""The Bicep deployments of one resource group: their variables, previews and outputs."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from infra.shell import ROOT, Shell, StepFailed, report

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

_PARAMETERS = ROOT / "infra" / "main.bicepparam"
_NAMES = ("--query", "[].name")
_NAMES_OF_SUCCEEDED = ("--query", "[?properties.provisioningState=='Succeeded'].name")


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
        self._outputs: dict[str, str] = {}
        self._kept_variables: dict[str, str] | None = None

    def list_succeeded(self) -> set[str]:
        """Return the templates whose last deployment succeeded. Raises StepFailed.

        A failed deployment has no outputs and may lack resources that the next template needs.
        """
        return set(self._list(_NAMES_OF_SUCCEEDED))

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
        """Return the variables of ``main.bicepparam`` that are not set, as in the previous run.

        Without them, a second run would remove alerts and transcripts, and try to move the data
        of ACS. ``subscriptions.bicepparam`` reads some of them too and must get the same values.
        Raises StepFailed.
        """
        if self._kept_variables is None:
            pattern = r"^param (\w+) = readEnvironmentVariable\('(\w+)'"
            variables = re.findall(pattern, _PARAMETERS.read_text(), re.MULTILINE)
            previous = self._previous_parameters()
            values = {
                variable: previous[parameter]["value"]
                for parameter, variable in variables
                if parameter in previous
            }
            self._kept_variables = {
                name: value for name, value in values.items() if value and name not in os.environ
            }
            for name, value in self._kept_variables.items():
                report(f"  {name}: {value} (kept from the previous run)")
        return self._kept_variables

    def _previous_parameters(self) -> dict[str, Any]:
        # azd provisions main.bicep itself, and keeps the variables in its own environment.
        if self._options.azd or "main" not in self._list(_NAMES):
            return {}
        return self._show_main("properties.parameters") or {}

    def _read_azd(self) -> dict[str, str]:
        missing = [name for name in ("AZURE_RESOURCE_GROUP", *OUTPUTS) if not os.environ.get(name)]
        if missing:
            raise StepFailed(
                f"These variables of the azd environment are not set: {', '.join(missing)}.",
                "Run azd provision first.",
            )
        return {name: os.environ[name] for name in OUTPUTS}

    def _read_azure(self) -> dict[str, str]:
        outputs = self._show_main("properties.outputs") or {}
        # Azure may return a name in another case: functioN_APP_NAME.
        values = {name.upper(): output["value"] for name, output in outputs.items()}
        missing = [name for name in OUTPUTS if name not in values]
        if missing:
            raise StepFailed(
                f"The deployment of main.bicep has no output {', '.join(missing)}.",
                "Run infra/deploy provision.",
            )
        return values

    def _list(self, query: tuple[str, ...]) -> list[str]:
        names: list[str] = self._shell.query_az(
            "deployment", "group", "list", *self._in_group, *query
        )
        return names

    def _show_main(self, query: str) -> Any:
        show = ("deployment", "group", "show", *self._in_group, "--name", "main")
        return self._shell.query_az(*show, "--query", query)

    def _of_template(self, template: str) -> tuple[str, ...]:
        return (*self._in_group, "--parameters", f"infra/{template}.bicepparam")
