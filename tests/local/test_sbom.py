"""The software bills of materials list every package that is deployed, as it is pinned."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local import sbom


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tool has validated them against CycloneDX's schema, or it would have failed."""
    folder = tmp_path_factory.mktemp("sbom")
    assert sbom.main([str(folder)]) == 0
    return {program: folder / f"{program}.cdx.json" for program in sbom.PROGRAMS}


@pytest.mark.parametrize("program", sbom.PROGRAMS)
def test_every_pinned_package_is_listed_with_its_hashes(
    documents: dict[str, Path], program: str
) -> None:
    document: dict[str, Any] = json.loads(documents[program].read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {
        (component["name"].lower(), component["version"]): {
            digest["content"]
            for reference in component["externalReferences"]
            for digest in reference.get("hashes", [])
        }
        for component in document["components"]
    }
    pinned: dict[tuple[str, str], set[str]] = {}
    for block in re.split(r"\n(?=\S)", sbom.PROGRAMS[program].read_text()):
        if name := re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", block):
            digests = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
            pinned[name.group(1).lower(), name.group(2)] = digests
    assert len(pinned) > 5
    assert listed == pinned
