"""HTTP triggers: routes, auth levels and keys, as the real host has them.

Source: Microsoft's HTTP trigger documentation (``functions-bindings-http-webhook-trigger.md``): the
key comes as ``x-functions-key`` or ``?code=``, and 401 without a body answers a wrong one.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.worker import Function, InvocationError, invoke

MAX_BODY_BYTES = 100 * 1024 * 1024

_log = logging.getLogger(__name__)
_PARAMETER = re.compile(r"\{(\*?)(\w+)(?::\w+(?:\([^)]*\))?)?(\??)\}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WithoutHeads(logging.Filter):
    """Leaves out what aiohttp quotes of a request that is none: a key or a token may be in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record stays; one of a malformed request without its exception."""
        if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
            record.exc_info = None
        return True


class Keys:
    """The host's keys. ``function`` opens functions, ``master`` everything."""

    def __init__(
        self, function: str, master: str, blobs_extension: str, eventgrid_extension: str
    ) -> None:
        self.function = function
        self.master = master
        self.blobs_extension = blobs_extension
        self.eventgrid_extension = eventgrid_extension

    def open(self, request: web.Request, level: str) -> bool:
        """Whether a request's key opens a function of this auth level."""
        if level == "anonymous":
            return True
        key = request.headers.get("x-functions-key") or request.query.get("code") or ""
        opens_all = hmac.compare_digest(key.encode(), self.master.encode())
        if level == "admin":
            return opens_all
        return hmac.compare_digest(key.encode(), self.function.encode()) or opens_all


def aiohttp_route(route: str) -> str:
    """A Functions route as aiohttp writes it. An optional parameter may only be the last."""

    def replace(match: re.Match[str]) -> str:
        rest, name, optional = match.groups()
        return f"{{{name}:.*}}" if rest or optional else f"{{{name}}}"

    return _PARAMETER.sub(replace, route)


def add_routes(app: web.Application, functions: list[Function], prefix: str, keys: Keys) -> None:
    """Serve every HTTP trigger."""
    for function in functions:
        if function.kind != "httpTrigger":
            continue
        route = function.trigger.get("route") or function.name
        path = "/" + "/".join(part for part in (prefix, aiohttp_route(route)) if part)
        handler = _handler(function, keys)
        for method in function.trigger.get("methods") or ["GET", "POST"]:
            app.router.add_route(str(getattr(method, "value", method)).upper(), path, handler)


def _handler(function: Function, keys: Keys) -> Handler:
    level = str(function.trigger.get("authLevel", "function")).lower()

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            "".join(request.headers.values()).encode()
        except UnicodeEncodeError:
            # aiohttp lets bytes through that are no text, which no worker could be sent.
            return web.Response(status=400)
        if not keys.open(request, level):
            # The path only: a key may be in the query.
            _log.warning("refused entrance=host status=401 reason=key detail=%s", function.name)
            return web.Response(status=401)
        datum = Datum(
            {
                "method": Datum(request.method, "string"),
                "url": Datum(str(request.url), "string"),
                "headers": {k.lower(): Datum(v, "string") for k, v in request.headers.items()},
                "params": {k: Datum(v, "string") for k, v in request.match_info.items()},
                "query": {k: Datum(v, "string") for k, v in request.query.items()},
                "body": Datum(await request.read(), "bytes"),
            },
            "http",
        )
        try:
            returned = await invoke(function, datum)
        except InvocationError as error:
            _log.error("%s failed:\n%s", function.name, error)
            return web.Response(status=500)
        return _response(returned)

    return handle


def _response(returned: Datum | None) -> web.Response:
    if returned is None:
        return web.Response(status=204)
    if returned.type != "http":
        body = returned.value if isinstance(returned.value, bytes) else str(returned.value).encode()
        return web.Response(body=body)
    members: dict[str, Any] = returned.value
    headers = {name: value.value for name, value in (members.get("headers") or {}).items()}
    given = members.get("body")
    content = given.value if given is not None else b""
    if isinstance(content, str):
        content = content.encode()
    status = members.get("status_code")
    return web.Response(
        status=int(status.value) if status is not None else 200, headers=headers, body=content
    )
