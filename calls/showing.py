"""Showing calls: the list, newest first, and one call with its streams and segments."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import msgspec
from azure.core.exceptions import HttpResponseError

from calls import failures, store, web
from calls.assembly import streams_of
from calls.clients import Clients
from calls.problems import Problem
from contract import names

_DEFAULT_LIMIT = 20
_MOST = 100


async def list_calls(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/calls?limit=&cursor=``: records without events, and the next page's cursor."""
    limit = _limit(request.params.get("limit"))
    cursor = web.decode_cursor(request.params.get("cursor"))
    try:
        records, following = await store.newest(clients.storage, limit, cursor)
    except HttpResponseError as error:
        if cursor is None:
            raise
        raise Problem(HTTPStatus.BAD_REQUEST, "cursor: not one that this app gave") from error
    shown = []
    for record in records:
        members = msgspec.to_builtins(record)
        for detail in ("events", "requests"):
            members.pop(detail, None)
        shown.append(members)
    answer: dict[str, Any] = {"calls": shown, "cursor": web.encode_cursor(following)}
    headers = {}
    if following:
        query = urlencode({"limit": limit, "cursor": answer["cursor"]})
        headers["Link"] = f'</api/calls?{query}>; rel="next"'
    return web.document(answer, headers=headers)


async def show_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/calls/{id}``: the record, its streams, and what was found in their segments."""
    call = web.call_connection_id(request)
    record = await store.find(clients.storage, call)
    streams = await streams_of(clients.storage, call)
    members = msgspec.to_builtins(record)
    members["streams"] = streams
    members["failures"] = await failures.of_call(clients.storage, call)
    known = {segment.blob for stream in streams for segment in stream.segments}
    landed = await clients.storage.blob_names(names.SEGMENTS, f"{call}/")
    # Segments of a stream that still runs have no manifest yet.
    members["landed_segments"] = [
        blob for name in landed if (blob := f"{names.SEGMENTS}/{name}") not in known
    ]
    return web.document(members)


async def list_failures(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/failures``: the segments and manifests that were given up on, newest first."""
    return web.document({"failures": await failures.of_call(clients.storage)})


async def retry_failure(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``POST /api/failures/{id}/retry``: 202; the blob's trigger runs again, with all its tries."""
    failure_id = request.route_params.get("id") or ""
    found = None
    if failures.is_failure_id(failure_id):
        found = await failures.find(clients.storage, failure_id)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no failure {failure_id[:160]!r}")
    if not await clients.storage.write_again(found.container, found.blob):
        raise Problem(HTTPStatus.CONFLICT, f"{found.container}/{found.blob} is gone")
    await failures.forget(clients.storage, found)
    return web.document(found, HTTPStatus.ACCEPTED)


def _limit(text: str | None) -> int:
    if not text:
        return _DEFAULT_LIMIT
    limit = web.number(text)
    if limit is None or not 1 <= limit <= _MOST:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"limit: must be a number from 1 to {_MOST}",
            errors=[{"field": "limit", "message": f"must be a number from 1 to {_MOST}"}],
        )
    return limit
