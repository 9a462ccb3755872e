"""Counting the requests that a client sends to Blob Storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from calls.storage import Storage


@contextmanager
def count_requests(storage: Storage) -> Iterator[list[str]]:
    """Collect the requests that are sent while this is open, such as ``GET results/call.json``.

    A listing is ``LIST container/prefix``.
    """
    service: Any = storage.service
    transport = service._config.transport
    send, requests = transport.send, []

    async def count(request: Any, **options: Any) -> Any:
        requests.append(_describe(request.method, request.url))
        return await send(request, **options)

    transport.send = count
    try:
        yield requests
    finally:
        transport.send = send


def _describe(method: str, url: str) -> str:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    # The path of an Azurite URL begins with the account's name.
    path = unquote(parts.path).split("/", 2)[2]
    if query.get("comp") == ["list"]:
        return f"LIST {path}/{query.get('prefix', [''])[0]}"
    return f"{method} {path}"
