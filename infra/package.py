"""What is published with the function app: the files that .funcignore leaves, and their size."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from infra.shell import ROOT, StepFailed

# What Functions Core Tools leave out of themselves.
_NEVER = {".funcignore", ".gitignore", "appsettings.json", "local.settings.json"}
_NEVER_INSIDE = {".git", ".vscode"}


def files(root: Path = ROOT) -> list[Path]:
    """The files that ``func azure functionapp publish`` sends, relative to ``root``.

    .funcignore is read as Core Tools read it (their GitIgnoreParser), which is not git's way: a
    pattern is matched from the root only, up to the end of a word; a star stands for at least one
    character; a line with ``!`` wins over all others, wherever it is. Raises StepFailed.
    """
    try:
        lines = (root / ".funcignore").read_text().splitlines()
    except OSError as error:
        raise StepFailed(f".funcignore cannot be read: {error}") from error
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    left_out = _matching([p for p in patterns if not p.startswith("!")])
    let_in = _matching([p.removeprefix("!") for p in patterns if p.startswith("!")])
    found = []
    for folder, inside, names in os.walk(root):
        inside[:] = [name for name in inside if name not in _NEVER_INSIDE]
        for name in set(names) - _NEVER:
            file = (Path(folder) / name).relative_to(root)
            if let_in(file.as_posix()) or not left_out(file.as_posix()):
                found.append(file)
    return sorted(found)


def _matching(patterns: list[str]) -> Callable[[str], bool]:
    if not patterns:
        return lambda _: False
    spelled = (re.escape(pattern.removeprefix("/")) for pattern in patterns)
    stars = (p.replace(r"\*\*", ".+").replace(r"\*", "[^/]+") for p in spelled)
    matcher = re.compile(rf"(?:{'|'.join(stars)})\b", re.ASCII)
    return lambda path: matcher.match(path) is not None


def size(root: Path = ROOT) -> int:
    """How many bytes the zip file has that is sent; the packages are added in Azure."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for file in files(root):
            package.write(root / file, file)
    return buffer.tell()
