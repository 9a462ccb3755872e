"""Running az and Functions Core Tools, retrying, and talking to the user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

# Without this, az may stop in the middle of a step and ask whether to install an extension.
_ENVIRONMENT = {"AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "yes_without_prompt"}

_INSTALL_ADVICE = {
    "az": "Install the Azure CLI: https://learn.microsoft.com/cli/azure/install-azure-cli",
    "func": "Install Azure Functions Core Tools 4: https://learn.microsoft.com/azure"
    "/azure-functions/functions-run-local",
}


class StepFailed(RuntimeError):
    """Raised when a step fails. The text says why, ``advice`` says what the user can do."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


class Shell:
    """Runs az and func for one subscription.

    Args:
        subscription: Name or id; empty for the one that az uses by default.
        pause_seconds: Pause between two attempts of ``retry``.
    """

    def __init__(self, subscription: str, pause_seconds: float) -> None:
        self._scope = ["--subscription", subscription] if subscription else []
        self._pause_seconds = pause_seconds

    def require(self, *programs: str) -> None:
        """Raise StepFailed if a program is not installed."""
        for program in programs:
            if shutil.which(program) is None:
                raise StepFailed(f"{program} is not installed.", _INSTALL_ADVICE[program])

    def run_az(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Run az and show its output. Raises StepFailed."""
        self._run(self._az_command(arguments), env, show=True)

    def query_az(self, *arguments: str) -> Any:
        """Return az's JSON output, or None if there is none. Raises StepFailed."""
        output = self._run([*self._az_command(arguments), "--output", "json"], None, show=False)
        try:
            return json.loads(output) if output.strip() else None
        except json.JSONDecodeError as error:
            raise StepFailed(
                f"The output of az {' '.join(arguments[:3])} is not valid JSON: {output[:200]}"
            ) from error

    def run_func(self, *arguments: str) -> None:
        """Run Functions Core Tools and show their output. Raises StepFailed."""
        self._run(["func", *arguments, *self._scope], None, show=True)

    def retry(self, tries: int, action: str, attempt: Callable[[], Any]) -> Any:
        """Call ``attempt`` until it succeeds: in Azure, a change takes a while to take effect.

        Args:
            tries: Maximum number of attempts, at least 1.
            action: What is attempted, for the user.
            attempt: Raises StepFailed if it fails.

        Raises:
            StepFailed: The last attempt's.
        """
        for tries_left in reversed(range(tries)):
            try:
                return attempt()
            except StepFailed as error:
                if not tries_left:
                    raise
                reason = str(error).splitlines()[0]
                report(f"  {action}: not yet ({reason}); tries left: {tries_left}")
                time.sleep(self._pause_seconds)
        raise AssertionError("tries must be at least 1")

    def _az_command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["az", *arguments, *self._scope, "--only-show-errors"]

    def _run(self, command: list[str], env: Mapping[str, str] | None, *, show: bool) -> str:
        self.require(command[0])
        completed = subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env=os.environ | _ENVIRONMENT | dict(env or {}),
            stdout=None if show else subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
        )
        if completed.returncode:
            message = (completed.stderr or "").strip()
            raise StepFailed(
                f"{' '.join(command[:4])} ... failed with exit code {completed.returncode}"
                + (f": {message}" if message else "; see its output above.")
            )
        return completed.stdout or ""


def report(text: str) -> None:
    """Print a line for the user, in order with the output of the programs that are run."""
    print(text, flush=True)


def confirm(question: str) -> bool:
    """Ask the user a yes-or-no question. Raises StepFailed without a terminal."""
    if not sys.stdin.isatty():
        raise StepFailed(
            "This needs a confirmation, but standard input is not a terminal.",
            "Pass --yes to agree in advance.",
        )
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
