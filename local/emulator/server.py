"""The emulator's HTTP side: ACS's REST calls, its OpenID configuration, and the control interface.

Source of the calls and their status codes: what ``azure-communication-callautomation`` 1.6.0 sends
and accepts.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

import aiohttp
import msgspec
from aiohttp import web

from local.emulator import signature
from local.emulator.call import Call, MediaStreamingOptions, Refused
from local.emulator.faults import Faults, TokenRequest
from local.emulator.incoming import IncomingCalls, Ring
from local.emulator.keys import CALLBACK_SECONDS, MEDIA_SECONDS, SigningKeys

ISSUER = "https://acscallautomation.communication.azure.com"
CALLER = {"rawId": "8:acs:emulator_agent", "kind": "communicationUser"}

_log = logging.getLogger(__name__)
_POST_TRIES = 4


class EmulatorSettings(NamedTuple):
    """How the emulator runs. ``speed`` is that of call audio against real time.

    ``incoming_webhook`` is where Event Grid tells of incoming calls, with its key.
    """

    access_key: str
    resource_id: str
    host: str = "127.0.0.1"
    port: int = 8090
    issuer: str = ISSUER
    speed: float = 1.0
    answer_seconds: float = 0.2
    hang_up_at_end: bool = False
    incoming_webhook: str = ""
    ring_seconds: float = 30.0
    redelivery_seconds: float = 10.0


class Target(msgspec.Struct, rename="camel", frozen=True):
    """A communication identifier in a request; the client does not send its kind."""

    raw_id: str


class CreateCall(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of ``POST /calling/callConnections``."""

    targets: list[Target]
    callback_uri: str
    operation_context: str | None = None
    source_caller_id_number: dict[str, str] | None = None
    media_streaming_options: MediaStreamingOptions | None = None


