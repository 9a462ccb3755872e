"""Sending requests to handlers, through ``respond_with``, as the app's functions do."""

from __future__ import annotations

from typing import Any

import azure.functions as func
import msgspec

from calls.clients import Clients
from calls.http.respond import Handler, respond_with
from calls.records.store import change_record
from tests.calls.sample_streams import STARTED_AT


async def send_request(
    clients: Clients,
    handler: Handler,
    method: str = "GET",
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    **route: str,
) -> func.HttpResponse:
    """Send a request to a handler; ``route`` are the route's parameters, such as ``id``."""
    request = func.HttpRequest(
        method, "/", headers=headers or {}, params=params or {}, route_params=route, body=body
    )
    return await respond_with(handler, lambda: clients, request)


def decode_body(response: func.HttpResponse) -> Any:
    """The JSON in a response's body."""
    return msgspec.json.decode(response.get_body())


async def create_record(clients: Clients, call: str) -> None:
    """Create a call's record, as its first event does."""
    await change_record(clients.storage, call, lambda _: True, create_at=STARTED_AT)
