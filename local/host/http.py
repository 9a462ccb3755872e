"""HTTP triggers: requests, auth levels and keys.

Source: Microsoft's HTTP trigger documentation (``functions-bindings-http-webhook-trigger.md``): the
key is in ``x-functions-key`` or ``?code=``; the answer to a wrong one is 401 without a body.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from azure_functions_runtime.bindings.datumdef import Datum

from event_log import log_event
from local.host.routes import Match, build_routes, find_route
from local.host.sign_in import SignIn
from local.host.worker import Function, InvocationError, invoke, log_failure

BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
DEFAULT_BODY_LIMIT = 100 * 1024 * 1024
"""The host's own, in bytes (``functions-app-settings.md``)."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger(__name__)


def read_body_limit(environment: Mapping[str, str]) -> int:
    """Return the most bytes that a request's body may have. Raises ValueError."""
    return int(environment.get(BODY_LIMIT_SETTING) or DEFAULT_BODY_LIMIT)


@web.middleware
async def limit_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a body that is too large before anything else is done, key checks included.

    A body that announces its length is not read, and a chunked one only up to the limit. Azure's
    host has the same limit, but answers 500 (azure-functions-host, issue 10519).
    """
    if (request.content_length or 0) > request.client_max_size:
        return web.Response(status=413)
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return web.Response(status=413)


class HideMalformedRequests(logging.Filter):
    """Keeps aiohttp from quoting malformed requests: they may contain a key or a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass; remove a malformed request's exception."""
        if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
            record.exc_info = None
        return True


class Keys:
    """The host's keys.

    ``function`` and ``named`` are for functions, ``master`` is for everything, and the extensions'
    keys are for their webhooks.
    """

    def __init__(
        self,
        function: str,
        master: str,
        blobs_extension: str,
        eventgrid_extension: str,
        named: Mapping[str, str],
    ) -> None:
        self.function = function
        self.named = named
        self.master = master
        self.blobs_extension = blobs_extension
        self.eventgrid_extension = eventgrid_extension

    def allow(self, request: web.Request, level: str) -> bool:
        """Return whether a request's key is sufficient for an auth level."""
        if level == "anonymous":
            return True
        key = request.headers.get("x-functions-key") or request.query.get("code") or ""
        is_master = hmac.compare_digest(key.encode(), self.master.encode())
        if level == "admin":
            return is_master
        known = (self.function, *self.named.values())
        matches = [hmac.compare_digest(key.encode(), function.encode()) for function in known]
        return is_master or any(matches)


def add_routes(
    app: web.Application,
    functions: list[Function],
    prefix: str,
    keys: Keys,
    sign_in: SignIn | None = None,
) -> None:
    """Serve every HTTP trigger; with ``sign_in``, only to whoever is signed in."""
    routes = build_routes(functions, prefix)

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = _headers(request)
        match = find_route(routes, request.method, request.rel_url.raw_path)
        if sign_in is not None and not sign_in.admit(request, headers):
            return refuse(match.function.name if match else "-", "sign_in")
        if match is None:
            return web.Response(status=404)
        return await _run(match, request, headers, keys)

    app.router.add_route("*", r"/{path:[\s\S]*}", handle)  # a path may have line ends, as %0A


async def _run(
    match: Match, request: web.Request, headers: dict[str, str], keys: Keys
) -> web.StreamResponse:
    """Run the function that a request's route leads to, if its key is sufficient."""
    function = match.function
    try:
        "".join(request.headers.values()).encode()
    except UnicodeEncodeError:
        # aiohttp accepts bytes that are not valid text, but the worker does not.
        return web.Response(status=400)
    if not keys.allow(request, str(function.trigger.get("authLevel", "function")).lower()):
        return refuse(function.name, "key")
    datum = Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(str(request.url), "string"),
            "headers": {k: Datum(v, "string") for k, v in headers.items()},
            "params": {k: Datum(v, "string") for k, v in match.parameters.items()},
            "query": {k: Datum(v, "string") for k, v in request.query.items()},
            "body": Datum(await request.read(), "bytes"),
        },
        "http",
    )
    try:
        result = await invoke(function, datum)
    except InvocationError as error:
        log_failure(function, error)
        return web.Response(status=500)
    return _response(result)


def _headers(request: web.Request) -> dict[str, str]:
    """Return the headers that the worker gets: the host joins those that are there several times.

    App Service adds where the request comes from.
    """
    headers = {name.lower(): ",".join(request.headers.getall(name)) for name in request.headers}
    if request.transport is not None:
        address, port = request.transport.get_extra_info("peername")[:2]
        forwarded = headers.get("x-forwarded-for")
        own = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        headers["x-forwarded-for"] = f"{forwarded}, {own}" if forwarded else own
    return headers


def refuse(entrance: str, reason: str) -> web.Response:
    """Refuse a request whose key is wrong, or of whoever is not signed in.

    Args:
        entrance: The function or the path, for the log; without the query, which may hold a key.
        reason: ``key`` or ``sign_in``, for the log.
    """
    log_event(
        _log,
        logging.WARNING,
        "request_refused",
        entrance="host",
        status=401,
        reason=reason,
        detail=entrance,
    )
    return web.Response(status=401)


def _response(result: Datum | None) -> web.Response:
    if result is None:
        return web.Response(status=204)
    if result.type != "http":
        body = result.value if isinstance(result.value, bytes) else str(result.value).encode()
        return web.Response(body=body)
    members: dict[str, Any] = result.value
    headers = {name: value.value for name, value in (members.get("headers") or {}).items()}
    datum = members.get("body")
    content = datum.value if datum is not None else b""
    if isinstance(content, str):
        content = content.encode()
    status = members.get("status_code")
    return web.Response(
        status=int(status.value) if status is not None else 200, headers=headers, body=content
    )
