"""Refusals: one log event each, in one shape, so that they can be counted and alerted on.

The function app scales to zero and has no metrics endpoint of its own. Application Insights counts
these events, and the local Functions host prints them:

    traces
    | where message startswith "request_refused"
    | parse-kv message as (entrance:string, status:int, reason:string)
        with (pair_delimiter=" ", kv_delimiter="=", quote='"')
    | summarize count() by entrance, reason, bin(timestamp, 5m)

``request_warned`` has the same fields: a check that is set to ``warn`` let the request in. Neither
event ever contains a token; text from a sender is escaped and cut.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from event_log import log_event

CALLBACKS = "callbacks"
INCOMING = "incoming"

_log = logging.getLogger(__name__)
_MAX_DETAIL_CHARACTERS = 300


def log_refused(entrance: str, status: HTTPStatus, reason: str, detail: str | None = None) -> None:
    """Log that a request was refused.

    Args:
        entrance: Where it came in: the module of its handler, or ``incoming``.
        status: The status of the refusal.
        reason: A short constant word to count by.
        detail: More for people; must not contain a secret.
    """
    _log_refusal("request_refused", entrance, status, reason, detail)


def log_warned(entrance: str, status: HTTPStatus, reason: str, detail: str | None = None) -> None:
    """Log that a check set to ``warn`` let in a request that it would refuse with ``status``."""
    _log_refusal("request_warned", entrance, status, reason, detail)


def _log_refusal(
    event: str, entrance: str, status: HTTPStatus, reason: str, detail: str | None
) -> None:
    log_event(
        _log,
        logging.WARNING,
        event,
        entrance=entrance,
        status=int(status),
        reason=reason,
        detail=detail[:_MAX_DETAIL_CHARACTERS] if detail is not None else None,
    )
