"""Signatures of webhooks, as Standard Webhooks has them. Pure.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime


def signed_headers(
    event_id: str, body: bytes, keys: Sequence[bytes], now: datetime
) -> dict[str, str]:
    """Return the headers that prove who sends a body, and when.

    Args:
        event_id: The event's id, the same at each attempt. It has no full stop.
        body: The body, as it is sent.
        keys: The endpoint's keys. Each signs, so that a receiver can change from one to another.
        now: The current time.
    """
    timestamp = str(int(now.timestamp()))
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)) for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature.decode()}" for signature in signatures),
    }
