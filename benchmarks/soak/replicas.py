"""The streamers under test: real processes that are killed, drained, frozen and started again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp

from local.child_process import ChildProcess
from local.ports import HOST, free_ports

ROOT = Path(__file__).parents[2]
_TERMINATE_SECONDS = 90.0


class Replica:
    """One streamer with a spool of its own, always on the same port.

    Attributes:
        name: Its name, in logs.
        port: Where it listens.
        spool: The folder of its spool.
        kills: When it was killed, in seconds of the event loop's clock.
        freezes: When it was frozen, and thawed again.
    """

    def __init__(self, name: str, folder: Path, settings: dict[str, str]) -> None:
        self.name = name
        self.spool = folder / name
        self.kills: list[float] = []
        self.freezes: list[tuple[float, float]] = []
        (self.port,) = free_ports(1)
        self._folder = folder
        self._settings = settings
        self._child: ChildProcess | None = None

    @property
    def log(self) -> str:
        """Its log so far, of all its processes."""
        path = self._folder / f"{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def start(self) -> None:
        """Start it on its spool. Raises StartError."""
        settings = self._settings | {
            "HOST": HOST,
            "PORT": str(self.port),
            "SPOOL_DIR": str(self.spool),
            "TOKEN_CHECK": "off",
            "GRANT_CHECK": "off",
        }
        self._child = await ChildProcess.launch(
            self.name,
            ["-m", "streamer"],
            settings,
            f"http://{HOST}:{self.port}/healthz",
            cwd=ROOT,
            log_dir=self._folder,
        )
        await self._child.wait_until_healthy()

    async def kill(self) -> None:
        """Kill it (SIGKILL)."""
        assert self._child is not None
        # Noted first: the sockets' ends are seen before this coroutine goes on.
        self.kills.append(asyncio.get_running_loop().time())
        self._child.process.kill()
        await self._child.process.wait()

    async def terminate(self) -> int:
        """Send SIGTERM, and wait until it has drained. Returns its exit code, -9 if it hangs."""
        assert self._child is not None
        self._child.process.terminate()
        try:
            return await asyncio.wait_for(self._child.process.wait(), _TERMINATE_SECONDS)
        except TimeoutError:
            await self.kill()
            return -signal.SIGKILL

    async def freeze(self, seconds: float) -> None:
        """Stop it for a while (SIGSTOP), as a busy host does."""
        assert self._child is not None
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        os.kill(self._child.process.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(self._child.process.pid, signal.SIGCONT)
            self.freezes.append((started_at, loop.time()))

    async def stop(self) -> None:
        """Kill it if it still runs."""
        if self._child is not None and self._child.process.returncode is None:
            await self.kill()

    async def health(self) -> dict[str, Any]:
        """Return what /healthz reports. Raises aiohttp.ClientError, TimeoutError."""
        timeout = aiohttp.ClientTimeout(total=5)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{HOST}:{self.port}/healthz") as response,
        ):
            report: dict[str, Any] = await response.json()
            return report
