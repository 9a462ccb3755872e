"""The streamer's routes: the media WebSocket, ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

import msgspec
from picows import WSListener

from contract.grants import MEDIA_PATH
from event_log import log_event
from streamer import metrics
from streamer.errors import HandshakeRefused
from streamer.handshake import Admission, HandshakeAuthenticator
from streamer.health import Health
from streamer.http_upgrade import Request, Response

_log = logging.getLogger(__name__)
_RETRY_AFTER = (("Retry-After", "5"),)
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
        """Answer a request, or return the listener of the WebSocket to upgrade it to."""
        path = request.path.partition("?")[0]
        if path.startswith(MEDIA_PATH):
            try:
                return await self._upgrade(request, path.removeprefix(MEDIA_PATH))
            except HandshakeRefused as refusal:
                return _refuse(refusal)
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
        return Response(HTTPStatus.NOT_FOUND, b"not found\n")

    async def _upgrade(self, request: Request, stream_token: str) -> WSListener:
        """Return the listener of an admitted handshake. Raises HandshakeRefused."""
        self._require_ready()
        if request.method != "GET" or request.headers.get("Upgrade", "").lower() != "websocket":
            raise HandshakeRefused(HTTPStatus.UPGRADE_REQUIRED, "no_websocket")
        admission = await self._authenticator.authenticate(stream_token, request.headers)
        # Again, because others may have been admitted meanwhile. No place is reserved earlier:
        # strangers who wait for a key server that is down would keep ACS out.
        self._require_ready()
        return self._connect(admission)

    def _require_ready(self) -> None:
        reason = self._health.refusal_reason()
        if reason:
            raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, reason)


def _refuse(refusal: HandshakeRefused) -> Response:
    status, reason = refusal.status, refusal.reason
    metrics.HANDSHAKES_REFUSED.labels(reason).inc()
    log_event(_log, logging.WARNING, "handshake_refused", status=status.value, reason=reason)
    headers = _RETRY_AFTER if status == HTTPStatus.SERVICE_UNAVAILABLE else ()
    return Response(status, reason.encode() + b"\n", headers=headers)


def _json(status: HTTPStatus, document: dict[str, object]) -> Response:
    return Response(status, msgspec.json.encode(document) + b"\n", "application/json")
