"""Only what was signed with the secret, a short time ago, is an event."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from callaudio import WebhookError, verify_webhook
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
BODY = json.dumps({"specversion": "1.0", "id": "e1", "type": "call.final"}).encode()


def signed(
    body: bytes = BODY, secret: str = SECRET, age: timedelta = timedelta()
) -> dict[str, str]:
    time = datetime.now(UTC) - age
    return {
        "Webhook-Id": "e1",
        "Webhook-Timestamp": str(int(time.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("e1", time, body.decode()),
    }


def test_a_signed_event_is_returned() -> None:
    assert verify_webhook(SECRET, BODY, signed())["type"] == "call.final"


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        (BODY + b" ", signed),
        (BODY, lambda: signed(secret=OTHER)),
        (BODY, lambda: signed(age=timedelta(minutes=20))),
        (BODY, lambda: signed(age=timedelta(minutes=-20))),
        (BODY, dict),
        (BODY, lambda: signed() | {"Webhook-Signature": "v1"}),
        (BODY, lambda: signed() | {"Webhook-Signature": "v1,not base64"}),
        (BODY, lambda: signed() | {"Webhook-Timestamp": "soon"}),
        (b"\xff", signed),
        (b"[]", lambda: signed(b"[]")),
        (b"no JSON", lambda: signed(b"no JSON")),
    ],
    ids=["body", "secret", "old", "early", "none", "v1", "base64", "time", "utf8", "list", "text"],
)
def test_anything_else_is_an_error(body: bytes, sign: Callable[[], dict[str, str]]) -> None:
    """What is signed is signed now: tests are collected long before the last one runs."""
    headers = sign()
    with pytest.raises(WebhookError):
        verify_webhook(SECRET, body, headers)
