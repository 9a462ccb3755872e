"""``python -m local.sbom``: the software bills of materials of the two programs that are deployed.

They are CycloneDX documents of the pinned packages with their hashes, as ``requirements.txt`` has
them. Azurite and the other tools of development are not deployed and not listed; neither is the
streamer's base image, whose digest is in its Dockerfile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

PROGRAMS = {
    "function-app": ROOT / "requirements.txt",
    "streamer": ROOT / "streamer" / "requirements.txt",
}
"""The deployed programs and the packages that are installed with each."""


def write_sboms(folder: Path) -> list[Path]:
    """Write a valid document for each program; the same packages give the same bytes.

    Raises subprocess.CalledProcessError where the tool finds a file or its own output invalid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for program, requirements in PROGRAMS.items():
        file = folder / f"{program}.cdx.json"
        options = ["--output-reproducible", "--validate", "--output-format", "JSON"]
        command = [sys.executable, "-m", "cyclonedx_py", "requirements", *options]
        subprocess.run([*command, "--output-file", file, requirements], check=True)
        files.append(file)
    return files


def main(arguments: list[str] | None = None) -> int:
    """Write the documents and print their paths."""
    parser = argparse.ArgumentParser(prog="python -m local.sbom", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "sbom")
    for file in write_sboms(parser.parse_args(arguments).folder):
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
