"""The clients: the app's operations as methods, and what needs more than one request.

Both carry out the same steps (see ``steps``). Those of ``AsyncClient`` do not block the event loop.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from callaudio import requests
from callaudio.auth import KeyAuth, Token, TokenAuth, check_address
from callaudio.downloads import OnProgress, download
from callaudio.errors import UnreachableError
from callaudio.generated.client import AsyncOperations, Operations
from callaudio.generated.models.call import Call
from callaudio.generated.models.call_details import CallDetails
from callaudio.steps import MAX_RETRY_SECONDS, Close, Effect, Read, Send, Sleep, Steps, send
from callaudio.version import __version__
from callaudio.waiting import OnCall, wait_until_final

Result = TypeVar("Result")

TIMEOUT = httpx.Timeout(30, read=120)
"""Some requests wait for ACS, or for a recording that is converted."""


class _Settings:
    """What both clients need to know."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        token: Token | None = None,
        timeout: httpx.Timeout | float = TIMEOUT,
        max_retry_seconds: float = MAX_RETRY_SECONDS,
    ) -> None:
        """Make a client.

        Args:
            url: The app's address.
            key: A function key.
            token: A token of Entra ID, or what returns one (``entra_token``), instead of the key.
            timeout: Seconds for one request.
            max_retry_seconds: How long to repeat a request that is answered with 429 or 503.

        Raises ValueError.
        """
        self.url = check_address(url)
        self._auth = KeyAuth(key) if key else TokenAuth(token) if token else None
        self._timeout = timeout
        self._max_retry_seconds = max_retry_seconds

    @classmethod
    def from_environment(cls) -> Self:
        """Make a client from ``CALLAUDIO_URL`` and ``CALLAUDIO_KEY``. Raises KeyError."""
        return cls(os.environ["CALLAUDIO_URL"], os.environ["CALLAUDIO_KEY"])

    def _http_options(self) -> dict[str, Any]:
        return {
            "base_url": self.url,
            "timeout": self._timeout,
            "headers": {"User-Agent": f"callaudio/{__version__}"},
            "follow_redirects": False,
        }

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(f"no answer from {self.url}: {error or type(error).__name__}")


class Client(_Settings, Operations):
    """A client of the app, for use in a ``with`` statement."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._http = httpx.Client(**self._http_options())
        self._chunks: dict[int, Iterator[bytes]] = {}

    __init__.__doc__ = _Settings.__init__.__doc__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def iterate_calls(self, **filters: Any) -> Iterator[Call]:
        """Yield all calls of ``list_calls`` with these filters, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_calls(**filters | requests.after(cursor))
            yield from page.calls
            cursor = page.cursor
            if cursor is None:
                return

    def wait_until_final(
        self,
        call_id: str,
        *,
        on_change: OnCall | None = None,
        allow_partial: bool = False,
        timeout: float | None = None,
        interval: float = 1.0,
    ) -> CallDetails:
        """Wait until a call has ended and its result is final; return the call.

        Args:
            call_id: The call connection id.
            on_change: Called with the call, at first and whenever something of it has changed.
            allow_partial: Accept a result that lacks audio.
            timeout: Seconds; None waits for as long as the call lasts.
            interval: Seconds between two looks at least, however much happens.

        Raises ResultError, WaitTimeoutError, ProblemError, UnreachableError.
        """
        return self._run(
            wait_until_final(
                call_id,
                on_change=on_change,
                allow_partial=allow_partial,
                timeout=timeout,
                interval=interval,
            )
        )

    def download(
        self, request: dict[str, Any], path: str | Path, on_progress: OnProgress | None = None
    ) -> Path:
        """Download a file (see ``callaudio.requests``); go on with a part that is there.

        Raises DownloadError, ProblemError, UnreachableError, OSError.
        """
        return self._run(download(request, Path(path), on_progress))

    def request(self, request: dict[str, Any]) -> httpx.Response:
        """Send any request to the app; return a successful response.

        Raises ProblemError, UnreachableError.
        """
        return self._run(send(request, max_retry_seconds=self._max_retry_seconds))

    def _send(self, request: dict[str, Any]) -> httpx.Response:
        return self.request(request)

    def _run(self, steps: Steps[Result]) -> Result:
        """Carry out steps; return their result."""
        try:
            effect = next(steps)
            while True:
                try:
                    outcome = self._perform(effect)
                except httpx.TransportError as error:
                    effect = steps.throw(self._unreachable(error))
                else:
                    effect = steps.send(outcome)
        except StopIteration as stop:
            result: Result = stop.value
            return result

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(arguments, stream, is_for_app):
                request = self._http.build_request(**arguments)
                auth = self._auth if is_for_app else None
                return self._http.send(request, stream=stream, auth=auth)
            case Sleep(seconds):
                time.sleep(seconds)
            case Read(response):
                chunks = self._chunks.setdefault(id(response), response.iter_raw())
                return next(chunks, b"")
            case Close(response, is_read):
                if is_read:
                    response.read()
                response.close()
                self._chunks.pop(id(response), None)
        return None


