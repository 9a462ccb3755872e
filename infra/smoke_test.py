"""The smoke test: the deployed system answers, and refuses requests without credentials."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from infra.probe import expect

# A WebSocket handshake (RFC 6455) without what ACS adds to it: a bearer token and the call's id.
_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "c21va2UtdGVzdC1rZXkhIQ==",
}


def smoke_checks(app_url: str, streamer_url: str) -> list[tuple[str, Callable[[], Any]]]:
    """Return each check's description and the call that raises StepFailed if it fails."""
    calls, callbacks = f"{app_url}/api/v1/calls", f"{app_url}/api/v1/callbacks"
    media = f"{streamer_url}/media/smoke-test"
    return [
        ("the app answers", partial(expect, 200, "GET", f"{app_url}/api/v1/health")),
        ("a call without a key is refused", partial(expect, 401, "POST", calls, body=b"{}")),
        (
            "an unsigned callback event is refused",
            partial(expect, 401, "POST", callbacks, body=b"[]"),
        ),
        ("the streamer is ready", partial(expect, 200, "GET", f"{streamer_url}/readyz")),
        ("an unsigned handshake is refused", partial(expect, 401, "GET", media, _HANDSHAKE)),
    ]
