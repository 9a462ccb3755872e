"""The app's HTTP interface, for the demo and the tests: plain requests, no SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Self

import aiohttp

Json = dict[str, Any]


class AppError(Exception):
    """Raised when the app answers with another status than was wanted; holds the problem."""

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(f"HTTP {status}: {problem}")
        self.status = status
        self.problem = problem


class AppClient:
    """Calls the app with its function key."""

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
        """Any request: its status, document and headers."""
        assert self._session is not None
        async with self._session.request(method, path, json=body, headers=headers) as answer:
            document = None
            if "json" in answer.content_type:
                document = await answer.json(content_type=None)
            return answer.status, document, dict(answer.headers)

    async def _wanted(self, status: int, method: str, path: str, body: Any = None) -> Any:
        found, document, _ = await self.request(method, path, body)
        if found != status:
            raise AppError(found, document)
        return document

    async def place_call(self, **body: Any) -> Json:
        """Place a call; its record. Raises AppError."""
        record: Json = await self._wanted(201, "POST", "/api/calls", body)
        return record

    async def show(self, call: str) -> Json:
        """A call with its streams. Raises AppError."""
        record: Json = await self._wanted(200, "GET", f"/api/calls/{call}")
        return record

    async def timeline(self, call: str) -> Json:
        """Who spoke when. Raises AppError."""
        shown: Json = await self._wanted(200, "GET", f"/api/calls/{call}/timeline")
        return shown

    async def transcript(self, call: str, seconds: float = 120) -> Json:
        """What was said, once it is no more pending. Raises AppError, TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            shown: Json = await self._wanted(200, "GET", f"/api/calls/{call}/transcript")
            if shown["state"] != "pending":
                return shown
            if time.monotonic() > deadline:
                raise TimeoutError(f"the transcript: not after {seconds} s")
            await asyncio.sleep(0.25)

    async def recording(self, call: str) -> bytes:
        """A call's audio, range by range. Raises AppError."""
        assert self._session is not None
        content = b""
        while True:
            headers = {"Range": f"bytes={len(content)}-"}
            path = f"/api/calls/{call}/recording"
            async with self._session.get(path, headers=headers) as answer:
                if answer.status != 206:
                    raise AppError(answer.status, await answer.text())
                content += await answer.read()
                size = int(answer.headers["Content-Range"].rpartition("/")[2])
            if len(content) == size:
                return content

    async def streaming(self, call: str, operation: str, **body: Any) -> Json:
        """``start`` or ``stop`` a call's media streaming. Raises AppError."""
        path = f"/api/calls/{call}/streaming/{operation}"
        record: Json = await self._wanted(202, "POST", path, body)
        return record

    async def hang_up(self, call: str) -> None:
        """Hang up for everyone. Raises AppError."""
        await self._wanted(204, "DELETE", f"/api/calls/{call}")

    async def until(
        self, call: str, reached: Callable[[Json], bool], what: str, seconds: float = 30
    ) -> Json:
        """Wait until a call has reached something. Raises TimeoutError, naming it."""
        deadline = time.monotonic() + seconds
        while True:
            record = await self.show(call)
            if reached(record):
                return record
            if time.monotonic() > deadline:
                streaming, state = record["streaming"], record["state"]
                raise TimeoutError(f"{what}: not after {seconds} s ({state}, {streaming})")
            await asyncio.sleep(0.1)


def is_put_together(record: Json, streams: int) -> bool:
    """Whether the call's result is there, of that many streams."""
    return (record.get("summary") or {}).get("streams") == streams


def state_is(state: str) -> Callable[[Json], bool]:
    """For ``until``: the call's state."""
    return lambda record: record["state"] == state


def streaming_is(state: str) -> Callable[[Json], bool]:
    """For ``until``: the media streaming's state."""
    return lambda record: record["streaming"]["state"] == state
