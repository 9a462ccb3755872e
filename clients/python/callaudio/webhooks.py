"""Verifying what the app posts to a webhook: see standardwebhooks.com."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from callaudio.errors import WebhookError


def verify_webhook(secret: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the CloudEvent of a webhook that the app signed.

    An event may come more than once: its ``id`` is the same then.

    Args:
        secret: The endpoint's secret, ``whsec_...``.
        body: The request's body, byte for byte.
        headers: The request's headers, of which three are needed: ``webhook-id``,
            ``webhook-timestamp`` and ``webhook-signature``.

    Raises WebhookError if the signature is missing or wrong, or the timestamp more than five
    minutes away.
    """
    webhook = Webhook(secret)
    try:
        webhook.verify(body, dict(headers), json_parse=False)
        event = json.loads(body)
    except (WebhookVerificationError, ValueError) as error:
        raise WebhookError(f"the webhook cannot be trusted: {error}") from error
    if not isinstance(event, dict):
        raise WebhookError("the webhook is not a CloudEvent")
    return event
