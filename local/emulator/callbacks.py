"""Delivery of callback events to the app, signed as ACS signs them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp

from event_log import log_event
from local.emulator.faults import Faults
from local.emulator.keys import CALLBACK_SECONDS, SigningKeys

_ATTEMPTS = 4
_FIRST_BACKOFF_SECONDS = 0.2

_log = logging.getLogger(__name__)


class CallbackSender:
    """Posts callback events; a failed delivery is tried again, up to four times in all."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the HTTP session."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))

    async def stop(self) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, events: list[dict[str, Any]], faults: Faults) -> None:
        """Post ``events`` in one request; the fault ``repeat_events`` posts them twice."""
        for _ in range(2 if faults.repeat_events else 1):
            await self._deliver(url, events, faults)

    async def _deliver(self, url: str, events: list[dict[str, Any]], faults: Faults) -> None:
        assert self._session is not None
        for attempt in range(_ATTEMPTS):
            headers = {}
            authorization = self._keys.sign_authorization(CALLBACK_SECONDS, faults.callback_token)
            if authorization is not None:
                headers["Authorization"] = authorization
            try:
                async with self._session.post(url, json=events, headers=headers) as response:
                    if response.status < 300:
                        return
                    reason = f"HTTP {response.status}"
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = type(error).__name__
            log_event(
                _log,
                logging.WARNING,
                "callback_delivery_failed",
                type=events[0]["type"],
                attempt=attempt + 1,
                reason=reason,
            )
            await asyncio.sleep(_FIRST_BACKOFF_SECONDS * 2**attempt)
