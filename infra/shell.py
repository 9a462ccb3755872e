"""Running az and Functions Core Tools, retrying, and talking to the user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from infra.advice import KnownFailure, recognize

ROOT = Path(__file__).parents[1]

# Without the first, az may stop in the middle of a step and ask whether to install an extension.
# With the second, it writes a build's log line by line into a pipe, too.
_ENVIRONMENT = {
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "yes_without_prompt",
    "PYTHONUNBUFFERED": "1",
}

_INSTALL_ADVICE = {
    "az": "Install the Azure CLI: https://learn.microsoft.com/cli/azure/install-azure-cli",
    "func": "Install Azure Functions Core Tools 4: https://learn.microsoft.com/azure"
    "/azure-functions/functions-run-local",
    "azd": "Install the Azure Developer CLI: https://learn.microsoft.com/azure/developer"
    "/azure-developer-cli/install-azd",
}

_PAUSE_SECONDS = 10.0
_KEPT_LINES = 200


class StepFailed(RuntimeError):
    """Raised when a step fails. The text says why.

    Attributes:
        advice: What the user can do; empty: the step's own advice.
        known: The failure's name and nature, if it is a known one.
        permanent: Whether trying again within minutes is useless.
    """

    def __init__(self, reason: str, advice: str = "", known: KnownFailure | None = None) -> None:
        super().__init__(reason)
        self.advice = advice or (known.advice if known else "")
        self.known = known
        self.permanent = known is not None and known.permanent


class Completed(NamedTuple):
    """A program's exit code and its output; of an output that was shown, the last lines."""

    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs az and func for one subscription.

    Args:
        subscription: Name or id; empty for the one that az uses by default.
        pause_seconds: Pause between two attempts of ``retry``; None: each action's own.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        subscription: str,
        pause_seconds: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._scope = ["--subscription", subscription] if subscription else []
        self._pause_seconds = pause_seconds
        self._sleep = sleep

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
        return _parse_json(output, f"az {' '.join(arguments[:3])}")

    def run_func(self, *arguments: str) -> None:
        """Run Functions Core Tools and show their output. Raises StepFailed."""
        self._run(["func", *arguments, *self._scope], None, show=True)

    def read_output(self, *command: str) -> str:
        """Return what a program prints, such as its version. Raises StepFailed."""
        return self._run([*command], None, show=False)

    def retry(
        self,
        tries: int,
        action: str,
        attempt: Callable[[], Any],
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> Any:
        """Call ``attempt`` until it succeeds: in Azure, a change takes a while to take effect.

        Args:
            tries: Maximum number of attempts, at least 1.
            action: What is attempted, for the user.
            attempt: Raises StepFailed if it fails.
            pause_seconds: Pause between two attempts, unless the user has set one.

        Raises:
            StepFailed: The last attempt's; one that is permanent is the last.
        """
        pause = pause_seconds if self._pause_seconds is None else self._pause_seconds
        waited = 0.0
        for tries_left in reversed(range(tries)):
            try:
                return attempt()
            except StepFailed as error:
                if not tries_left or error.permanent:
                    raise
                reason = str(error).splitlines()[0]
                report(
                    f"  {action}: not yet, after {waited:.0f} s ({reason}); "
                    f"next try in {pause:.0f} s, tries left: {tries_left}"
                )
                self._sleep(pause)
                waited += pause
        raise AssertionError("tries must be at least 1")

    def _az_command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["az", *arguments, *self._scope, "--only-show-errors"]

    def _run(self, command: list[str], env: Mapping[str, str] | None, *, show: bool) -> str:
        self.require(command[0])
        completed = execute(command, os.environ | _ENVIRONMENT | dict(env or {}), show=show)
        if completed.returncode:
            output = f"{completed.stdout}\n{completed.stderr}"
            known = recognize(output)
            message = _last_error(output) if show else completed.stderr.strip()
            raise StepFailed(
                f"{' '.join(command[:4])} ... failed with exit code {completed.returncode}"
                + (f", {known.name}" if known else "")
                + (f": {message}" if message else "; see its output above."),
                known=known,
            )
        return completed.stdout


def execute(command: list[str], environment: Mapping[str, str], *, show: bool) -> Completed:
    """Run a program in the repository's root. With ``show``, pass its output on line by line."""
    if not show:
        completed = subprocess.run(
            command, check=False, cwd=ROOT, env=dict(environment), capture_output=True, text=True
        )
        return Completed(completed.returncode, completed.stdout, completed.stderr)
    lines: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
    return Completed(process.returncode, "".join(lines), "")


def _parse_json(output: str, source: str) -> Any:
    try:
        return json.loads(output) if output.strip() else None
    except json.JSONDecodeError as error:
        raise StepFailed(f"The output of {source} is not valid JSON: {output[:200]}") from error


def _last_error(output: str) -> str:
    """Return the last line that az or func marks as an error; empty if none is."""
    errors = (line.strip() for line in reversed(output.splitlines()))
    return next((line for line in errors if line.lower().startswith("error")), "")


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
