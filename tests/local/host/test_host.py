"""The host as a whole: what it reads of ``host.json``, its address, and its end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.host import host as host_module
from local.host import http as http_module
from local.host.host import FunctionsHost, HostOptions, require_supported
from local.host.http import Keys
from local.host.worker import Function, IndexingError

KEYS = Keys("function", "master", "blobs", "eventgrid", {"Caller": "caller"})
OPTIONS = HostOptions("127.0.0.1", 0, 1.0, 0)
HELLO = {"type": "httpTrigger", "name": "req", "route": "hello", "authLevel": "FUNCTION"}
YEARLY = {"type": "timerTrigger", "name": "timer", "schedule": "0 0 0 1 1 *"}
PREFIX = {"extensions": {"http": {"routePrefix": "v1"}}}


def write_host_json(folder: Path, settings: dict[str, Any]) -> None:
    (folder / "host.json").write_text(json.dumps({"version": "2.0"} | settings))


def stub_index(monkeypatch: pytest.MonkeyPatch, *triggers: dict[str, str]) -> None:
    """Let the host have functions without an app: a process can index only one."""

    async def index(_: Path) -> list[Function]:
        return [Function(str(n), f"function{n}", trigger) for n, trigger in enumerate(triggers)]

    monkeypatch.setattr(host_module, "index", index)


@pytest.mark.parametrize(
    ("settings", "served", "missing"),
    [(PREFIX, "/v1/hello", "/api/hello"), ({}, "/api/hello", "/v1/hello")],
)
async def test_it_listens_under_host_json_s_prefix_until_it_is_stopped(
    settings: dict[str, Any],
    served: str,
    missing: str,
    tmp_path: Path,
    storage: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_host_json(tmp_path, settings)
    stub_index(monkeypatch, HELLO, YEARLY)
    monkeypatch.setenv("AzureWebJobsStorage", storage)
    host = FunctionsHost(tmp_path, KEYS, OPTIONS)
    await host.start()
    assert [function.kind for function in host.functions] == ["httpTrigger", "timerTrigger"]
    async with aiohttp.ClientSession(host.address) as session:
        for path, status in ((served, 401), (missing, 404), ("/admin/host/ping", 200)):
            async with session.get(path) as response:
                assert response.status == status, path
        await host.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get("/admin/host/ping")


async def test_a_request_that_waits_for_long_does_not_keep_it_from_stopping(
    tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the requests that wait for a call's events do."""
    write_host_json(tmp_path, {})
    stub_index(monkeypatch, HELLO)
    monkeypatch.setenv("AzureWebJobsStorage", storage)
    monkeypatch.setattr(host_module, "_STOP_SECONDS", 0.1)
    has_begun = asyncio.Event()

    async def wait(*_: object) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(http_module, "invoke", wait)
    host = FunctionsHost(tmp_path, KEYS, OPTIONS)
    await host.start()
    async with aiohttp.ClientSession(host.address) as session:
        headers = {"x-functions-key": "function"}
        request = asyncio.create_task(session.get("/api/hello", headers=headers))
        await has_begun.wait()
        await asyncio.wait_for(host.stop(), 100)
        with pytest.raises(aiohttp.ClientError):
            await request


async def test_an_app_with_an_unsupported_trigger_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_host_json(tmp_path, {})
    stub_index(monkeypatch, HELLO, {"type": "eventHubTrigger", "name": "event"})
    host = FunctionsHost(tmp_path, KEYS, OPTIONS)
    with pytest.raises(IndexingError, match=r"function1: .*eventHubTrigger"):
        await host.start()
    assert not host.address, "it does not listen"


async def test_a_folder_without_host_json_is_an_error(tmp_path: Path) -> None:
    host = FunctionsHost(tmp_path, KEYS, OPTIONS)
    with pytest.raises(FileNotFoundError, match=r"host\.json"):
        await host.start()


@pytest.mark.parametrize(
    "kind",
    ["httpTrigger", "blobTrigger", "queueTrigger", "timerTrigger", "eventGridTrigger"],
)
def test_the_triggers_that_the_host_has(kind: str) -> None:
    require_supported([Function("1", "function", {"type": kind, "name": "parameter"})])


def test_one_unsupported_trigger_among_others_is_named() -> None:
    functions = [
        Function("1", "tick", {"type": "timerTrigger", "name": "timer"}),
        Function("2", "orders", {"type": "serviceBusTrigger", "name": "message"}),
    ]
    with pytest.raises(IndexingError, match=r"^orders: .*serviceBusTrigger, only httpTrigger, "):
        require_supported(functions)


def test_an_unsupported_output_is_named() -> None:
    trigger = {"type": "timerTrigger", "name": "timer"}
    outputs = {"message": {"type": "queue"}, "document": {"type": "cosmosDB"}}
    with pytest.raises(IndexingError, match=r"^tick: .* output cosmosDB, only queue\."):
        require_supported([Function("1", "tick", trigger, outputs)])
