"""The streamers' way to Blob Storage, which can be closed, or hold all that goes through it.

Azurite itself goes on. Stopped in the middle of a request, it sometimes loses the index of a blob
that it has accepted, and answers 500 for it ever after: that is the emulator's loss, and no other
Blob Storage's. The audit goes past the gate.
"""

from __future__ import annotations

import asyncio

from local.ports import HOST, free_ports

_READ_BYTES = 65_536


class StorageGate:
    """A TCP proxy before one port of this machine.

    Attributes:
        port: Where it listens, always the same.
    """

    def __init__(self, target_port: int) -> None:
        (self.port,) = free_ports(1)
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._is_flowing = asyncio.Event()
        self._is_flowing.set()

    async def open(self) -> None:
        """Accept connections. Raises OSError where another program has the port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, HOST, self.port)

    async def close(self) -> None:
        """Reset all connections, and refuse new ones until it is opened again."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            server.abort_clients()
            await server.wait_closed()

    async def hold(self, seconds: float) -> None:
        """Answer nothing for a while, and go on."""
        self._is_flowing.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._is_flowing.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        try:
            target_reader, target_writer = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pumps = [
            asyncio.ensure_future(self._pump(reader, target_writer)),
            asyncio.ensure_future(self._pump(target_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            target_writer.transport.abort()
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while content := await reader.read(_READ_BYTES):
                await self._is_flowing.wait()
                writer.write(content)
                await writer.drain()
        except ConnectionError:
            # The other side ended it.
            return
