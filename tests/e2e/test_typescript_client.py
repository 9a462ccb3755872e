"""The TypeScript client is compiled, strictly, and makes a call under Node.js."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from local.up import ROOT, Up

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIENT = ROOT / "clients" / "typescript"
MODULES = ROOT / "node_modules"


async def _run(*command: str, cwd: Path, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_a_call_from_typescript(up: Up, tmp_path: Path) -> None:
    shutil.copytree(CLIENT, tmp_path / "client", ignore=shutil.ignore_patterns("node_modules"))
    tour = ROOT / "tests" / "clients" / "typescript" / "tour.ts"
    shutil.copy(tour, tmp_path / "client" / "src")
    (tmp_path / "node_modules").symlink_to(MODULES)
    await _run(str(MODULES / ".bin" / "tsc"), "-p", "client", cwd=tmp_path)
    addresses = {"URL": up.addresses.app, "KEY": up.addresses.function_key}
    printed = await _run("node", "client/dist/tour.js", cwd=tmp_path, **addresses)
    document = json.loads(printed)
    assert document["tracks"] == ["p1", "p2"]
    assert document["id"] in document["listed"]
    assert document["code"] == "call_not_found"