class AnswerCall(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of ``POST /calling/callConnections:answer``."""

    incoming_call_context: str
    callback_uri: str
    operation_context: str | None = None
    media_streaming_options: MediaStreamingOptions | None = None


class Operation(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of a start or stop."""

    operation_callback_uri: str | None = None
    operation_context: str | None = None


class EmulatorServer:
    """Serves until stopped. Raises OSError where the port is taken."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._settings = settings
        self._keys = SigningKeys(settings.issuer, settings.resource_id)
        self._calls: dict[str, Call] = {}
        self._repeatable: dict[str, Call] = {}
        self._faults = Faults()
        self._incoming = IncomingCalls(
            settings.incoming_webhook, settings.ring_seconds, settings.redelivery_seconds
        )
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self.requests: dict[str, int] = {}
        self._asked: dict[str, list[dict[str, Any]]] = {}
        self.endpoint = ""

    async def start(self) -> None:
        """Listen."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/calling/.well-known/acsopenidconfiguration", self._openid)
        app.router.add_get("/calling/keys", self._key_set)
        app.router.add_post("/calling/callConnections", self._create)
        app.router.add_post("/calling/callConnections:answer", self._answer)
        app.router.add_get("/calling/callConnections/{id}", self._get)
        app.router.add_delete("/calling/callConnections/{id}", self._hang_up)
        app.router.add_post("/calling/callConnections/{operation}", self._operate)
        app.router.add_get("/emulator/health", self._health)
        app.router.add_get("/emulator/requests", self._requests)
        app.router.add_get("/emulator/calls/{id}/requests", self._requests_of)
        app.router.add_get("/emulator/calls/{id}/sent", self._sent)
        app.router.add_get("/emulator/calls/{id}/sent/{stream}/{track}.pcm", self._sent_pcm)
        app.router.add_post("/emulator/calls/{id}/faults", self._set_faults)
        app.router.add_post("/emulator/faults", self._set_faults)
        app.router.add_post("/emulator/incoming", self._let_ring)
        app.router.add_get("/emulator/incoming/{id}", self._show_ring)
        app.router.add_post("/emulator/keys/rotate", self._rotate)
        app.router.add_post("/emulator/tokens", self._sign)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.host, self._settings.port).start()
        port = self._runner.addresses[0][1]
        self.endpoint = f"http://{self._settings.host}:{port}"

    async def stop(self) -> None:
        """End every call's tasks and stop listening."""
        await self._incoming.end()
        await asyncio.gather(*(call.end() for call in self._calls.values()))
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    # ACS.

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Check the signature, and answer refusals as ACS does."""
        path = request.path
        signed = path.startswith("/calling/callConnections")
        if signed:
            operation = f"{request.method} {path.partition(':')[2] or 'callConnections'}"
            self.requests[operation] = self.requests.get(operation, 0) + 1
        try:
            if signed:
                signature.verify(
                    self._settings.access_key,
                    request.method,
                    request.raw_path,
                    request.headers,
                    await request.read(),
                )
            response: web.StreamResponse = await handler(request)
            return response
        except signature.WrongSignature as error:
            return _error(401, "7509", str(error))
        except Refused as refused:
            return _error(refused.status, refused.code, str(refused))
        except (msgspec.DecodeError, ValueError) as error:
            return _error(400, "8523", str(error))

    async def _create(self, request: web.Request) -> web.Response:
        repeatability = request.headers.get("Repeatability-Request-ID", "")
        known = self._repeatable.get(repeatability)
        if known is None:
            asked = msgspec.json.decode(await request.read(), type=CreateCall)
            known = self._place(asked)
            await self._note(known, "create", request)
            if repeatability:
                self._repeatable[repeatability] = known
        return web.json_response(known.properties(), status=201)

    def _place(self, asked: CreateCall) -> Call:
        target = _identifier(asked.targets[0].raw_id)
        caller: dict[str, Any] = dict(CALLER)
        if asked.source_caller_id_number is not None:
            caller = _identifier("4:" + asked.source_caller_id_number["value"])
        call = self._call_between(caller, target, asked)
        call.begin()
        _log.info("call %s is placed", call.id)
        return call

    async def _answer(self, request: web.Request) -> web.Response:
        repeatability = request.headers.get("Repeatability-Request-ID", "")
        known = self._repeatable.get(repeatability)
        if known is None:
            asked = msgspec.json.decode(await request.read(), type=AnswerCall)
            ring = self._incoming.ringing(asked.incoming_call_context)
            if self._faults.answer_status is not None:
                raise Refused(self._faults.answer_status, "8500", "The call is not answered.")
            known = self._pick_up(ring, asked)
            await self._note(known, "answer", request)
            if repeatability:
                self._repeatable[repeatability] = known
        if self._faults.operation_status is not None:
            raise Refused(self._faults.operation_status, "8500", "Internal server error.")
        return web.json_response(known.properties())

    def _pick_up(self, ring: Ring, asked: AnswerCall) -> Call:
        call = self._call_between(_identifier(ring.from_), _identifier(ring.to), asked)
        call.server_call_id, call.correlation_id = ring.server_call_id, ring.id
        ring.call_connection_id = call.id
        call.begin()
        _log.info("call %s is answered", call.id)
        return call

    def _call_between(
        self, caller: dict[str, Any], target: dict[str, Any], asked: CreateCall | AnswerCall
    ) -> Call:
        call = Call(
            participants=[caller, target],
            callback_uri=asked.callback_uri,
            operation_context=asked.operation_context,
            streaming=asked.media_streaming_options,
            speed=self._settings.speed,
            faults=self._faults,
            post=self._post,
            sign=lambda faults: self._keys.authorization(MEDIA_SECONDS, faults.media_token),
            answer_seconds=self._settings.answer_seconds,
            hang_up_at_end=self._settings.hang_up_at_end,
        )
        self._calls[call.id] = call
        return call

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._call(request.match_info["id"]).properties())

    async def _hang_up(self, request: web.Request) -> web.Response:
        await self._call(request.match_info["id"]).hang_up()
        return web.Response(status=204)

    async def _operate(self, request: web.Request) -> web.Response:
        call_id, _, operation = request.match_info["operation"].partition(":")
        call = self._call(call_id)
        if operation == "terminate":
            await call.hang_up()
            return web.Response(status=204)
        asked = msgspec.json.decode(await request.read() or b"{}", type=Operation)
        if operation == "startMediaStreaming":
            call.start_streaming(asked.operation_callback_uri, asked.operation_context)
        elif operation == "stopMediaStreaming":
            call.stop_streaming(asked.operation_callback_uri, asked.operation_context)
        else:
            raise Refused(501, "8500", f"this emulator has no {operation or 'such operation'}")
        await self._note(call, operation, request)
        if call.faults.operation_status is not None:
            raise Refused(call.faults.operation_status, "8500", "Internal server error.")
        return web.Response(status=202)

    async def _note(self, call: Call, operation: str, request: web.Request) -> None:
        """Keep what was asked, for ``GET /emulator/calls/{id}/requests``."""
        body = msgspec.json.decode(await request.read() or b"{}")
        self._asked.setdefault(call.id, []).append({"operation": operation, "body": body})

    def _call(self, call_id: str) -> Call:
        call = self._calls.get(call_id)
        if call is None:
            raise Refused(404, "8522", "Call not found.")
        return call

    async def _openid(self, _: web.Request) -> web.Response:
        return web.json_response(self._keys.openid_configuration(self.endpoint))

    async def _key_set(self, _: web.Request) -> web.Response:
        return web.json_response(self._keys.key_set())

    async def _post(self, url: str, events: list[dict[str, Any]], faults: Faults) -> None:
        """Deliver callback events, signed, with a few tries."""
        assert self._session is not None
        bodies = [events] * (2 if faults.repeat_events else 1)
        for body in bodies:
            for number in range(_POST_TRIES):
                headers = {}
                authorization = self._keys.authorization(CALLBACK_SECONDS, faults.callback_token)
                if authorization is not None:
                    headers["Authorization"] = authorization
                try:
                    async with self._session.post(url, json=body, headers=headers) as answer:
                        if answer.status < 300:
                            break
                        cause = f"HTTP {answer.status}"
                except (aiohttp.ClientError, TimeoutError) as error:
                    cause = type(error).__name__
                _log.warning("%s is not delivered: %s", body[0]["type"], cause)
                await asyncio.sleep(0.2 * 2**number)

    # Control.

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "calls": len(self._calls)})

    async def _requests(self, _: web.Request) -> web.Response:
        return web.json_response(self.requests)

    async def _requests_of(self, request: web.Request) -> web.Response:
        call = self._call(request.match_info["id"])
        return web.json_response(self._asked.get(call.id, []))

    async def _sent(self, request: web.Request) -> web.Response:
        call = self._call(request.match_info["id"])
        return web.json_response([sent.describe() for sent in call.sent])

    async def _sent_pcm(self, request: web.Request) -> web.Response:
        sent = self._call(request.match_info["id"]).sent[int(request.match_info["stream"])]
        track = list(sent.tracks.values())[int(request.match_info["track"])]
        return web.Response(body=bytes(track), content_type="application/octet-stream")

    async def _set_faults(self, request: web.Request) -> web.Response:
        faults = msgspec.json.decode(await request.read() or b"{}", type=Faults)
        if "id" in request.match_info:
            self._call(request.match_info["id"]).faults = faults
        else:
            self._faults = faults
        return web.json_response(msgspec.to_builtins(faults))

    async def _let_ring(self, request: web.Request) -> web.Response:
        twice = self._faults.repeat_events
        ring = self._incoming.let_ring(await request.read(), _identifier, twice=twice)
        return web.json_response(ring.describe(), status=201)

    async def _show_ring(self, request: web.Request) -> web.Response:
        return web.json_response(self._incoming.find(request.match_info["id"]).describe())

    async def _rotate(self, request: web.Request) -> web.Response:
        self._keys.rotate(keep_old=request.query.get("keep_old", "true") != "false")
        return web.Response(status=204)

    async def _sign(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=TokenRequest)
        seconds = CALLBACK_SECONDS if asked.entrance == "callback" else MEDIA_SECONDS
        return web.json_response({"authorization": self._keys.authorization(seconds, asked.fault)})


def _identifier(raw_id: str) -> dict[str, Any]:
    if raw_id.startswith("4:"):
        return {"rawId": raw_id, "kind": "phoneNumber", "phoneNumber": {"value": raw_id[2:]}}
    return {"rawId": raw_id, "kind": "communicationUser", "communicationUser": {"id": raw_id}}


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
