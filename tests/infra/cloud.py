"""One stand-in for Azure, and ``infra/deploy`` and ``infra/destroy`` run against it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from unittest import mock

import infra.deploy
import infra.destroy
import infra.shell
from infra.deployment import OUTPUTS
from infra.shell import ROOT, Completed
from infra.steps import PROVIDERS
from infra.variables import list_variables

from . import stand_in

NEW_GROUP = ("--location", "westeurope", "--yes")
"""Options of a first run."""

OLD_REVISION = {"name": "ca-streamer--old", "image": "crcalls.azurecr.io/streamer:0"} | {
    "active": True
}
NEW_REVISION = OLD_REVISION | {"name": "ca-streamer--new"}

PARAMETERS = {
    variable.parameter: variable.default for variable in list_variables("main", "subscriptions")
}
"""The parameters of main.bicep, if no variable is set."""


def record(name: str, state: str = "Succeeded", **parameters: str) -> dict[str, Any]:
    """A deployment that Azure knows."""
    return {"name": name, "state": state, "time": f"2026-11-25/{name}", "parameters": parameters}


PROVISIONED: dict[str, Any] = {
    "group": "rg-calls",
    "records": [record("main", **PARAMETERS)],
    "in_place": dict.fromkeys(("communication", "storage", "app", "alerts", "topic"), PARAMETERS),
}
"""The state after the step ``provision``."""

DEPLOYED: dict[str, Any] = PROVISIONED | {
    "records": [*PROVISIONED["records"], record("streamer"), record("subscriptions")],
    "images": ["streamer:0"],
    "revisions": [OLD_REVISION],
    "live": OLD_REVISION["name"],
    "published": True,
}
"""The state after a run with an older image."""


HEALTHY = b'{"streams": 0}'
"""The response of a healthy system without calls."""


KEY = "the-key-of-default"
"""The function key of the stand-in's app."""


ACS_HEALTH: dict[str, Any] = {
    "check": "require",
    "require_is_safe": True,
    "setting": None,
    "advice": [],
}
"""What the stand-in's app says of ACS's tokens."""


class Addresses(NamedTuple):
    """Where a deployed system answers, and a function key that it accepts."""

    app: str
    streamer: str
    key: str


