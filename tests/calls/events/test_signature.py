"""Signatures: Standard Webhooks' own library verifies them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from calls.events.signature import signed_headers
from tests.calls.events.post_office import KEY, OTHER_KEY, OTHER_SECRET, SECRET

BODY = '{"text": "größer"}'.encode()


def test_the_example_of_the_specification() -> None:
    """Its secret, message and signature, as its reference libraries test them."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        [key],
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_key_signs() -> None:
    headers = signed_headers("evt_1", BODY, [KEY, OTHER_KEY], datetime.now(UTC))
    for secret in (SECRET, OTHER_SECRET):
        assert Webhook(secret).verify(BODY, headers) == {"text": "größer"}


def test_what_was_changed_or_is_too_old_is_refused() -> None:
    now = datetime.now(UTC)
    headers = signed_headers("evt_1", BODY, [KEY], now)
    old = signed_headers("evt_1", BODY, [KEY], now - timedelta(minutes=6))
    for changed in (headers | {"webhook-id": "evt_2"}, headers | {"webhook-timestamp": "1"}, old):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(BODY, changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" ", headers)
