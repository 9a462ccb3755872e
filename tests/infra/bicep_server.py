"""The Bicep CLI as a server: it takes seconds to start, and a fraction of one to answer.

It speaks JSON-RPC over its standard input and output (``bicep jsonrpc --stdio``).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra import bicep

_METADATA = {
    "tenantId": None,
    "subscriptionId": "00000000-0000-4000-8000-000000000001",
    "resourceGroup": "rg-calls",
    "location": "westeurope",
    "deploymentName": None,
}


class BicepServer:
    """Compiles the templates of ``infra/``, in a copy; each state of the files only once.

    Answers are kept in a folder that all test workers share, so that only the first one that asks
    has to wait.
    """

    def __init__(self, cli: str, cache: Path) -> None:
        self.cli = cli
        self._cache = cache
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary = TemporaryDirectory()
        self._folder = bicep.copy_templates(bicep.FOLDER, Path(self._temporary.name))
        digest = hashlib.sha256(json.dumps([cli, _METADATA]).encode())
        for file in sorted(self._folder.rglob("*.bicep*")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        self._state = digest.hexdigest()

    def close(self) -> None:
        """Stop the CLI."""
        if self._process is not None:
            self._process.communicate(timeout=30)
        self._temporary.cleanup()

    def build(self, name: str) -> dict[str, Any]:
        """Return the compiled template."""
        request = {"path": str(self._folder / f"{name}.bicep")}
        return self._cached(
            f"build {name}", lambda: self._call("bicep/compile", request, "contents")
        )

    def snapshot(self, name: str, **variables: str) -> dict[str, Any]:
        """Return the resources that a template would create, with its own parameter file.

        Modules, loops and conditions are resolved. ``variables`` are environment variables that
        the parameter file reads.
        """
        return self._cached(
            f"snapshot {name} {sorted(variables.items())}",
            lambda: self._snapshot(name, variables),
        )

    def _snapshot(self, name: str, variables: dict[str, str]) -> str:
        parameters = self._folder / f"{name}.bicepparam"
        if variables:
            # The server's environment cannot change while it runs.
            text = set_variables(parameters.read_text(), variables)
            parameters = parameters.with_stem(f"{name}-with-variables")
            parameters.write_text(text)
        request = {"path": str(parameters), "metadata": _METADATA, "externalInputs": None}
        return self._call("bicep/getSnapshot", request, "snapshot")

    def _cached(self, question: str, ask: Callable[[], str]) -> dict[str, Any]:
        key = hashlib.sha256(f"{self._state} {question}".encode()).hexdigest()
        file = self._cache / f"{key}.json"
        with _locked(self._cache / "lock"):
            if not file.exists():
                incomplete = file.with_suffix(".incomplete")
                incomplete.write_text(ask())
                incomplete.rename(file)
        answer: dict[str, Any] = json.loads(file.read_text())
        return answer

    def _call(self, method: str, params: dict[str, Any], member: str) -> str:
        """Return a member of the result."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        process.stdin.flush()
        headers = b"".join(iter(process.stdout.readline, b"\r\n"))
        length = re.search(rb"Content-Length: (\d+)", headers)
        assert length is not None, f"bicep jsonrpc ended: {headers!r}"
        response = json.loads(process.stdout.read(int(length.group(1))))
        assert "result" in response, response
        answer: str | None = response["result"][member]
        assert answer is not None, response
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.cli, "jsonrpc", "--stdio"],
            env=os.environ | bicep.ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )


def set_variables(text: str, variables: dict[str, str]) -> str:
    """Return a parameter file with values in place of what it reads from its environment."""
    for variable, value in variables.items():
        assert "'" not in value
        call = rf"readEnvironmentVariable\('{variable}'(?:, '[^']*')?\)"
        text, count = re.subn(call, f"'{value}'", text)
        assert count, f"the parameter file does not read {variable}"
    return text


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
