"""The commands in docs/http-api.md work as written."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from local import verify
from local.client import AppClient, is_assembled, streaming_is
from local.up import Up
from tests.e2e.ringing import wait_for_deliveries

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "http-api.md").read_text()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    """As `make up` gives it, transcripts and all."""
    async with Up(use_free_ports=True) as running:
        yield running


@pytest.mark.asyncio(loop_scope="session")
async def test_its_curl_lines_work_as_written(up: Up, app: AppClient, tmp_path: Path) -> None:
    block = next(b for b in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL) if "# Place" in b)
    lines = block[block.index("# Place") :].replace("http://127.0.0.1:7071", up.addresses.app)
    # With -f, curl fails for any status from 400 on.
    script = "set -euo pipefail\n" + lines.replace("curl -s", "curl -fsS")
    ran = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"KEY": up.addresses.function_key},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stderr
    call = json.loads((tmp_path / "call.json").read_text())["call_connection_id"]
    record = await app.show(call)
    assert is_assembled(record, 2), "both streams"
    contexts = [event.get("operation_context") for event in record["events"]]
    assert "second part" in contexts
    timeline = json.loads((tmp_path / "timeline.json").read_text())
    assert timeline["result_state"] == "final"
    tracks = [track["participant"] for track in timeline["tracks"]]
    sent = await verify.fetch_sent(up.addresses.acs_endpoint, call)
    assert len(sent) == 2
    verify.compare_recording(sent, (tmp_path / "call.wav").read_bytes(), tracks)
    # What was said comes last, and is waited for.
    speaker = r"(Robin Ray \(\+15551230000\)|Support \(\+15559990000\))"
    assert re.search(rf"\[00:00:\d\d\.\d+\] {speaker}: \w", ran.stdout), ran.stdout
    utterances = (await app.transcript(call))["utterances"]
    assert {utterance["locale"] for utterance in utterances} == {"en"}, "what Whisper heard"


@pytest.mark.asyncio(loop_scope="session")
async def test_its_example_simulates_an_incoming_call(up: Up, app: AppClient) -> None:
    (line,) = re.findall(r"```sh\n(.*/emulator/incoming.*)\n```", DOCUMENT)
    ran = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", line.replace("http://127.0.0.1:8090", up.addresses.acs_endpoint)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    async with aiohttp.ClientSession(up.addresses.acs_endpoint) as emulator:
        ring = await wait_for_deliveries(emulator, json.loads(ran.stdout)["id"])
    call = ring["call_connection_id"]
    record = await app.until(call, streaming_is("active"), "it is answered and streamed")
    assert record["direction"] == "incoming"
    await app.hang_up(call)
