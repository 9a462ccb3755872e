"""The streamer's routes: the media WebSocket, ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from picows import WSListener

from contract.grants import MEDIA_PATH
from streamer import metrics
from streamer.errors import HandshakeRefused
from streamer.handshake import Admission, HandshakeAuthenticator
from streamer.health import Health
from streamer.http_upgrade import Request, Response, asks_for_websocket, check_upgrade
from streamer.refusals import count_refused

_RETRY_AFTER = (("Retry-After", "5"),)
_HEADERS: dict[HTTPStatus, tuple[tuple[str, str], ...]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY_AFTER,
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY_AFTER,
    HTTPStatus.UPGRADE_REQUIRED: (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
}
_METRICS_TYPE = "text/plain; version=0.0.4"


class Routes:
    """Handles requests. ``connect`` returns the listener of an admitted call's WebSocket."""

    def __init__(
        self,
        health: Health,
        authenticator: HandshakeAuthenticator,
        connect: Callable[[Admission], WSListener],
    ) -> None:
        self._health = health
        self._authenticator = authenticator
        self._connect = connect

    async def handle(self, request: Request) -> Response | WSListener:
        """Answer any request, or return the listener of the WebSocket to upgrade it to."""
        if _path(request).startswith(MEDIA_PATH):
            return await self.handle_media(request)
        return await self.handle_health(request)

    async def handle_media(self, request: Request) -> Response | WSListener:
        """Return the listener of a media WebSocket, or a refusal. There is nothing else here."""
        path = _path(request)
        if not path.startswith(MEDIA_PATH):
            return _answer_unknown_path(request)
        try:
            return await self._upgrade(request, path.removeprefix(MEDIA_PATH))
        except HandshakeRefused as refusal:
            return _refuse(refusal)

    async def handle_health(self, request: Request) -> Response | WSListener:
        """Answer a request about the streamer's health: the answers are not for strangers."""
        path = _path(request)
        if request.method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED)
        if path == "/healthz":
            return _json(HTTPStatus.OK, {"status": "ok", **self._health.report()})
        if path == "/readyz":
            reason = self._health.refusal_reason()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
            return _json(status, {"status": reason or "ready", **self._health.report()})
        if path == "/metrics":
            self._health.update_gauges()
            return Response(HTTPStatus.OK, metrics.render(), _METRICS_TYPE)
        return _answer_unknown_path(request)

    async def _upgrade(self, request: Request, stream_token: str) -> WSListener:
        """Return the listener of an admitted handshake. Raises HandshakeRefused."""
        self._require_ready()
        check_upgrade(request)
        admission = await self._authenticator.authenticate(stream_token, request.headers)
        # Again, because others may have been admitted meanwhile. No place is reserved earlier:
        # strangers who wait for a key server that is down would keep ACS out.
        self._require_ready()
        return self._connect(admission)

    def _require_ready(self) -> None:
        reason = self._health.refusal_reason()
        if reason:
            raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, reason)


def _path(request: Request) -> str:
    return request.path.partition("?")[0]


def _answer_unknown_path(request: Request) -> Response:
    """Answer a request for nothing. A handshake may be a call's, whose URL is wrong: it counts."""
    if asks_for_websocket(request):
        return _refuse(HandshakeRefused(HTTPStatus.NOT_FOUND, "path"))
    return Response(HTTPStatus.NOT_FOUND, b"not found\n")


def _refuse(refusal: HandshakeRefused) -> Response:
    status, reason = refusal.status, refusal.reason
    count_refused(status, reason)
    headers = _HEADERS.get(status, ())
    return Response(status, reason.encode() + b"\n", headers=headers)


def _json(status: HTTPStatus, document: dict[str, object]) -> Response:
    return Response(status, msgspec.json.encode(document) + b"\n", "application/json")
