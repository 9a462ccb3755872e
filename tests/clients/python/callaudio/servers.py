"""Clients whose requests a function answers, and whose pauses take no time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from callaudio import AsyncClient, Client

URL = "http://127.0.0.1:7071"
KEY = "a-function-key"

Handler = Callable[[httpx.Request], httpx.Response]


class Pauses(list[float]):
    """The seconds that a client would have paused for."""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Record the pauses of both clients instead of making them."""
    pauses = Pauses()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("callaudio.client.time.sleep", pauses.append)
    monkeypatch.setattr("callaudio.client.asyncio.sleep", pause)
    return pauses


def client(handler: Handler, **options: Any) -> Client:
    """A client whose requests the handler answers."""
    made = Client(URL, KEY, **options)
    made._http = httpx.Client(transport=httpx.MockTransport(handler), **made._http_options())
    return made


def async_client(handler: Handler, **options: Any) -> AsyncClient:
    """The same, asynchronous."""
    made = AsyncClient(URL, KEY, **options)
    made._http = httpx.AsyncClient(transport=httpx.MockTransport(handler), **made._http_options())
    return made


def both(
    handler: Handler,
    use: Callable[[Client], object],
    use_async: Callable[[AsyncClient], Awaitable[object]],
) -> list[object]:
    """What a use of each client returns, or the error that it raises."""

    def run() -> object:
        with client(handler) as one:
            return use(one)

    def run_async() -> object:
        async def main() -> object:
            async with async_client(handler) as one:
                return await use_async(one)

        return asyncio.run(main())

    outcomes: list[object] = []
    for function in (run, run_async):
        try:
            outcomes.append(function())
        except Exception as error:
            outcomes.append(error)
    return outcomes


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    """A problem document."""
    document = {"type": "about:blank", "title": "t", "status": status, "detail": "d", "code": code}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    content_type = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, json=document, headers=content_type | names)
