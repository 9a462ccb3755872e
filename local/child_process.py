"""A child process with a log file, a health check, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import aiohttp

_HEALTHY_SECONDS = 90.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.1
_TAIL_LINES = 15
_PR_SET_PDEATHSIG = 1


class StartError(RuntimeError):
    """Raised when a part cannot be started; the message says which, why, and what to do."""


class PortTakenError(StartError):
    """Raised when a port that was free a moment ago is in use."""


class ChildProcess:
    """One child process; its output goes to a log file of its own. Ends with its parent."""

    def __init__(
        self, name: str, health_url: str, process: asyncio.subprocess.Process, log_path: Path
    ) -> None:
        self.name = name
        self.process = process
        self._health_url = health_url
        self._log_path = log_path

    @classmethod
    async def launch(
        cls,
        name: str,
        arguments: list[str],
        settings: Mapping[str, str],
        health_url: str,
        *,
        cwd: Path,
        log_dir: Path,
    ) -> Self:
        """Run Python with ``arguments``; ``settings`` are added to its environment."""
        log_path = log_dir / f"{name}.log"
        with log_path.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                cwd=cwd,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(settings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal must reach only the parent, which stops parts in order.
                process_group=0,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        return cls(name, health_url, process, log_path)

    async def wait_until_healthy(self) -> None:
        """Wait until the health URL answers 200. Raises StartError, PortTakenError."""
        deadline = asyncio.get_running_loop().time() + _HEALTHY_SECONDS
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                if self.process.returncode is not None:
                    tail = self.tail()
                    port_taken = "address already in use" in tail.lower()
                    error = PortTakenError if port_taken else StartError
                    raise error(f"the {self.name} did not start. Its log ends with:\n{tail}")
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(self._health_url) as response:
                        if response.status == 200:
                            return
                if asyncio.get_running_loop().time() > deadline:
                    raise StartError(
                        f"the {self.name} is not healthy after {_HEALTHY_SECONDS:.0f} s. "
                        f"Its log ends with:\n{self.tail()}"
                    )
                await asyncio.sleep(_POLL_SECONDS)

    def tail(self) -> str:
        """Return the last lines of the log."""
        lines = self._log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    async def stop(self) -> None:
        """Send SIGTERM, then SIGKILL after 20 s."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), _STOP_SECONDS)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, even when it is killed (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
