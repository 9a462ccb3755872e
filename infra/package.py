"""The function app's package: the files that .funcignore lets through, and their size."""

from __future__ import annotations

import os
import re
import zipfile
from io import BytesIO
from pathlib import Path

from infra.shell import ROOT, StepFailed

# Functions Core Tools exclude these regardless of .funcignore.
_EXCLUDED_FILES = {".funcignore", ".gitignore", "appsettings.json", "local.settings.json"}
_EXCLUDED_FOLDERS = {".git", ".vscode"}


class FuncIgnore:
    """The rules of a .funcignore file, as Functions Core Tools read it (their GitIgnoreParser).

    They differ from git's: a pattern matches from the root only, up to the end of a word; a star
    stands for at least one character; a line with ``!`` wins over all others, wherever it is.
    """

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._excluded = _compile([p for p in patterns if not p.startswith("!")])
        included = [p.removeprefix("!") for p in patterns if p.startswith("!")]
        self._included = _compile(included)
        self._prefixes = [p.removeprefix("/").partition("*")[0] for p in included]

    def excludes(self, path: str) -> bool:
        """Whether a file is left out; ``path`` is relative to the root, with slashes."""
        return not _matches(self._included, path) and _matches(self._excluded, path)

    def excludes_folder(self, path: str) -> bool:
        """Whether everything in a folder is surely left out, so that it need not be searched."""
        inside = f"{path}/"
        return _matches(self._excluded, inside) and not any(
            prefix.startswith(inside) or inside.startswith(prefix) for prefix in self._prefixes
        )


def list_files(root: Path = ROOT) -> list[Path]:
    """Return what ``func azure functionapp publish`` sends: files, relative to ``root``.

    Raises StepFailed if there is no .funcignore.
    """
    try:
        rules = FuncIgnore((root / ".funcignore").read_text())
    except OSError as error:
        raise StepFailed(f".funcignore cannot be read: {error}") from error
    files = []
    for folder, subfolders, names in os.walk(root):
        parent = Path(folder).relative_to(root)
        subfolders[:] = [
            name
            for name in subfolders
            if name not in _EXCLUDED_FOLDERS
            and not rules.excludes_folder((parent / name).as_posix())
        ]
        files += [
            parent / name
            for name in set(names) - _EXCLUDED_FILES
            if not rules.excludes((parent / name).as_posix())
        ]
    return sorted(files)


def zip_size(root: Path = ROOT) -> int:
    """Return the size in bytes of the zip file that is sent. Azure adds the Python packages."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in list_files(root):
            archive.write(root / file, file)
    return buffer.tell()


def _compile(patterns: list[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    escaped = (re.escape(pattern.removeprefix("/")) for pattern in patterns)
    stars = (p.replace(r"\*\*", ".+").replace(r"\*", "[^/]+") for p in escaped)
    return re.compile(rf"(?:{'|'.join(stars)})\b", re.ASCII)


def _matches(pattern: re.Pattern[str] | None, path: str) -> bool:
    return pattern is not None and pattern.match(path) is not None
