"""What is published with the function app: the files that .funcignore leaves, and their size."""

from __future__ import annotations

import subprocess
import zipfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.shell import ROOT, StepFailed


def files(root: Path = ROOT) -> list[Path]:
    """The files that ``func azure functionapp publish`` sends, relative to ``root``.

    .funcignore has .gitignore's syntax, and git itself reads it: to a repository that holds
    nothing, every file is one that git does not know, and only .funcignore says what to leave out.
    Raises StepFailed.
    """
    listing = ["ls-files", "-z", "--others", f"--exclude-from={root / '.funcignore'}"]
    with TemporaryDirectory() as empty:
        _git(["git", "init", "--quiet", empty], root)
        named = _git(["git", f"--git-dir={empty}/.git", f"--work-tree={root}", *listing], root)
    return sorted(Path(name) for name in named.split("\0") if name)


def _git(command: list[str], root: Path) -> str:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise StepFailed(f"git cannot list the files: {done.stderr.strip()}")
    return done.stdout


def size(root: Path = ROOT) -> int:
    """How many bytes the zip file has that is sent; the packages are added in Azure."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for file in files(root):
            package.write(root / file, file)
    return buffer.tell()
