"""Blob Storage in memory, for more blobs than Azurite can list: its listings scan every blob.

It counts its requests as Azure bills them: a listing takes one for each 5,000 blobs of its prefix.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from datetime import datetime

from calls.storage import Document, Properties

PAGE_BLOBS = 5000


class MemoryStorage:
    """Stands in for ``calls.storage.Storage``. Each request takes ``request_seconds``.

    ``now`` is the time in seconds that its requests have taken, one after another.
    """

    def __init__(self, modified_at: datetime, request_seconds: float) -> None:
        self.requests = 0
        self.reads: list[str] = []
        self._modified_at = modified_at
        self._request_seconds = request_seconds
        self._blobs: dict[str, tuple[bytes, str]] = {}
        self._sorted: list[str] | None = None
        self._writes = 0

    @property
    def now(self) -> float:
        return self.requests * self._request_seconds

    def fill(self, container: str, blobs: dict[str, bytes]) -> None:
        """Add blobs, without a request."""
        self._blobs |= {f"{container}/{name}": (body, '"0"') for name, body in blobs.items()}
        self._sorted = None

    async def read(self, container: str, blob: str) -> Document | None:
        self.reads.append(f"{container}/{blob}")
        await self._request()
        found = self._blobs.get(f"{container}/{blob}")
        return Document(*found) if found else None

    async def read_all(self, container: str, blob_names: list[str]) -> list[Document | None]:
        return [await self.read(container, blob) for blob in blob_names]

    async def properties(self, container: str, blob: str) -> Properties | None:
        await self._request()
        path = f"{container}/{blob}"
        return self._properties(path) if path in self._blobs else None

    async def listing(self, container: str, prefix: str) -> dict[str, Properties]:
        names = await self.blob_names(container, prefix)
        return {name: self._properties(f"{container}/{name}") for name in names}

    async def blob_names(self, container: str, prefix: str) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._blobs)
        start = f"{container}/{prefix}"
        first = bisect_left(self._sorted, start)
        last = bisect_left(self._sorted, start + "\U0010ffff", lo=first)
        for _ in range(max(1, -(-(last - first) // PAGE_BLOBS))):
            await self._request()
        return [path[len(container) + 1 :] for path in self._sorted[first:last]]

    async def put(self, container: str, blob: str, content: bytes) -> None:
        await self._request()
        self._write(f"{container}/{blob}", content)

    async def create(self, container: str, blob: str, content: bytes) -> str | None:
        await self._request()
        path = f"{container}/{blob}"
        return None if path in self._blobs else self._write(path, content)

    async def replace(self, container: str, blob: str, content: bytes, etag: str) -> str | None:
        await self._request()
        path = f"{container}/{blob}"
        return self._write(path, content) if self._blobs.get(path, ("", ""))[1] == etag else None

    async def delete(self, container: str, blob: str, etag: str | None = None) -> bool:
        await self._request()
        path = f"{container}/{blob}"
        if path not in self._blobs or etag not in (None, self._blobs[path][1]):
            return False
        del self._blobs[path]
        self._sorted = None
        return True

    async def _request(self) -> None:
        self.requests += 1
        await asyncio.sleep(0)

    def _write(self, path: str, content: bytes) -> str:
        self._writes += 1
        if path not in self._blobs:
            self._sorted = None
        self._blobs[path] = content, f'"{self._writes}"'
        return self._blobs[path][1]

    def _properties(self, path: str) -> Properties:
        content, etag = self._blobs[path]
        return Properties(len(content), etag, "application/json", {}, self._modified_at)
