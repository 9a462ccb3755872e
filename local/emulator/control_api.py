"""The emulator's control interface, ``/emulator/...``, for tests and people. Not signed.

``docs/local.md`` describes it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from local.emulator.faults import Faults, TokenRequest
from local.emulator.incoming import IncomingCalls
from local.emulator.keys import CALLBACK_SECONDS, MEDIA_SECONDS, SigningKeys
from local.emulator.registry import CallRegistry
from local.emulator.requests import Target


class ControlApi:
    """Shows what the emulator was sent and has sent; sets faults; simulates incoming calls."""

    def __init__(
        self,
        calls: CallRegistry,
        incoming: IncomingCalls,
        keys: SigningKeys,
        request_counts: Mapping[str, int],
    ) -> None:
        self._calls = calls
        self._incoming = incoming
        self._keys = keys
        self._request_counts = request_counts

    def add_routes(self, app: web.Application) -> None:
        """Serve the control interface."""
        app.router.add_get("/emulator/health", self._health)
        app.router.add_get("/emulator/requests", self._show_request_counts)
        app.router.add_get("/emulator/calls/{id}/requests", self._show_requests)
        app.router.add_get("/emulator/calls/{id}/sent", self._show_sent)
        app.router.add_get("/emulator/calls/{id}/sent/{stream}/{track}.pcm", self._show_pcm)
        app.router.add_post("/emulator/calls/{id}/faults", self._set_faults)
        app.router.add_post("/emulator/calls/{id}/participants", self._add_participant)
        app.router.add_post("/emulator/faults", self._set_faults)
        app.router.add_post("/emulator/incoming", self._simulate_incoming_call)
        app.router.add_get("/emulator/incoming/{id}", self._show_incoming_call)
        app.router.add_post("/emulator/keys/rotate", self._rotate_keys)
        app.router.add_post("/emulator/tokens", self._sign_token)

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "calls": len(self._calls)})

    async def _show_request_counts(self, _: web.Request) -> web.Response:
        return web.json_response(dict(self._request_counts))

    async def _show_requests(self, request: web.Request) -> web.Response:
        return web.json_response(self._calls.find(request.match_info["id"]).requests)

    async def _show_sent(self, request: web.Request) -> web.Response:
        call = self._calls.find(request.match_info["id"])
        return web.json_response([sent.describe() for sent in call.sent])

    async def _show_pcm(self, request: web.Request) -> web.Response:
        call = self._calls.find(request.match_info["id"])
        sent = call.sent[int(request.match_info["stream"])]
        pcm = list(sent.tracks.values())[int(request.match_info["track"])]
        return web.Response(body=bytes(pcm), content_type="application/octet-stream")

    async def _set_faults(self, request: web.Request) -> web.Response:
        faults = msgspec.json.decode(await request.read() or b"{}", type=Faults)
        if "id" in request.match_info:
            self._calls.find(request.match_info["id"]).faults = faults
        else:
            self._calls.faults = faults
        return web.json_response(msgspec.to_builtins(faults))

    async def _add_participant(self, request: web.Request) -> web.Response:
        call = self._calls.find(request.match_info["id"])
        target = msgspec.json.decode(await request.read(), type=Target)
        await call.add_participant(target.raw_id)
        return web.json_response(call.participants, status=201)

    async def _simulate_incoming_call(self, request: web.Request) -> web.Response:
        incoming = self._incoming.simulate_incoming_call(
            await request.read(), twice=self._calls.faults.repeat_events
        )
        return web.json_response(incoming.describe(), status=201)

    async def _show_incoming_call(self, request: web.Request) -> web.Response:
        return web.json_response(self._incoming.find(request.match_info["id"]).describe())

    async def _rotate_keys(self, request: web.Request) -> web.Response:
        self._keys.rotate(keep_old=request.query.get("keep_old", "true") != "false")
        return web.Response(status=204)

    async def _sign_token(self, request: web.Request) -> web.Response:
        token = msgspec.json.decode(await request.read(), type=TokenRequest)
        seconds = CALLBACK_SECONDS if token.entrance == "callback" else MEDIA_SECONDS
        authorization = self._keys.sign_authorization(seconds, token.fault)
        return web.json_response({"authorization": authorization})
