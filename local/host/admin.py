"""The host's admin interface: ping, the functions, and running one by hand."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from local.host import timers
from local.host.blobs import BlobListener
from local.host.http import Keys
from local.host.worker import Function, InvocationError


def add_routes(
    application: web.Application, functions: list[Function], blobs: BlobListener, keys: Keys
) -> None:
    """Serve ``/admin``; all but ping need the master key."""
    by_name = {function.name: function for function in functions}

    async def ping(_: web.Request) -> web.Response:
        return web.Response()

    async def list_functions(request: web.Request) -> web.Response:
        if not keys.allow(request, "admin"):
            return web.Response(status=401)
        listing: list[dict[str, Any]] = [
            {"name": f.name, "config": {"bindings": [f.trigger]}} for f in functions
        ]
        return web.json_response(listing)

    async def run(request: web.Request) -> web.Response:
        if not keys.allow(request, "admin"):
            return web.Response(status=401)
        function = by_name.get(request.match_info["name"])
        if function is None or function.kind not in ("blobTrigger", "timerTrigger"):
            return web.Response(status=404)
        try:
            if function.kind == "timerTrigger":
                await timers.run(function)
            else:
                await blobs.run(function, (await request.json())["input"])
        except (InvocationError, KeyError, ValueError) as error:
            return web.Response(status=500, text=str(error))
        return web.Response(status=202)

    application.router.add_get("/admin/host/ping", ping)
    application.router.add_get("/admin/functions", list_functions)
    application.router.add_post("/admin/functions/{name}", run)
