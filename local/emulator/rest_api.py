"""ACS's REST calls: create, answer, show, start and stop streaming, play, hang up.

Source of the calls and their status codes: what ``azure-communication-callautomation`` 1.6.0 sends
and accepts.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from local.emulator import signature
from local.emulator.call import Call
from local.emulator.errors import AcsError
from local.emulator.incoming import IncomingCalls
from local.emulator.registry import CallRegistry
from local.emulator.requests import (
    AnswerCallRequest,
    CreateCallRequest,
    PlayRequest,
    StreamingRequest,
)

_PREFIX = "/calling/callConnections"


class RestApi:
    """The REST calls. ``request_counts`` counts them by operation, such as ``POST answer``."""

    def __init__(self, access_key: str, calls: CallRegistry, incoming: IncomingCalls) -> None:
        self._access_key = access_key
        self._calls = calls
        self._incoming = incoming
        self._calls_by_repeatability_id: dict[str, Call] = {}
        self.request_counts: dict[str, int] = {}

    def add_routes(self, app: web.Application) -> None:
        """Serve the REST calls."""
        app.router.add_post(_PREFIX, self._create)
        app.router.add_post(f"{_PREFIX}:answer", self._answer)
        app.router.add_get(f"{_PREFIX}/{{id}}", self._get)
        app.router.add_delete(f"{_PREFIX}/{{id}}", self._hang_up)
        app.router.add_post(f"{_PREFIX}/{{operation}}", self._operate)

    async def authenticate(self, request: web.Request) -> None:
        """Count a REST call and check its signature; let other requests pass.

        Raises SignatureError.
        """
        if not request.path.startswith(_PREFIX):
            return
        operation = f"{request.method} {request.path.partition(':')[2] or 'callConnections'}"
        self.request_counts[operation] = self.request_counts.get(operation, 0) + 1
        signature.verify(
            self._access_key,
            request.method,
            request.raw_path,
            request.headers,
            await request.read(),
        )

    async def _create(self, request: web.Request) -> web.Response:
        call = self._repeated(request)
        if call is None:
            call = self._calls.place(
                msgspec.json.decode(await request.read(), type=CreateCallRequest)
            )
            await self._record(call, "create", request)
        return web.json_response(call.properties(), status=201)

    async def _answer(self, request: web.Request) -> web.Response:
        call = self._repeated(request)
        faults = self._calls.faults
        if call is None:
            answer = msgspec.json.decode(await request.read(), type=AnswerCallRequest)
            incoming = self._incoming.find_ringing(answer.incoming_call_context)
            if faults.answer_status is not None:
                raise AcsError(faults.answer_status, "8500", "The call is not answered.")
            call = self._calls.answer(incoming, answer)
            await self._record(call, "answer", request)
        if faults.operation_status is not None:
            raise AcsError(faults.operation_status, "8500", "Internal server error.")
        return web.json_response(call.properties())

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._calls.find(request.match_info["id"]).properties())

    async def _hang_up(self, request: web.Request) -> web.Response:
        await self._calls.find(request.match_info["id"]).hang_up()
        return web.Response(status=204)

    async def _operate(self, request: web.Request) -> web.Response:
        call_id, _, operation = request.match_info["operation"].partition(":")
        call = self._calls.find(call_id)
        if operation == "terminate":
            await call.hang_up()
            return web.Response(status=204)
        content = await request.read() or b"{}"
        if operation == "startMediaStreaming":
            body = msgspec.json.decode(content, type=StreamingRequest)
            call.start_streaming(body.operation_callback_uri, body.operation_context)
        elif operation == "stopMediaStreaming":
            body = msgspec.json.decode(content, type=StreamingRequest)
            call.stop_streaming(body.operation_callback_uri, body.operation_context)
        elif operation == "play":
            call.play(msgspec.json.decode(content, type=PlayRequest))
        else:
            raise AcsError(501, "8500", f"The emulator does not implement {operation!r}.")
        await self._record(call, operation, request)
        if call.faults.operation_status is not None:
            raise AcsError(call.faults.operation_status, "8500", "Internal server error.")
        return web.Response(status=202)

    def _repeated(self, request: web.Request) -> Call | None:
        """Return the call of an earlier request with the same Repeatability-Request-ID."""
        return self._calls_by_repeatability_id.get(
            request.headers.get("Repeatability-Request-ID", "")
        )

    async def _record(self, call: Call, operation: str, request: web.Request) -> None:
        """Keep a request for ``GET /emulator/calls/{id}/requests`` and its repeatability id."""
        body = msgspec.json.decode(await request.read() or b"{}")
        call.requests.append({"operation": operation, "body": body})
        repeatability_id = request.headers.get("Repeatability-Request-ID")
        if repeatability_id and operation in ("create", "answer"):
            self._calls_by_repeatability_id[repeatability_id] = call
