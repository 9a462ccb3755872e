"""A client of the app's HTTP interface, for the demo and the tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self

import aiohttp

Json = dict[str, Any]

_RANGE_BYTES = 4 * 1024 * 1024
"""The app redirects longer ranges to Blob Storage, and with them would go the function key."""


class AppError(Exception):
    """Raised when the app answers with an unexpected status.

    Attributes:
        status: The HTTP status.
        problem: The problem document, if the answer is one.
    """

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"HTTP {status}: {problem}")
        self.status = status
        self.problem = problem


class AppClient:
    """Sends requests to the app, with its function key, inside ``async with``."""

    def __init__(self, address: str, function_key: str) -> None:
        self._address = address
        self._headers = {"x-functions-key": function_key}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self._address, headers=self._headers, timeout=aiohttp.ClientTimeout(total=30)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Send any request; return its status, JSON document and headers."""
        assert self._session is not None
        async with self._session.request(method, path, json=body, headers=headers) as response:
            document = None
            if "json" in response.content_type:
                document = await response.json(content_type=None)
            return response.status, document, dict(response.headers)

    async def _expect(self, expected: int, method: str, path: str, body: Any = None) -> Any:
        status, document, _ = await self.request(method, path, body)
        if status != expected:
            raise AppError(status, document)
        return document

    async def place_call(self, **body: Any) -> Json:
        """Place a call; return its record. Raises AppError."""
        record: Json = await self._expect(201, "POST", "/api/v1/calls", body)
        return record

    async def show(self, call: str) -> Json:
        """Return a call with its streams. Raises AppError."""
        record: Json = await self._expect(200, "GET", f"/api/v1/calls/{call}")
        return record

    async def timeline(self, call: str) -> Json:
        """Return a call's timeline. Raises AppError."""
        timeline: Json = await self._expect(200, "GET", f"/api/v1/calls/{call}/timeline")
        return timeline

    async def transcript(self, call: str, seconds: float = 120) -> Json:
        """Return the transcript once it is not pending. Raises AppError, TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            transcript: Json = await self._expect(200, "GET", f"/api/v1/calls/{call}/transcript")
            if transcript["state"] != "pending":
                return transcript
            if time.monotonic() > deadline:
                raise TimeoutError(f"the transcript is still pending after {seconds} s")
            await asyncio.sleep(0.1)

    async def recording(self, call: str) -> bytes:
        """Download a call's recording, range by range. Raises AppError."""
        return await self._download(f"/api/v1/calls/{call}/recording")

    async def export(self, call: str) -> bytes:
        """Download a call's zip file, which is built, range by range. Raises AppError."""
        return await self._download(f"/api/v1/calls/{call}/export")

    async def _download(self, path: str) -> bytes:
        assert self._session is not None
        content = b""
        while True:
            headers = {"Range": f"bytes={len(content)}-{len(content) + _RANGE_BYTES - 1}"}
            async with self._session.get(path, headers=headers) as response:
                if response.status != 206:
                    raise AppError(response.status, await response.text())
                content += await response.read()
                size = int(response.headers["Content-Range"].rpartition("/")[2])
            if len(content) == size:
                return content

    async def streaming(self, call: str, operation: str, **body: Any) -> Json:
        """Start or stop a call's media streaming; ``operation`` is ``start`` or ``stop``.

        Raises AppError.
        """
        path = f"/api/v1/calls/{call}/streaming/{operation}"
        record: Json = await self._expect(202, "POST", path, body)
        return record

    async def hang_up(self, call: str) -> None:
        """Hang up for everyone, if the call has not ended. Raises AppError."""
        await self._expect(204, "POST", f"/api/v1/calls/{call}/hangup")

    async def until(
        self, call: str, condition: Callable[[Json], bool], what: str, seconds: float = 150
    ) -> Json:
        """Wait until ``condition`` is true of a call's record; return the record.

        ``what`` describes the condition in the message of TimeoutError. Raises AppError,
        TimeoutError.
        """
        deadline = time.monotonic() + seconds
        while True:
            record = await self.show(call)
            if condition(record):
                return record
            if time.monotonic() > deadline:
                streaming, state = record["streaming"], record["state"]
                raise TimeoutError(
                    f"{what}: not after {seconds} s (call {state}, streaming {streaming})"
                )
            await asyncio.sleep(0.1)


def is_assembled(record: Json, streams: int) -> bool:
    """Whether the call's result is final, and made of that many streams."""
    summary = record.get("summary") or {}
    return record.get("result_state") == "final" and summary.get("streams") == streams


def state_is(state: str) -> Callable[[Json], bool]:
    """For ``until``: whether the call has this state."""
    return lambda record: record["state"] == state


def streaming_is(state: str) -> Callable[[Json], bool]:
    """For ``until``: whether media streaming has this state."""
    return lambda record: record["streaming"]["state"] == state
