"""Each example runs: the bulk export and the quality report on the system, and the receiver."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import callaudio
import httpx
import nbformat
import pytest
from callaudio import AsyncClient, PlaceCall
from nbclient import NotebookClient
from standardwebhooks import Webhook
from traitlets.config import Config

from local.up import ROOT, Up

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = ROOT / "examples"
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


async def test_no_example_is_left_out() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert names == {"README.md", "bulk_export.py", "quality_report.ipynb", "webhook_receiver.py"}


@pytest.fixture(scope="module")
def environment(up: Up) -> dict[str, str]:
    return os.environ | {
        "CALLAUDIO_URL": up.addresses.app,
        "CALLAUDIO_KEY": up.addresses.function_key,
        "PYTHONPATH": str(Path(callaudio.__file__).parents[1]),
    }


async def _make_call(up: Up, tag: str) -> str:
    """Place a call with this tag and end it; return its id."""
    body = PlaceCall(to="+15551230000", from_="+15559990000", channels="unmixed", tags=[tag])
    async with AsyncClient(up.addresses.app, up.addresses.function_key) as client:
        call = (await client.place_call(body=body)).call_connection_id
        for _ in range(600):
            if (await client.show_call(call)).landed_segments:
                break
            await asyncio.sleep(0.2)
        await client.hang_up(call)
        await client.wait_until_final(call, timeout=120, interval=0.2)
    return call


async def _run(name: str, *options: str, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / name), *options),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_export_and_report(
    up: Up, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await _make_call(up, "examples")
    options = ["--tag", "examples", "--output", str(tmp_path)]
    assert f"{call} new" in await _run("bulk_export.py", *options, environment=environment)
    with zipfile.ZipFile(tmp_path / f"{call}.zip") as archive:
        assert archive.testzip() is None
    assert f"{call} there" in await _run("bulk_export.py", *options, environment=environment)

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(  # type: ignore[no-untyped-call]
        EXAMPLES / "quality_report.ipynb", as_version=4
    )
    assert not any(cell.get("outputs") for cell in notebook.cells), "checked in without outputs"
    # Sockets in a folder: nobody else can take them between their choice and the kernel's start.
    with tempfile.TemporaryDirectory() as folder:
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})
        client = NotebookClient(notebook, timeout=240, startup_timeout=240, config=config)
        await client.async_execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    printed = "".join(output.get("text", "") for output in outputs)
    assert int(printed.split()[0]) >= 1, "calls with audio"
    # The session's other calls may be worse than this test's.
    assert re.search(r"^[\w-]{36}: [\d.]+ s$", printed, re.MULTILINE)


async def test_the_receiver_keeps_each_event_once(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / "webhook_receiver.py"), "--port", "0"),
        *("--database", str(tmp_path / "events.sqlite3")),
        env=os.environ | {"WEBHOOK_SECRET": SECRET, "PYTHONPATH": str(ROOT / "clients/python")},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        address = (await asyncio.wait_for(process.stdout.readline(), 120)).decode().split()[-1]
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            statuses = [
                await _post(client, "e1", "call.streaming"),
                await _post(client, "e1", "call.streaming"),
                await _post(client, "e2", "call.final", secret="whsec_" + "A" * 43 + "="),
                await _post(client, "e3", "call.final"),
            ]
            unsigned = await client.post("/", content=b"{}")
        assert statuses == [204, 204, 401, 204]
        assert unsigned.status_code == 401
        lines = [await asyncio.wait_for(process.stdout.readline(), 120) for _ in range(2)]
        assert lines == [b"call.streaming e1\n", b"call.final e3\n"]
    finally:
        process.kill()
        await process.wait()


async def _post(client: httpx.AsyncClient, id_: str, type_: str, secret: str = SECRET) -> int:
    """Post an event as the app does; return the receiver's status."""
    body = json.dumps({"specversion": "1.0", "id": id_, "type": type_, "source": "/"})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, now, body),
    }
    return (await client.post("/", content=body, headers=headers)).status_code
