"""An access log of the local programs, for whoever sets ``ACCESS_LOG``.

It has each request as it came, with keys in its query: it is for tests and for looking closely.
"""

from __future__ import annotations

import logging
import os
from typing import Any


def access_log_options() -> dict[str, Any]:
    """Return options of an ``aiohttp.web.AppRunner``: a log only where ``ACCESS_LOG`` is set."""
    if not os.environ.get("ACCESS_LOG"):
        return {"access_log": None}
    return {
        "access_log": logging.getLogger("local.access"),
        "access_log_format": 'request "%r" status=%s',
    }