class AsyncClient(_Settings, AsyncOperations):
    """A client of the app, for use in an ``async with`` statement."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._http = httpx.AsyncClient(**self._http_options())
        self._chunks: dict[int, AsyncIterator[bytes]] = {}

    __init__.__doc__ = _Settings.__init__.__doc__

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def iterate_calls(self, **filters: Any) -> AsyncIterator[Call]:
        """Yield all calls of ``list_calls`` with these filters, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_calls(**filters | requests.after(cursor))
            for call in page.calls:
                yield call
            cursor = page.cursor
            if cursor is None:
                return

    async def wait_until_final(
        self,
        call_id: str,
        *,
        on_change: OnCall | None = None,
        allow_partial: bool = False,
        timeout: float | None = None,
        interval: float = 1.0,
    ) -> CallDetails:
        """Wait until a call has ended and its result is final; return the call.

        See ``Client.wait_until_final``.
        """
        return await self._run(
            wait_until_final(
                call_id,
                on_change=on_change,
                allow_partial=allow_partial,
                timeout=timeout,
                interval=interval,
            )
        )

    async def download(
        self, request: dict[str, Any], path: str | Path, on_progress: OnProgress | None = None
    ) -> Path:
        """Download a file (see ``callaudio.requests``); go on with a part that is there.

        Raises DownloadError, ProblemError, UnreachableError, OSError.
        """
        return await self._run(download(request, Path(path), on_progress))

    async def request(self, request: dict[str, Any]) -> httpx.Response:
        """Send any request to the app; return a successful response.

        Raises ProblemError, UnreachableError.
        """
        return await self._run(send(request, max_retry_seconds=self._max_retry_seconds))

    async def _send(self, request: dict[str, Any]) -> httpx.Response:
        return await self.request(request)

    async def _run(self, steps: Steps[Result]) -> Result:
        """Carry out steps; return their result."""
        try:
            effect = next(steps)
            while True:
                try:
                    outcome = await self._perform(effect)
                except httpx.TransportError as error:
                    effect = steps.throw(self._unreachable(error))
                else:
                    effect = steps.send(outcome)
        except StopIteration as stop:
            result: Result = stop.value
            return result

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(arguments, stream, is_for_app):
                request = self._http.build_request(**arguments)
                auth = self._auth if is_for_app else None
                return await self._http.send(request, stream=stream, auth=auth)
            case Sleep(seconds):
                await asyncio.sleep(seconds)
            case Read(response):
                chunks = self._chunks.setdefault(id(response), response.aiter_raw())
                return await anext(chunks, b"")
            case Close(response, is_read):
                if is_read:
                    await response.aread()
                await response.aclose()
                self._chunks.pop(id(response), None)
        return None
