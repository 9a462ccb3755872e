"""``python -m clients.generate``: generate both clients from the app's OpenAPI document.

The generators are pinned with the other development packages. Their output is checked in, so that a
user needs none of them, and a test generates it again and compares.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from calls.http.openapi import document

Json = dict[str, Any]

CLIENTS = Path(__file__).parent
PYTHON = CLIENTS / "python" / "callaudio" / "generated"
TYPESCRIPT = CLIENTS / "typescript" / "src" / "schema.ts"

_NOT_FOR_CLIENTS = {"receive_callbacks", "show_openapi", "show_console", "show_console_file"}
_OPTIONS = ("--root-types", "--default-non-nullable", "false")
"""Of openapi-typescript: names for the schemas; what has a default need not be sent."""

_FILES = {"show_transcript_as"}
"""Operations that the hand-written part downloads, although JSON is one of their formats."""


class GeneratorError(Exception):
    """Raised when a generator fails or warns; the text has its output."""


def main() -> int:
    """Write both clients."""
    write_python(PYTHON)
    write_typescript(TYPESCRIPT)
    return 0


def write_python(folder: Path) -> None:
    """Write the generated package into a folder, which need not exist. Raises GeneratorError."""
    bin_folder = Path(sys.executable).parent
    config = CLIENTS / "python"
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "openapi.json"
        source.write_text(json.dumps(for_python(document())))
        package = Path(temporary) / "generated"
        _run(
            [
                *(str(bin_folder / "openapi-python-client"), "generate", "--path", str(source)),
                *("--config", str(config / "generator.yaml"), "--meta", "none"),
                *("--custom-template-path", str(config / "templates")),
                *("--output-path", str(package), "--fail-on-warning"),
            ]
        )
        ruff = [str(bin_folder / "ruff")]
        options = ["--isolated", "--line-length", "100", "--quiet", "--no-cache", str(package)]
        _run([*ruff, "check", "--fix-only", "--select", "I,F401,W,UP", *options])
        _run([*ruff, "format", *options])
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(package, folder)


def write_typescript(file: Path) -> None:
    """Write the generated types into a file. Raises GeneratorError."""
    generator = CLIENTS.parent / "node_modules" / ".bin" / "openapi-typescript"
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "openapi.json"
        source.write_text(json.dumps(without(_NOT_FOR_CLIENTS, document())))
        _run([str(generator), str(source), "--output", str(file), *_OPTIONS])


def for_python(openapi: Json) -> Json:
    """Return what the Python client is generated from.

    Errors and what belongs to a transfer are the hand-written part's: conditions, ranges, HEAD.
    """
    reduced = without(_NOT_FOR_CLIENTS, openapi)
    for item in reduced["paths"].values():
        item.pop("head", None)
        for operation in item.values():
            operation["parameters"] = [
                parameter
                for parameter in operation.get("parameters", ())
                if parameter["name"] not in {"If-None-Match", "Range", "Last-Event-ID"}
            ]
            operation["responses"] = {
                status: response
                for status, response in operation["responses"].items()
                if status.startswith("2")
            }
            if operation["operationId"] in _FILES:
                operation["responses"]["200"]["content"].pop("application/json")
    return reduced


def without(operation_ids: set[str], openapi: Json) -> Json:
    """Return a copy of the document without some operations."""
    reduced = copy.deepcopy(openapi)
    paths: Json = {}
    for path, item in reduced["paths"].items():
        kept = {
            method: operation
            for method, operation in item.items()
            if operation["operationId"] not in operation_ids
        }
        if kept:
            paths[path] = kept
    return reduced | {"paths": paths}


def _run(command: list[str]) -> None:
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    if ran.returncode != 0:
        raise GeneratorError(f"{Path(command[0]).name} failed:\n{ran.stdout}{ran.stderr}")


if __name__ == "__main__":
    sys.exit(main())