class Cloud:
    """A stand-in for Azure, whose state is a file.

    Args:
        folder: For the state and the stand-in's programs.
        addresses: The system that answers for what is deployed.
    """

    def __init__(self, folder: Path, addresses: Addresses) -> None:
        self.file = folder / "state.json"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("az", "func", "azd"):
            self._write_program(tool)
        outputs = {name: name.lower().replace("_", "-") for name in OUTPUTS}
        outputs |= {
            "FUNCTION_APP_URL": addresses.app,
            "STREAMER_URL": addresses.streamer,
            "STREAMER_NAME": "ca-streamer",
            "REGISTRY_SERVER": "crcalls.azurecr.io",
        }
        self.state = {
            "log": [],
            "fail": [],
            "group": "",
            # Azure spells this one in lower case.
            "providers": [
                p.replace("Microsoft.Insights", "microsoft.insights") for p in PROVIDERS[1:]
            ],
            "records": [],
            "count": 0,
            "in_place": {},
            "versions": {"az": "2.91.0", "bicep": "0.49.2", "func": "4.15.1", "azd": "1.25.0"},
            # The clock, when the role assignments take effect, and how long that takes.
            "seconds": 0,
            "roles_from": None,
            "role_delay": 0,
            # What az answers to some commands, instead of what follows from the state.
            "answers": {},
            "no_capacity": False,
            "rate_limited": 0,
            "token": "",
            "images": [],
            "revisions": [],
            "live": "",
            "split": {},
            "replicas": 2,
            "published": False,
            "subscribed": "",
            "keys": {"default": addresses.key},
            "functions": [
                "analyse_segment",
                "answer_incoming_call",
                "assemble_call",
                "place_call",
            ],
            "outputs": outputs,
            "fqdn": addresses.streamer.partition("://")[2],
        }

    def _write_program(self, tool: str) -> None:
        # Without site-packages, and from compiled code: it starts in a third of the time.
        code = f"import sys; sys.path.insert(0, '{ROOT}'); "
        code += "from tests.infra import stand_in; sys.exit(stand_in.main())"
        script = self.bin / tool
        script.write_text(
            f'#!/bin/sh\nexec {sys.executable} -IS -c "{code}" {self.file} {tool} "$@"\n'
        )
        script.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.file.read_text())
        return state

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(state))

    def set(self, **changes: Any) -> None:
        """Change the state, and empty the log."""
        self.state = self.state | {"log": []} | changes

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that uses this cloud."""
        names = ("AZURE_RESOURCE_GROUP", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID", *OUTPUTS)
        environment = {name: value for name, value in os.environ.items() if name not in names}
        return environment | {"PATH": f"{self.bin}{os.pathsep}{environment['PATH']}"}

    def deploy(self, *arguments: str, **environment: str) -> Completed:
        """Run infra/deploy in this process: no program is started."""
        return self._run_main(
            partial(infra.deploy.main, sleep=self.sleep, scheme="http"), [*arguments], environment
        )

    def sleep(self, seconds: float) -> None:
        """Let time pass, in this cloud only."""
        state = self.state
        self.state = state | {"seconds": state["seconds"] + seconds}

    def destroy(self, *arguments: str) -> Completed:
        """Run infra/destroy in this process."""
        return self._run_main(infra.destroy.main, [*arguments], {})

    def run(
        self,
        program: str | Path,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        env: dict[str, str] | None = None,
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as a user does."""
        return subprocess.run(
            [program, *arguments],
            cwd=ROOT if program == "azd" else self.file.parent,
            env=self.environment | (env or {}) | variables,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def _run_main(
        self,
        main: Callable[[list[str]], int],
        arguments: list[str],
        environment: dict[str, str],
    ) -> Completed:
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment | environment, clear=True),
            mock.patch.object(infra.shell, "execute", self.execute),
            mock.patch.object(sys, "stdin", io.StringIO()),
            redirect_stdout(stdout),
            redirect_stderr(stderr),
        ):
            try:
                returncode = main(arguments)
            except SystemExit as error:
                returncode = int(error.code or 0)
        return Completed(returncode, stdout.getvalue(), stderr.getvalue())

    def execute(
        self, command: list[str], environment: Mapping[str, str], *, show: bool
    ) -> Completed:
        """In the place of infra.shell.execute: no program is started."""
        completed = stand_in.run(self.file, command[0], command[1:], environment)
        if show:
            sys.stdout.write(completed.stdout + completed.stderr)
        return Completed(*completed)

    @property
    def succeeded(self) -> list[str]:
        """The names of the deployments that succeeded."""
        return [r["name"] for r in self.state["records"] if r["state"] == "Succeeded"]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters with which the function app was last deployed."""
        parameters: dict[str, str] = self.state["in_place"]["app"]
        return parameters

    @property
    def commands(self) -> list[str]:
        """The words of each logged command, with the template where there is one."""
        return [
            " ".join(
                [
                    tool,
                    *takewhile(lambda word: not word.startswith("--"), arguments),
                    *re.findall(r"(\w+)\.bicepparam", " ".join(arguments)),
                ]
            )
            for tool, *arguments in self.state["log"]
        ]

    def find_command(self, start: str) -> list[str]:
        """Return the one logged command that starts like this, with all its arguments."""
        (command,) = (line for line in self.state["log"] if " ".join(line).startswith(start))
        arguments: list[str] = command
        return arguments


refusals_left = 0
"""How many further requests with a valid key are answered 401, as after the host's start."""


def _take_refusal() -> bool:
    global refusals_left
    refused = refusals_left > 0
    refusals_left -= refused
    return refused


class _Answers(BaseHTTPRequestHandler):
    """Answers as an app and a streamer without calls, to requests without credentials."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        signed = path == "/api/v1/calls" and self.headers["x-functions-key"] == KEY
        if signed and _take_refusal():
            signed = False
        public = path in ("/api/v1/health", "/healthz", "/readyz")
        body = HEALTHY if public else b""
        if path == "/api/v1/health/acs" and self.headers["x-functions-key"] == KEY:
            signed, body = True, json.dumps(ACS_HEALTH).encode()
        self.send_response(200 if public or signed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def serve(handler: type[BaseHTTPRequestHandler] = _Answers) -> Iterator[str]:
    """Serve on a free port until closed, and yield the address without its scheme."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
