"""Only what was signed with the secret, a short time ago, is an event."""

from __future__ import annotations

import base64
import json
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
    ("body", "headers"),
    [
        (BODY + b" ", signed()),
        (BODY, signed(secret=OTHER)),
        (BODY, signed(age=timedelta(minutes=20))),
        (BODY, signed(age=timedelta(minutes=-20))),
        (BODY, {}),
        (BODY, signed() | {"Webhook-Signature": "v1"}),
        (BODY, signed() | {"Webhook-Signature": "v1,not base64"}),
        (BODY, signed() | {"Webhook-Timestamp": "soon"}),
        (b"\xff", signed()),
        (b"[]", signed(b"[]")),
        (b"no JSON", signed(b"no JSON")),
    ],
    ids=["body", "secret", "old", "early", "none", "v1", "base64", "time", "utf8", "list", "text"],
)
def test_anything_else_is_an_error(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(WebhookError):
        verify_webhook(SECRET, body, headers)
