"""A client that openapi-python-client generates from the app's document makes a whole call."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local.up import Up

pytestmark = pytest.mark.asyncio(loop_scope="session")

PACKAGE = "generated_call_audio"
CONFIGURATION = """
post_hooks: []
content_type_overrides:
  audio/wav: application/octet-stream
  audio/flac: application/octet-stream
  image/svg+xml: application/octet-stream
"""
"""Binary files are bytes, and nobody reads the code: it is not formatted."""


@pytest.fixture(scope="module")
def client(up: Up, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The generated package. The generator reads the document from the app, without a key."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "configuration.yaml").write_text(CONFIGURATION)
    command = [
        *(str(Path(sys.executable).with_name("openapi-python-client")), "generate"),
        *("--url", up.addresses.app + "/api/v1/openapi.json"),
        *("--config", "configuration.yaml", "--meta", "none", "--output-path", PACKAGE),
        "--fail-on-warning",
    ]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    spec = importlib.util.spec_from_file_location(PACKAGE, folder / PACKAGE / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return package


class Generated:
    """Calls the functions of the generated client by their operation's id."""

    def __init__(self, package: ModuleType, up: Up) -> None:
        self.models = importlib.import_module(f"{package.__name__}.models")
        self._package = package
        self._client = package.AuthenticatedClient(
            base_url=up.addresses.app,
            token=up.addresses.function_key,
            prefix="",
            auth_header_name="x-functions-key",
        )

    async def ask(self, tag: str, operation: str, *path: Any, **options: Any) -> Any:
        """Send a request: the response's status, and its parsed document."""
        name = f"{self._package.__name__}.api.{tag}.{operation}"
        module = importlib.import_module(name)
        return await module.asyncio_detailed(*path, client=self._client, **options)

    async def until(
        self, ask: Callable[[], Awaitable[Any]], is_reached: Callable[[Any], bool]
    ) -> Any:
        """Repeat a request until its response is as expected."""
        deadline = time.monotonic() + 40
        while True:
            response = await ask()
            if is_reached(response):
                return response
            assert time.monotonic() < deadline, response
            await asyncio.sleep(0.1)


async def test_a_whole_call(client: ModuleType, up: Up) -> None:
    app = Generated(client, up)
    models = app.models
    body = models.PlaceCall(
        to="+15551230000",
        from_="+15559990000",
        channels=models.Channels.UNMIXED,
    )
    placed = await app.ask("calls", "place_call", body=body, idempotency_key="generated")
    assert placed.status_code == 201
    call = placed.parsed.call_connection_id
    assert placed.parsed.state == models.CallState.CONNECTING

    async def show() -> Any:
        return await app.ask("calls", "show_call", call)

    await app.until(show, lambda shown: shown.parsed.streaming.state == "active")
    await asyncio.sleep(0.5)
    note = models.StopStreaming(operation_context="a pause")
    stopped = await app.ask("calls", "stop_streaming", call, body=note)
    assert (stopped.status_code, type(stopped.parsed)) == (202, models.Call)
    await app.until(show, lambda shown: shown.parsed.streaming.state == "inactive")
    for _ in range(2):
        assert (await app.ask("calls", "hang_up", call)).status_code == 204
    shown = (await app.until(show, lambda shown: shown.parsed.result_state == "final")).parsed
    assert shown.state == models.CallState.DISCONNECTED
    assert {event.type_ for event in shown.events} >= {"CallConnected", "CallDisconnected"}
    assert shown.ended_at > shown.connected_at > shown.created_at
    assert shown.streams[0].segments[0].start.tzinfo is not None

    timeline = (await app.ask("results", "show_timeline", call)).parsed
    assert [track.track for track in timeline.tracks]
    assert timeline.duration_ms == shown.summary.duration_ms
    transcript = (await app.ask("results", "show_transcript", call)).parsed
    assert transcript.state == models.TranscriptState.OFF
    part = await app.ask("results", "send_recording", call, range_="bytes=0-3")
    assert (part.status_code, part.parsed.payload.read()) == (206, b"RIFF")
    links = (await app.ask("results", "create_links", call)).parsed
    assert f"recordings/{call}" in " ".join(link.blob for link in links.links)
    page = (await app.ask("calls", "list_calls", limit=100)).parsed
    assert call in [listed.call_connection_id for listed in page.calls]
    etag = (await app.ask("calls", "show_call", call)).headers["ETag"]
    again = await app.ask("calls", "show_call", call, if_none_match=etag)
    assert (again.status_code, again.content) == (304, b"")


async def test_problems_are_parsed(client: ModuleType, up: Up) -> None:
    app = Generated(client, up)
    unknown = await app.ask("calls", "show_call", "no-such-call")
    assert unknown.status_code == 404
    assert type(unknown.parsed) is app.models.Problem
    assert unknown.parsed.code == "call_not_found"
    wrong = await app.ask("calls", "place_call", body=app.models.PlaceCall(to="12"))
    assert (wrong.status_code, wrong.parsed.code) == (400, "invalid_request")
    assert [error.field for error in wrong.parsed.errors] == ["to"]
