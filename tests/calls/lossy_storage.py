"""A proxy before Blob Storage that loses responses, although the requests were done."""

from __future__ import annotations

from contextlib import AsyncExitStack

import aiohttp
from aiohttp import web
from yarl import URL

from local.azurite import Azurite

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding"}


class LossyStorage:
    """Azurite behind a proxy that can lose the response to a write."""

    def __init__(self, azurite: Azurite) -> None:
        self._azurite = azurite
        self._origin = str(URL(azurite.blob_endpoint).origin())
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession
        self._lost_path: str | None = None
        self.lost: list[int] = []
        """The statuses of the responses that were lost."""
        self.connection_string = ""

    async def start(self) -> None:
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Content-Type"])
        )
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoint = self._azurite.blob_endpoint
        own_endpoint = str(URL(endpoint).with_port(runner.addresses[0][1]))
        self.connection_string = self._azurite.connection_string.replace(endpoint, own_endpoint)

    async def stop(self) -> None:
        await self._stack.aclose()

    def lose_next_write(self, path: str) -> None:
        """Lose the response to the next PUT or DELETE whose path and query contain ``path``."""
        self._lost_path = path

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        url = URL(self._origin + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, url, headers=request.headers, data=await request.read() or None
        ) as response:
            content = await response.read()
            headers = {
                name: value
                for name, value in response.headers.items()
                if name.lower() not in _HOP_BY_HOP
            }
        is_write = request.method in ("PUT", "DELETE")
        if is_write and self._lost_path is not None and self._lost_path in request.raw_path:
            self._lost_path = None
            self.lost.append(response.status)
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=response.status, body=content, headers=headers)
