"""The Bicep CLI: ``python -m infra.bicep`` compiles, lints and checks the form of all that is here.

Bicep itself lets warnings pass; here, whatever it says fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOLDER = Path(__file__).parent

# What streamer.bicepparam asks for; any image will do to compile it.
_ENVIRONMENT = {"STREAMER_IMAGE": "registry.example/streamer:tag"}


class BicepError(RuntimeError):
    """Raised when the CLI ends with an error; the text is what it said."""


def find() -> str | None:
    """The CLI: from ``BICEP``, else on PATH, else ``../shared/tools/bicep``, else None."""
    if named := os.environ.get("BICEP"):
        return named
    beside = FOLDER.parents[1] / "shared" / "tools" / "bicep"
    return shutil.which("bicep") or (str(beside) if beside.is_file() else None)


def run(
    cli: str, *arguments: str | Path, variables: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """What the CLI prints, and what it finds fault with. Raises BicepError."""
    done = subprocess.run(  # noqa: S603 (the CLI that the user chose)
        [cli, *map(str, arguments)],
        env=os.environ | _ENVIRONMENT | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise BicepError(done.stderr.strip() or f"bicep ended with {done.returncode}")
    return done.stdout, done.stderr.strip()


def build(cli: str, template: Path) -> dict[str, Any]:
    """The compiled template. Raises BicepError."""
    compiled: dict[str, Any] = json.loads(run(cli, "build", template, "--stdout")[0])
    return compiled


def snapshot(
    cli: str, parameters: Path, variables: Mapping[str, str], **where: str
) -> dict[str, Any]:
    """The resources that a deployment would make, with modules, loops and conditions resolved.

    ``variables`` are what the parameters read, ``where`` the options ``subscription_id``,
    ``resource_group`` and ``location``. Made in a copy, since the CLI writes beside the parameters.
    Raises BicepError.
    """
    options = [
        part for key, value in where.items() for part in (f"--{key.replace('_', '-')}", value)
    ]
    with TemporaryDirectory() as temporary:
        copied = _copy(parameters.parent, Path(temporary)) / parameters.name
        run(cli, "snapshot", copied, "--mode", "overwrite", *options, variables=variables)
        resources: dict[str, Any] = json.loads(copied.with_suffix(".snapshot.json").read_text())
    return resources


def faults(cli: str, folder: Path = FOLDER) -> list[str]:
    """All that is wrong in a folder: errors, warnings, and a form that is not Bicep's own."""
    found = _said(cli, "lint", "--pattern", f"{folder}/**/*.bicep")
    for parameters in sorted(folder.glob("*.bicepparam")):
        found += _said(cli, "build-params", parameters, "--outfile", os.devnull)
    with TemporaryDirectory() as temporary:
        formed = _copy(folder, Path(temporary))
        for kind in ("bicep", "bicepparam"):
            found += _said(cli, "format", "--pattern", f"{formed}/**/*.{kind}")
        for file in sorted([*folder.rglob("*.bicep"), *folder.rglob("*.bicepparam")]):
            if (formed / file.relative_to(folder)).read_text() != file.read_text():
                found.append(f"{file}: not in Bicep's own form (run bicep format on it)")
    return sorted(set(found))


def _copy(folder: Path, where: Path) -> Path:
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "*.snapshot.json")
    return Path(shutil.copytree(folder, where / folder.name, ignore=ignored))


def _said(cli: str, *arguments: str | Path) -> list[str]:
    try:
        _, said = run(cli, *arguments)
    except BicepError as error:
        said = str(error)
    return said.splitlines()


def main() -> int:
    """Check everything. Returns 0 when all is well, or when there is no CLI to ask; else 1."""
    cli = find()
    if cli is None:
        print("infra: NOT checked, there is no Bicep CLI (set BICEP, or `az bicep install`)")
        return 0
    found = faults(cli)
    print("\n".join(found) or "infra: all Bicep compiles and lints without a warning")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
