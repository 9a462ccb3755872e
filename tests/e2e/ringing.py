"""Letting phones ring, by the emulator's control interface."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from local.client import Json


async def let_ring(emulator: aiohttp.ClientSession, **asked: Any) -> Json:
    """Let a phone ring, and wait until the app was told of it as often as it is told."""
    async with emulator.post("/emulator/incoming", json=asked) as answer:
        assert answer.status == 201, await answer.text()
        ring: Json = await answer.json()
    return await told(emulator, str(ring["id"]))


async def told(emulator: aiohttp.ClientSession, ring: str, deliveries: int = 1) -> Json:
    """How a call that rings stands, once it was told of so often."""
    for _ in range(400):
        async with emulator.get(f"/emulator/incoming/{ring}") as answer:
            shown: Json = await answer.json()
        if len(shown["deliveries"]) >= deliveries:
            return shown
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the app was not told of the call that rings: {shown}")
