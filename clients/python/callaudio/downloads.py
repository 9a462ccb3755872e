"""Downloads that go on where they ended.

Until a file is complete, it is in ``NAME.part``, and ``NAME.part.etag`` says which version of it. A
later download asks for the rest of that version only, and begins again if there is another one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from callaudio.errors import DownloadError, ProblemError, UnreachableError
from callaudio.steps import Close, Read, Sleep, Steps, retry_delay, send

MAX_RETRY_SECONDS = 600.0
"""How long to wait for a file that the app is still making: a converted recording."""

_MAX_ATTEMPTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_OTHER_VERSION = (httpx.codes.PRECONDITION_FAILED, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE)


class _NotReady(Exception):
    """Raised while the app is making the file; ``seconds`` is when to ask again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class Progress:
    """How many bytes of a file are there; ``total`` is None while that is not known."""

    done: int
    total: int | None


OnProgress = Callable[[Progress], object]


@dataclass(frozen=True)
class _Part:
    """The part of a file that is there."""

    path: Path
    etag_path: Path

    @classmethod
    def of(cls, path: Path) -> _Part:
        part = path.with_name(path.name + ".part")
        return cls(part, part.with_name(part.name + ".etag"))

    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the rest of this version; none if nothing is there."""
        try:
            size, etag = self.path.stat().st_size, self.etag_path.read_text(encoding="ascii")
        except (OSError, ValueError):
            return {}
        return {"Range": f"bytes={size}-", "If-Match": etag} if size and etag else {}

    def remove(self) -> None:
        for path in (self.path, self.etag_path):
            with suppress(FileNotFoundError):
                path.unlink()


def download(arguments: dict[str, Any], path: Path, on_progress: OnProgress | None) -> Steps[Path]:
    """Download what a request gets into a file; return the file's path.

    Raises DownloadError, ProblemError, UnreachableError, OSError.
    """
    part = _Part.of(path)
    attempts, waited = 0, 0.0
    while True:
        size = _size(part.path)
        try:
            if (yield from _download_rest(arguments, part, on_progress)):
                os.replace(part.path, path)
                part.remove()
                return path
        except ProblemError as error:
            if error.status not in _OTHER_VERSION or not size:
                raise
            part.remove()
            continue
        except _NotReady as not_ready:
            waited += not_ready.seconds
            if waited > MAX_RETRY_SECONDS:
                raise DownloadError(f"the app has not made {path.name} in {waited:g} s") from None
            yield Sleep(not_ready.seconds)
            continue
        except UnreachableError:
            if attempts >= _MAX_ATTEMPTS:
                raise
        attempts = 0 if _size(part.path) > size else attempts + 1
        if attempts > _MAX_ATTEMPTS:
            raise DownloadError(f"{path.name} ended after {_size(part.path)} bytes, several times")
        yield Sleep(0.1 * 2**attempts)


def _download_rest(
    arguments: dict[str, Any], part: _Part, on_progress: OnProgress | None
) -> Steps[bool]:
    """Request what is missing and append it; return whether the file is complete."""
    headers = {"Accept-Encoding": "identity"} | arguments.get("headers", {}) | part.conditions()
    response = yield from send(
        arguments | {"headers": headers}, stream=True, max_retry_seconds=MAX_RETRY_SECONDS
    )
    if response.status_code == httpx.codes.ACCEPTED:
        yield Close(response)
        raise _NotReady(retry_delay(response))
    if response.is_redirect:
        # A link to Blob Storage, which must not get the app's key.
        yield Close(response)
        link = {"method": "GET", "url": response.headers["Location"], "headers": headers}
        response = yield from send(link, stream=True, is_for_app=False)
    try:
        is_complete = yield from _append(response, part, on_progress)
    except Exception:
        yield Close(response)
        raise
    yield Close(response)
    return is_complete


def _append(response: httpx.Response, part: _Part, on_progress: OnProgress | None) -> Steps[bool]:
    done, total = 0, None
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != _size(part.path):
            part.remove()
            return False
        done, total = int(match[1]), int(match[2])
    elif response.headers.get("Content-Length", "").isdigit():
        total = int(response.headers["Content-Length"])
    etag = response.headers.get("ETag", "")
    part.etag_path.write_text("" if etag.startswith("W/") else etag, encoding="ascii")
    with part.path.open("ab" if done else "wb") as file:
        while True:
            if on_progress is not None:
                on_progress(Progress(done, total))
            content = yield Read(response)
            if not content:
                break
            file.write(content)
            done += len(content)
    return total is None or done == total


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
