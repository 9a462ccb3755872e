"""The streamer's Dockerfile, parsed into stages and steps that can be run without Docker."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, Self

ROOT = Path(__file__).parents[2]
FILE = ROOT / "streamer" / "Dockerfile"


class Step(NamedTuple):
    """One instruction: its keyword, its options (``--from=...``), and the rest."""

    word: str
    options: dict[str, str]
    rest: str

    @property
    def parts(self) -> list[str]:
        """The rest as a list, from its JSON form or split at spaces."""
        if self.rest.startswith("["):
            parts: list[str] = json.loads(self.rest)
            return parts
        return self.rest.split()


class Dockerfile:
    """The stages of a Dockerfile. The last one is the image."""

    def __init__(self, text: str) -> None:
        self.stages: dict[str, list[Step]] = {}
        self.arguments: dict[str, str] = {}
        stage = ""
        joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
        for line in filter(None, map(str.strip, joined.splitlines())):
            word, rest = line.split(maxsplit=1)
            options = dict(re.findall(r"--([a-z-]+)=(\S+)", rest.split('"')[0].split("[")[0]))
            rest = re.sub(r"^(--[a-z-]+=\S+\s+)+", "", rest)
            step = Step(word.upper(), options, rest)
            if step.word == "ARG" and not stage:
                # Before the first stage: what its FROM, and those of all others, may name.
                argument, _, value = rest.partition("=")
                self.arguments[argument] = value
                continue
            if step.word == "FROM":
                name = re.search(r"\bAS\s+(\S+)", rest, re.IGNORECASE)
                stage = name.group(1) if name else "image"
            self.stages.setdefault(stage, []).append(step)

    def base(self, stage: str) -> str:
        """Return the image or stage that a stage begins with, with the default of its argument."""
        base = self.stages[stage][0].parts[0]
        return re.sub(r"\$\{(\w+)\}", lambda match: self.arguments[match[1]], base)

    @classmethod
    def read(cls) -> Self:
        """Read the streamer's Dockerfile."""
        return cls(FILE.read_text())

    @property
    def image(self) -> list[Step]:
        """The last stage's steps."""
        return list(self.stages.values())[-1]

    def of(self, word: str) -> list[Step]:
        """Return the image's steps with a keyword."""
        return [step for step in self.image if step.word == word]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that ENV sets in the image."""
        pairs = (re.findall(r'(\w+)=("[^"]*"|\S+)', step.rest) for step in self.of("ENV"))
        return {name: value.strip('"') for step_pairs in pairs for name, value in step_pairs}

    def build(self, roots: Path, python: str) -> Path:
        """Run the steps as written, each stage in its own folder instead of a container.

        The last stage's RUN is skipped: it would create a user on this machine.

        Args:
            roots: Folder for the stages' root folders.
            python: Used in place of the base image's Python.

        Returns:
            The image's root folder.

        Raises:
            CalledProcessError: A RUN step failed.
        """
        stage_roots: dict[str, Path] = {}
        for name, steps in self.stages.items():
            root = stage_roots[name] = roots / name
            root.mkdir()
            base = next(step for step in steps if step.word == "FROM").parts[0]
            if base in stage_roots:
                shutil.copytree(stage_roots[base], root, symlinks=True, dirs_exist_ok=True)
            workdir = "/"
            for step in steps:
                if step.word == "WORKDIR":
                    workdir = step.rest
                    inside(root, workdir).mkdir(parents=True, exist_ok=True)
                elif step.word == "COPY":
                    source = stage_roots.get(step.options.get("from", ""), ROOT)
                    _copy(step.parts, source, root, workdir)
                elif step.word == "RUN" and steps is not self.image:
                    command = at(root, step.rest).replace("python -m venv", f"{python} -m venv")
                    subprocess.run(
                        ["sh", "-euc", command],
                        cwd=inside(root, workdir),
                        check=True,
                        capture_output=True,
                        timeout=300,
                    )
        return root


def inside(root: Path, path: str) -> Path:
    """Return where a path of the container is on this machine."""
    return root / path.lstrip("/")


def at(root: Path, command: str) -> str:
    """Return a command whose absolute paths of the container are below ``root``."""
    return re.sub(r"(?<![\w.:/-])/(opt|app|spool|build)\b", rf"{root}/\1", command)


def _copy(parts: list[str], source: Path, root: Path, workdir: str) -> None:
    *names, target = parts
    destination = inside(root, target if target.startswith("/") else f"{workdir}/{target}")
    for name in names:
        origin = source / name.lstrip("/")
        if origin.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(origin, destination, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            is_folder = target.endswith(("/", "."))
            copy = destination / origin.name if is_folder else destination
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, copy)
