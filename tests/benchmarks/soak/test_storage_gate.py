"""The way to Blob Storage carries all, holds it, or is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.soak.storage_gate import StorageGate
from local.ports import HOST


@pytest.fixture
async def gate() -> AsyncIterator[StorageGate]:
    """An open gate before a server that sends back what it receives."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(100):
            writer.write(content)
        writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    gate = StorageGate(server.sockets[0].getsockname()[1])
    await gate.open()
    yield gate
    await gate.close()
    server.close()
    server.abort_clients()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> bytes:
    """Send something, and return the answer; nothing where the connection has ended."""
    writer.write(content)
    try:
        return await asyncio.wait_for(reader.read(100), 60)
    except ConnectionError:
        return b""


async def test_an_open_gate_carries_both_ways(gate: StorageGate) -> None:
    reader, writer = await asyncio.open_connection(HOST, gate.port)
    assert await ask(reader, writer, b"one") == b"one"
    assert await ask(reader, writer, b"two") == b"two"
    writer.close()


async def test_a_closed_gate_resets_and_refuses_until_it_is_opened(gate: StorageGate) -> None:
    reader, writer = await asyncio.open_connection(HOST, gate.port)
    assert await ask(reader, writer, b"one") == b"one"
    await gate.close()
    assert await ask(reader, writer, b"two") == b""
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(HOST, gate.port)
    await gate.open()
    reader, writer = await asyncio.open_connection(HOST, gate.port)
    assert await ask(reader, writer, b"three") == b"three"
    writer.close()


async def test_what_is_held_arrives_later(gate: StorageGate) -> None:
    reader, writer = await asyncio.open_connection(HOST, gate.port)
    held = asyncio.create_task(gate.hold(3600))
    await asyncio.sleep(0)
    answer = asyncio.create_task(ask(reader, writer, b"one"))
    await asyncio.sleep(0.1)
    assert not answer.done()
    held.cancel()
    assert await answer == b"one"
    writer.close()


async def test_without_a_server_behind_it_connections_end() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), HOST, 0)
    gate = StorageGate(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    await gate.open()
    reader, writer = await asyncio.open_connection(HOST, gate.port)
    assert await ask(reader, writer, b"one") == b""
    await gate.close()
