"""What the steps stand on: other programs, HTTP, patience, and failures that say what to do."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]

_HTTP_SECONDS = 30

# A question in the middle of a step would wait for an answer that nobody sees it wants.
_ENVIRONMENT = {"AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "yes_without_prompt"}


class StepFailed(RuntimeError):
    """Raised when a step cannot be done; the text says why, ``advice`` what to do about it."""

    def __init__(self, why: str, advice: str = "") -> None:
        super().__init__(why)
        self.advice = advice


class Shell:
    """Runs az and func; ``pause`` are the seconds between looks at what is not ready yet."""

    def __init__(self, subscription: str, pause: float) -> None:
        self.subscription = subscription
        self.pause = pause

    def need(self, *programs: str) -> None:
        """Raises StepFailed where a program is not installed."""
        for program in programs:
            if shutil.which(program) is None:
                raise StepFailed(f"{program} is not installed", INSTALL[program])

    def az(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Run az, and show what it says. Raises StepFailed."""
        self._run(self._az(arguments), env, show=True)

    def ask(self, *arguments: str) -> Any:
        """What az answers, as JSON; None where it answers nothing. Raises StepFailed."""
        said = self._run([*self._az(arguments), "--output", "json"], None, show=False)
        try:
            return json.loads(said) if said.strip() else None
        except json.JSONDecodeError as error:
            raise StepFailed(
                f"az {' '.join(arguments[:3])} answered no JSON: {said[:200]}"
            ) from error

    def func(self, *arguments: str) -> None:
        """Run Functions Core Tools, and show what they say. Raises StepFailed."""
        scope = ["--subscription", self.subscription] if self.subscription else []
        self._run(["func", *arguments, *scope], None, show=True)

    def again(self, tries: int, what: str, attempt: Callable[[], Any]) -> Any:
        """Try until it works: what was just made takes a while to be true everywhere in Azure.

        Raises the last StepFailed.
        """
        for left in reversed(range(tries)):
            try:
                return attempt()
            except StepFailed as error:
                if not left:
                    raise
                say(f"  {what}: not yet ({str(error).splitlines()[0]}); {left} more tries")
                time.sleep(self.pause)
        raise AssertionError("tries must be at least 1")

    def _az(self, arguments: tuple[str, ...]) -> list[str]:
        scope = ["--subscription", self.subscription] if self.subscription else []
        return ["az", *arguments, *scope, "--only-show-errors"]

    def _run(self, command: list[str], env: Mapping[str, str] | None, *, show: bool) -> str:
        self.need(command[0])
        done = subprocess.run(  # noqa: S603 (programs that the user has installed)
            command,
            cwd=ROOT,
            env=os.environ | _ENVIRONMENT | dict(env or {}),
            stdout=None if show else subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            said = (done.stderr or "").strip()
            raise StepFailed(
                f"{' '.join(command[:4])} ... ended with {done.returncode}"
                + (f": {said}" if said else " (see above)")
            )
        return done.stdout or ""


INSTALL = {
    "az": "install the Azure CLI: https://learn.microsoft.com/cli/azure/install-azure-cli",
    "func": "install Azure Functions Core Tools 4: https://learn.microsoft.com/azure/azure-functions"
    "/functions-run-local",
}


def request(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, bytes]:
    """A status and a body, redirects not followed. Raises StepFailed where nothing answers."""
    parts = urlsplit(url)
    secure = parts.scheme in ("https", "wss")
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_HTTP_SECONDS)
    try:
        connection.request(method, parts.path or "/", body, dict(headers or {}))
        answer = connection.getresponse()
        # A WebSocket that was let in has no end to read up to.
        return answer.status, b"" if answer.status == 101 else answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepFailed(f"{method} {url}: {type(error).__name__}: {error}") from error
    finally:
        connection.close()


def expect(
    status: int,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """The body of an answer that must have this status. Raises StepFailed."""
    found, content = request(method, url, headers, body)
    if found != status:
        raise StepFailed(f"{method} {url} answered {found} instead of {status}")
    return content


def say(text: str) -> None:
    """Tell the user, in order with what the programs tell."""
    print(text, flush=True)


def consents(question: str) -> bool:
    """Whether the user says yes. Raises StepFailed where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise StepFailed("nobody is there to agree to it", "use --yes where no one can be asked")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
