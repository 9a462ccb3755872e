"""Blob Storage as the function app uses it: small JSON documents, changed under their ETags."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobProperties, ContentSettings
from azure.storage.blob.aio import BlobServiceClient

from calls import blobs

_JSON = ContentSettings(content_type="application/json")
_PRECONDITION_FAILED = 412


class Contended(Exception):
    """Raised when a document was changed by others each time it was tried."""


class Document(NamedTuple):
    """A blob's content and its ETag."""

    content: bytes
    etag: str


class Properties(NamedTuple):
    """What is known of a blob without reading it."""

    size: int
    etag: str
    content_type: str
    metadata: dict[str, str]
    last_modified: datetime


class Page(NamedTuple):
    """Blob names, and where the next page begins (None at the end)."""

    names: list[str]
    cursor: str | None


class Storage:
    """The account's containers. Methods raise AzureError where the service does not answer."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def read(self, container: str, blob: str) -> Document | None:
        """A document, or None where there is none."""
        client = self._service.get_blob_client(container, blob)
        try:
            download = await client.download_blob()
            return Document(await download.readall(), str(download.properties.etag))
        except ResourceNotFoundError:
            return None

    async def create(self, container: str, blob: str, content: bytes) -> bool:
        """Write a document that must not be there yet; False where it is."""
        client = self._service.get_blob_client(container, blob)
        try:
            await client.upload_blob(content, overwrite=False, content_settings=_JSON)
        except ResourceExistsError:
            return False
        return True

    async def replace(self, container: str, blob: str, content: bytes, etag: str) -> bool:
        """Write over the document that had this ETag; False where it was changed or is gone."""
        client = self._service.get_blob_client(container, blob)
        try:
            await client.upload_blob(
                content,
                overwrite=True,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                content_settings=_JSON,
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return False
        except HttpResponseError as error:
            if error.status_code == _PRECONDITION_FAILED:
                return False
            raise
        return True

    async def put(self, container: str, blob: str, content: bytes) -> None:
        """Write a document whose content depends on its name only, whatever was there."""
        client = self._service.get_blob_client(container, blob)
        await client.upload_blob(content, overwrite=True, content_settings=_JSON)

    async def delete(self, container: str, blob: str, etag: str | None = None) -> None:
        """Delete a blob; one that is gone, or has no more this ETag, is no fault."""
        conditions: dict[str, Any] = {}
        if etag is not None:
            conditions = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        with contextlib.suppress(ResourceNotFoundError, ResourceModifiedError):
            await self._service.get_blob_client(container, blob).delete_blob(**conditions)

    async def properties(self, container: str, blob: str) -> Properties | None:
        """A blob's properties, or None where there is no such blob."""
        try:
            found = await self._service.get_blob_client(container, blob).get_blob_properties()
        except ResourceNotFoundError:
            return None
        return _properties(found)

    async def write_again(self, container: str, blob: str) -> bool:
        """Write a blob over with itself: Event Grid then tells of it anew. False where it is gone.

        Raises ResourceModifiedError where another writes it at the same time.
        """
        client = self._service.get_blob_client(container, blob)
        try:
            download = await client.download_blob()
        except ResourceNotFoundError:
            return False
        found = download.properties
        await client.upload_blob(
            await download.readall(),
            overwrite=True,
            etag=str(found.etag),
            match_condition=MatchConditions.IfNotModified,
            metadata=found.metadata,
            content_settings=ContentSettings(content_type=found.content_settings.content_type),
        )
        return True

    async def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        """A part of a blob. Raises ResourceNotFoundError, or ResourceModifiedError by the ETag."""
        conditions: dict[str, Any] = {}
        if etag is not None:
            conditions = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        client = self._service.get_blob_client(container, blob)
        download = await client.download_blob(offset, length, **conditions)
        content: bytes = await download.readall()
        return content

    async def write_in_blocks(
        self,
        container: str,
        blob: str,
        blocks: AsyncIterable[tuple[int, bytes]],
        *,
        name: str,
        content_type: str,
        metadata: dict[str, str],
        etag: str | None,
    ) -> bool:
        """Write a blob in blocks, in the order of their numbers; it appears whole, or not at all.

        ``name`` names the content: blocks of two writers with different contents never mix. False
        where the blob no more has this ETag (None: where there is one now).
        """
        client = self._service.get_blob_client(container, blob)
        ids: list[str] = []
        prefix = hashlib.sha256(name.encode()).hexdigest()[:32]
        async for number, block in blocks:
            # All ids of a blob's blocks must have one length.
            ids.append(f"{prefix}-{number:06d}")
            await client.stage_block(ids[-1], block)
        conditions: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if etag is not None:
            conditions = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        try:
            await client.commit_block_list(
                [BlobBlock(block_id) for block_id in sorted(ids)],
                content_settings=ContentSettings(content_type=content_type),
                metadata=metadata,
                **conditions,
            )
        except (ResourceModifiedError, ResourceExistsError, ResourceNotFoundError):
            return False
        except HttpResponseError as error:
            # Another writer's commit drops the blocks that are not in its own list.
            if getattr(error, "error_code", None) in ("InvalidBlockList", "ConditionNotMet"):
                return False
            raise
        return True

    async def listing(self, container: str, prefix: str) -> dict[str, Properties]:
        """The blobs whose names begin so, in order."""
        client = self._service.get_container_client(container)
        return {
            blob.name: _properties(blob)
            async for blob in client.list_blobs(name_starts_with=prefix, include=["metadata"])
        }

    async def blob_names(self, container: str, prefix: str) -> list[str]:
        """The names that begin so, in order."""
        client = self._service.get_container_client(container)
        return [name async for name in client.list_blob_names(name_starts_with=prefix)]

    async def blob_names_until(self, container: str, last: str) -> list[str]:
        """The names up to ``last``, in order."""
        found = []
        async for name in self._service.get_container_client(container).list_blob_names():
            if name > last:
                break
            found.append(name)
        return found

    async def page(self, container: str, size: int, cursor: str | None) -> Page:
        """``size`` names from ``cursor`` on. Raises HttpResponseError for a wrong cursor."""
        client = self._service.get_container_client(container)
        pages: AsyncIterator[Any] = client.list_blobs(results_per_page=size).by_page(cursor)
        async for page in pages:
            found = [blob.name async for blob in page]
            return Page(found, getattr(pages, "continuation_token", None) or None)
        return Page([], None)

    async def read_all(
        self, container: str, blobs: list[str], at_a_time: int = 16
    ) -> list[Document | None]:
        """Many documents, a bounded number at a time."""
        gate = asyncio.Semaphore(at_a_time)

        async def read(blob: str) -> Document | None:
            async with gate:
                return await self.read(container, blob)

        return await asyncio.gather(*map(read, blobs))

    @property
    def service(self) -> BlobServiceClient:
        """The client of the whole account, for what is not about one document."""
        return self._service

    async def create_containers(self) -> None:
        """Make the containers that are missing: for the laptop; in Azure, Bicep makes them."""
        for container in blobs.CONTAINERS:
            try:
                await self._service.create_container(container)
            except ResourceExistsError:
                continue


def _properties(found: BlobProperties) -> Properties:
    return Properties(
        size=found.size,
        etag=str(found.etag),
        content_type=found.content_settings.content_type or "application/octet-stream",
        metadata=dict(found.metadata or {}),
        last_modified=found.last_modified,
    )
