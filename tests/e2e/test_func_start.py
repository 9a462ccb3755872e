"""The app under Microsoft's own Functions host, where ``func`` is on PATH: a whole call.

Core Tools download their host, so they are seldom there; docs/local.md has the same by hand.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import shutil
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from azure.storage.blob import ContainerClient

from contract import names
from infra import package
from local import verify
from local.azurite import Azurite, create_containers
from local.child_process import ChildProcess, StartError
from local.client import AppClient, is_assembled, streaming_is
from local.ports import HOST, free_ports
from local.up import ACS_RESOURCE_ID, ROOT

pytestmark = [
    pytest.mark.skipif(
        not shutil.which("func"), reason="no func on PATH (npm install azure-functions-core-tools)"
    ),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
]

TRIGGERS = {names.SEGMENTS: "analyse_segment", names.MANIFESTS: "assemble_call"}
EXEC_FUNC = "import os, sys; os.execvp('func', ['func', *sys.argv[1:]])"
START_SECONDS = 240
"""The first start downloads the bundle of extensions."""


class System:
    """Addresses of what runs."""

    def __init__(self) -> None:
        ports = dict(zip(("app", "streamer", "acs"), free_ports(3), strict=True))
        self.app = f"http://{HOST}:{ports['app']}"
        self.streamer = f"ws://{HOST}:{ports['streamer']}"
        self.acs = f"http://{HOST}:{ports['acs']}"
        self.ports = ports


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Emulator, streamer and ``func start`` in a folder that has only the app's package."""
    system, key = System(), base64.b64encode(secrets.token_bytes(32)).decode()
    logs = tmp_path_factory.mktemp("logs")
    storage = azurite.connection_string
    await asyncio.to_thread(create_containers, storage)
    tokens = {
        "ACS_TOKEN_JWKS_URL": system.acs + "/calling/.well-known/acsopenidconfiguration",
        "ACS_TOKEN_AUDIENCE": ACS_RESOURCE_ID,
    }
    async with AsyncExitStack() as stack:

        async def launch(
            name: str, arguments: list[str], settings: dict[str, str], url: str, folder: Path = ROOT
        ) -> None:
            part = await ChildProcess.launch(
                name, arguments, settings, url, cwd=folder, log_dir=logs
            )
            stack.push_async_callback(part.stop)
            ends_at = asyncio.get_running_loop().time() + START_SECONDS
            while True:
                try:
                    await part.wait_until_healthy()
                except StartError:
                    if part.process.returncode is not None:
                        raise
                    if asyncio.get_running_loop().time() > ends_at:
                        raise
                else:
                    return

        emulator = ["-m", "local.emulator", "--port", str(system.ports["acs"]), "--speed", "8"]
        await launch(
            "emulator",
            [*emulator, "--resource-id", ACS_RESOURCE_ID],
            {"ACS_EMULATOR_ACCESS_KEY": key},
            system.acs + "/emulator/health",
        )
        streamer = {
            "PORT": str(system.ports["streamer"]),
            "AUDIO_STORAGE_CONNECTION_STRING": storage,
            "SPOOL_DIR": str(tmp_path_factory.mktemp("spool")),
            "SEGMENT_SECONDS": "5",
            "MEDIA_SPEED": "8",
            **tokens,
        }
        health_url = f"http://{HOST}:{system.ports['streamer']}/readyz"
        await launch("streamer", ["-m", "streamer"], streamer, health_url)
        values = json.loads((ROOT / "local.settings.example.json").read_text())["Values"] | {
            "AzureWebJobsStorage": storage,
            "AudioStorage": storage,
            "ACS_ENDPOINT": system.acs,
            "ACS_ACCESS_KEY": key,
            "CALLBACK_URL": system.app,
            "STREAMER_URL": system.streamer,
            **tokens,
        }
        folder = unpack(tmp_path_factory.mktemp("app"), values)
        # Core Tools run the worker with the Python that is first on PATH.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        arguments = ["-c", EXEC_FUNC, "start", "--port", str(system.ports["app"])]
        await launch("func", arguments, {"PATH": path}, system.app + "/api/v1/health", folder)
        yield system


def unpack(folder: Path, values: dict[str, str]) -> Path:
    """Put the app's package and its local settings into a folder, as ``func`` expects them."""
    for file in package.list_files():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, folder / file)
    settings = {"IsEncrypted": False, "Values": values}
    (folder / "local.settings.json").write_text(json.dumps(settings))
    return folder


async def announce(app: str, container: str, blob: str, url: str) -> None:
    """Tell the host of a new blob, as Event Grid does; Azurite sends no events."""
    event = {
        "id": uuid.uuid4().hex,
        "topic": "local",
        "subject": f"/blobServices/default/containers/{container}/blobs/{blob}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": datetime.now(UTC).isoformat(),
        "data": {"api": "PutBlob", "blobType": "BlockBlob", "url": url},
        "dataVersion": "",
        "metadataVersion": "1",
    }
    webhook = f"{app}/runtime/webhooks/blobs?functionName=Host.Functions.{TRIGGERS[container]}"
    headers = {"aeg-event-type": "Notification"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(webhook, json=[event], headers=headers) as response,
    ):
        assert response.status in (200, 202), await response.text()


async def list_blobs(azurite: Azurite, container: str, call: str) -> dict[str, str]:
    """The blobs of a call in a container, with their URLs."""

    def read() -> dict[str, str]:
        client = ContainerClient.from_connection_string(azurite.connection_string, container)
        blob_names = client.list_blob_names(name_starts_with=f"{call}/")
        return {name: client.get_blob_client(name).url for name in blob_names}

    return await asyncio.to_thread(read)


async def test_a_call_is_placed_recorded_and_assembled(system: System, azurite: Azurite) -> None:
    # Locally, the host asks for no key, and the app takes any for an Admin's.
    async with AppClient(system.app, "any") as app:
        placed = await app.place_call(to="+15551230000", **{"from": "+15559990000"})
        call = placed["call_connection_id"]
        await app.until(call, streaming_is("active"), "streaming starts")
        await asyncio.sleep(1)
        await app.hang_up(call)
        manifests: dict[str, str] = {}
        for _ in range(1500):
            manifests = await list_blobs(azurite, names.MANIFESTS, call)
            if manifests:
                break
            await asyncio.sleep(0.1)
        segments = await list_blobs(azurite, names.SEGMENTS, call)
        for container, created in ((names.SEGMENTS, segments), (names.MANIFESTS, manifests)):
            for blob, url in created.items():
                await announce(system.app, container, blob, url)
        record = await app.until(call, lambda r: is_assembled(r, 1), "the result")
        assert record["state"] == "disconnected"
        sent = await verify.fetch_sent(system.acs, call)
        assert verify.compare(sent, await verify.fetch_uploaded(azurite.connection_string, call))
        assert (await app.recording(call))[:4] == b"RIFF"
