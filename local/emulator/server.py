"""The emulator's HTTP server: ACS's REST calls, its OpenID configuration, the control interface."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from local.access_log import access_log_options
from local.emulator.callbacks import CallbackSender
from local.emulator.control_api import ControlApi
from local.emulator.errors import AcsError
from local.emulator.incoming import IncomingCalls
from local.emulator.keys import SigningKeys
from local.emulator.registry import CallRegistry
from local.emulator.rest_api import RestApi
from local.emulator.same_site import CONTROL_PREFIX, check_site
from local.emulator.settings import ISSUER, EmulatorSettings
from local.emulator.signature import SignatureError

__all__ = ["ISSUER", "EmulatorServer", "EmulatorSettings"]


class EmulatorServer:
    """The emulator. ``endpoint`` is its address once started; ``requests`` counts REST calls."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._settings = settings
        self._keys = SigningKeys(settings.issuer, settings.resource_id)
        self._callbacks = CallbackSender(self._keys)
        self._calls = CallRegistry(settings, self._keys, self._callbacks.post)
        self._incoming = IncomingCalls(
            settings.incoming_webhook, settings.ring_seconds, settings.redelivery_seconds
        )
        self._rest = RestApi(settings.access_key, self._calls, self._incoming)
        self.requests = self._rest.request_counts
        self._control = ControlApi(self._calls, self._incoming, self._keys, self.requests)
        self._runner: web.AppRunner | None = None
        self.endpoint = ""

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        await self._callbacks.start()
        app = web.Application(middlewares=[self._answer_errors])
        app.router.add_get("/calling/.well-known/acsopenidconfiguration", self._openid)
        app.router.add_get("/calling/keys", self._key_set)
        self._rest.add_routes(app)
        self._control.add_routes(app)
        self._runner = web.AppRunner(app, **access_log_options())
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.host, self._settings.port).start()
        port = self._runner.addresses[0][1]
        self.endpoint = f"http://{self._settings.host}:{port}"

    async def stop(self) -> None:
        """End all calls and stop listening."""
        await self._incoming.end()
        await self._calls.end()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._callbacks.stop()

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Check who sends a request, and answer errors as ACS does."""
        try:
            if request.path.startswith(CONTROL_PREFIX):
                check_site(request.headers.get("Host", ""), request.headers.get("Origin"))
            await self._rest.authenticate(request)
            response: web.StreamResponse = await handler(request)
            return response
        except SignatureError as error:
            return _error(401, "7509", str(error))
        except AcsError as error:
            return _error(error.status, error.code, str(error))
        except (msgspec.DecodeError, ValueError) as error:
            return _error(400, "8523", str(error))

    async def _openid(self, _: web.Request) -> web.Response:
        return web.json_response(self._keys.openid_configuration(self.endpoint))

    async def _key_set(self, _: web.Request) -> web.Response:
        return web.json_response(self._keys.key_set())


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
