"""Simulating incoming calls and waiting for audio, with the emulator's control interface."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from local.client import Json


async def simulate_incoming_call(emulator: aiohttp.ClientSession, **request: Any) -> Json:
    """Simulate an incoming call, and wait until its event has been delivered once."""
    async with emulator.post("/emulator/incoming", json=request) as response:
        assert response.status == 201, await response.text()
        incoming: Json = await response.json()
    return await wait_for_deliveries(emulator, str(incoming["id"]))


async def wait_for_deliveries(
    emulator: aiohttp.ClientSession, incoming_id: str, deliveries: int = 1
) -> Json:
    """Wait until an incoming call's event has been delivered so often; return the call."""
    for _ in range(1800):
        async with emulator.get(f"/emulator/incoming/{incoming_id}") as response:
            incoming: Json = await response.json()
        if len(incoming["deliveries"]) >= deliveries:
            return incoming
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the incoming call's event was not delivered: {incoming}")


async def wait_for_audio(emulator: aiohttp.ClientSession, call: str, length: int) -> None:
    """Wait until the last socket of a call has sent so many bytes of audio in each track."""
    for _ in range(1800):
        async with emulator.get(f"/emulator/calls/{call}/sent") as response:
            sent = await response.json()
        tracks = sent[-1]["tracks"] if sent else []
        if tracks and all(track["bytes"] >= length for track in tracks):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"not {length} bytes were sent: {sent}")
