"""``python -m infra.bicep``: compiles, lints and checks the formatting of all Bicep files.

The Bicep CLI exits with 0 on a warning; here, a warning fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent

ENVIRONMENT = {"STREAMER_IMAGE": "registry.example/streamer:tag"}
"""Variables that the parameters read without a default. Any image will do to compile them."""


def find_cli() -> str | None:
    """Return the CLI: from ``BICEP``, else on PATH, else ``../shared/tools/bicep``, else None."""
    if cli := os.environ.get("BICEP"):
        return cli
    shared = FOLDER.parents[1] / "shared" / "tools" / "bicep"
    return shutil.which("bicep") or (str(shared) if shared.is_file() else None)


def check(cli: str, folder: Path = FOLDER) -> list[str]:
    """Return all problems in a folder: errors, warnings, and files that are not formatted."""
    # Matches .bicep and .bicepparam.
    problems = _diagnose(cli, "lint", "--pattern", f"{folder}/**/*.bicep*")
    with TemporaryDirectory() as temporary:
        copy = copy_templates(folder, Path(temporary))
        problems += _diagnose(cli, "format", "--pattern", f"{copy}/**/*.bicep*")
        for file in folder.rglob("*.bicep*"):
            if (copy / file.relative_to(folder)).read_text() != file.read_text():
                problems.append(f"{file}: not formatted; run bicep format on it")
    return sorted(set(problems))


def copy_templates(folder: Path, parent: Path) -> Path:
    """Copy the Bicep files of a folder to a new folder in ``parent``, and return it."""
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "*.snapshot.json")
    return Path(shutil.copytree(folder, parent / folder.name, ignore=ignored))


def _diagnose(cli: str, *arguments: str) -> list[str]:
    """Run the CLI, and return the lines of its diagnostics."""
    completed = subprocess.run(
        [cli, *arguments],
        check=False,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    diagnostics = completed.stderr.strip().splitlines()
    if completed.returncode and not diagnostics:
        return [f"bicep {arguments[0]} failed with exit code {completed.returncode}"]
    return diagnostics


def main() -> int:
    """Check everything. Returns 0 if all is well or the CLI is not installed, else 1."""
    cli = find_cli()
    if cli is None:
        print(
            "infra: NOT checked, the Bicep CLI is not installed "
            "(set BICEP, or run az bicep install)"
        )
        return 0
    problems = check(cli)
    print("\n".join(problems) or "infra: all Bicep files compile and lint without a warning")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
