"""The tools that a deployment needs, in the versions that it needs."""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from infra.shell import Shell, StepFailed


class Tool(NamedTuple):
    """A tool, and the oldest version that does.

    Attributes:
        name: For people.
        command: Prints the version.
        pattern: Finds the version in the output.
        minimum: The oldest version.
        reason: Why no older one.
        remedy: How to get a newer one.
    """

    name: str
    command: tuple[str, ...]
    pattern: str
    minimum: tuple[int, int, int]
    reason: str
    remedy: str


_VERSION = r"(\d+\.\d+\.\d+)"

AZ = Tool(
    "Azure CLI (az)",
    ("az", "version", "--output", "json"),
    rf'"azure-cli":\s*"{_VERSION}',
    (2, 77, 0),
    "older ones know Flex Consumption only in part",
    "az upgrade, or https://learn.microsoft.com/cli/azure/install-azure-cli",
)
BICEP = Tool(
    "Bicep CLI",
    ("az", "bicep", "version"),
    rf"version {_VERSION}",
    (0, 34, 1),
    "the templates use modules without names and other syntax that older ones refuse",
    "az bicep upgrade; if az says that it uses another binary: "
    "az config set bicep.use_binary_from_path=false",
)
FUNC = Tool(
    "Azure Functions Core Tools (func)",
    ("func", "--version"),
    _VERSION,
    (4, 2, 0),
    "older ones refuse Python 3.13",
    "npm install --global azure-functions-core-tools@4, or "
    "https://learn.microsoft.com/azure/azure-functions/functions-run-local",
)
AZD = Tool(
    "Azure Developer CLI (azd)",
    ("azd", "version"),
    rf"version {_VERSION}",
    (1, 18, 0),
    "older ones bring an older Bicep CLI",
    "https://learn.microsoft.com/azure/developer/azure-developer-cli/install-azd",
)

PYTHON = (3, 11)
"""The oldest Python that runs ``infra``. The programs themselves run on 3.13."""


def list_tools(*, with_azd: bool) -> tuple[Tool, ...]:
    """Return the tools that are needed. azd compiles the templates with a Bicep CLI of its own."""
    return (AZ, BICEP, FUNC, AZD) if with_azd else (AZ, BICEP, FUNC)


def check_tool(shell: Shell, tool: Tool) -> str:
    """Return a tool's version. Raises StepFailed if it is missing, or older than needed."""
    shell.require(tool.command[0])
    output = _read_version(shell, tool)
    match = re.search(tool.pattern, output)
    if match is None:
        raise StepFailed(
            f"The version of the {tool.name} cannot be read: "
            f"'{' '.join(tool.command)}' printed {output.strip()[:80]!r}.",
            f"Install it again: {tool.remedy}",
        )
    version = tuple(int(number) for number in match.group(1).split("."))
    if version < tool.minimum:
        minimum = ".".join(map(str, tool.minimum))
        raise StepFailed(
            f"The {tool.name} is too old: {match.group(1)}; {minimum} or newer is needed "
            f"({tool.reason}).",
            f"Upgrade it: {tool.remedy}",
        )
    return match.group(1)


def check_python() -> str:
    """Return this Python's version. Raises StepFailed if it is older than needed."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        raise StepFailed(
            f"python3 is too old: {version}; {'.'.join(map(str, PYTHON))} or newer is needed.",
            "Install a newer one, and put it first on PATH: https://www.python.org/downloads/",
        )
    return version


def _read_version(shell: Shell, tool: Tool) -> str:
    try:
        return shell.read_output(*tool.command)
    except StepFailed:
        if tool is not BICEP:
            raise
        # az installs the newest one when it first compiles a template.
        shell.read_output("az", "bicep", "install")
        return shell.read_output(*tool.command)
