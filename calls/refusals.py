"""Refusals: one log line each, in one shape, so that they can be counted and alarmed on.

The function app scales to zero and has no metrics endpoint of its own; Application Insights counts
these lines, and the local host prints them:

    traces
    | parse message with "refused entrance=" entrance " status=" status:int " reason=" reason " " *
    | summarize count() by entrance, reason, bin(timestamp, 5m)

``warned`` in the place of ``refused`` is what a check set to ``warn`` let in. Neither line ever
holds a token; what a sender wrote is quoted and cut.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

CALLBACKS = "callbacks"
INCOMING = "incoming"

_log = logging.getLogger(__name__)
_LONGEST_DETAIL = 300


def refused(entrance: str, status: HTTPStatus, reason: str, detail: str = "-") -> None:
    """Tell of a refusal. ``reason`` is a short constant word; ``detail`` must hold no secret."""
    _tell("refused", entrance, status, reason, detail)


def warned(entrance: str, status: HTTPStatus, reason: str, detail: str = "-") -> None:
    """Tell of what is let in although ``status`` would have been its answer."""
    _tell("warned", entrance, status, reason, detail)


def _tell(what: str, entrance: str, status: HTTPStatus, reason: str, detail: str) -> None:
    line = detail[:_LONGEST_DETAIL].encode("unicode_escape").decode()
    _log.warning(
        "%s entrance=%s status=%d reason=%s detail=%s", what, entrance, status, reason, line
    )
