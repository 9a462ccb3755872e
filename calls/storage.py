"""Blob Storage as the function app uses it: small JSON documents, changed under their ETags.

A response can be lost although the write was done. The client then repeats the request, and its
condition fails against the client's own write. So each conditional write has an id of its own in
the blob's metadata: a failed condition is somebody else's write only if the blob has another id.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
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
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from calls.blobs import CONTAINERS
from calls.subscribers import Subscribers

_JSON = ContentSettings(content_type="application/json")
_LINES = ContentSettings(content_type="application/jsonl")
_PRECONDITION_FAILED = 412
_CHANGED = (ResourceModifiedError, ResourceExistsError, ResourceNotFoundError)
"""How a conditional write fails if somebody else has changed the blob."""

_SINGLE_WRITE_BYTES = 4 * 1024 * 1024
"""A blob of at most this size is written by one request, without blocks."""

SHA256 = "sha256"
"""The metadata that has the SHA-256 of a blob's content."""

_WRITE_ID = "writeid"
"""The metadata that identifies a conditional write."""


class Document(NamedTuple):
    """A blob's content and its ETag."""

    content: bytes
    etag: str


class Properties(NamedTuple):
    """A blob's properties; ``size`` is in bytes."""

    size: int
    etag: str
    content_type: str
    metadata: dict[str, str]
    last_modified: datetime


class WrittenBlob(NamedTuple):
    """The size in bytes of a blob that was written, and its SHA-256 if it is known."""

    size: int
    sha256: str | None


class Page(NamedTuple):
    """Blob names, and where the next page begins (None at the end)."""

    names: list[str]
    cursor: str | None


class Storage:
    """The account's containers. Its methods raise AzureError if the service fails."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service
        self.subscribers: Subscribers | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def read(self, container: str, blob: str) -> Document | None:
        """Read a document; None if it does not exist."""
        client = self._service.get_blob_client(container, blob)
        try:
            download = await client.download_blob()
            return Document(await download.readall(), str(download.properties.etag))
        except ResourceNotFoundError:
            return None

    async def create(self, container: str, blob: str, content: bytes) -> str | None:
        """Write a document that must not exist yet.

        Returns:
            Its ETag; None if somebody else has written it.
        """
        client = self._service.get_blob_client(container, blob)
        write_id = uuid.uuid4().hex
        try:
            written = await client.upload_blob(
                content,
                overwrite=False,
                metadata={_WRITE_ID: write_id},
                content_settings=_JSON,
            )
        except ResourceExistsError:
            return await _etag_of_write(client, write_id)
        return str(written["etag"])

    async def replace(self, container: str, blob: str, content: bytes, etag: str) -> str | None:
        """Overwrite the document that had this ETag.

        Returns:
            Its new ETag; None if it was deleted, or changed by somebody else.
        """
        client = self._service.get_blob_client(container, blob)
        write_id = uuid.uuid4().hex
        try:
            written = await client.upload_blob(
                content,
                overwrite=True,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                metadata={_WRITE_ID: write_id},
                content_settings=_JSON,
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return await _etag_of_write(client, write_id)
        except HttpResponseError as error:
            if error.status_code == _PRECONDITION_FAILED:
                return await _etag_of_write(client, write_id)
            raise
        return str(written["etag"])

    async def put(self, container: str, blob: str, content: bytes) -> None:
        """Write a document unconditionally."""
        client = self._service.get_blob_client(container, blob)
        await client.upload_blob(content, overwrite=True, content_settings=_JSON)

    async def append(self, container: str, blob: str, content: bytes) -> bool:
        """Add a block to an append blob, which is created if it does not exist.

        The block may be added twice: if a response is lost, the client repeats its request.

        Returns:
            False if the blob has as many blocks as a blob can have.
        """
        client = self._service.get_blob_client(container, blob)
        try:
            await client.append_block(content)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                # Without the condition, it would replace what another writer has just created.
                await client.create_append_blob(_LINES, match_condition=MatchConditions.IfMissing)
            await client.append_block(content)
        except HttpResponseError as error:
            if getattr(error, "error_code", None) != "BlockCountExceedsLimit":
                raise
            return False
        return True

    async def delete(self, container: str, blob: str, etag: str | None = None) -> bool:
        """Delete a blob.

        Returns:
            False if it no longer exists, or no longer has this ETag.
        """
        conditions: dict[str, Any] = {}
        if etag is not None:
            conditions = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        try:
            await self._service.get_blob_client(container, blob).delete_blob(**conditions)
        except (ResourceNotFoundError, ResourceModifiedError):
            return False
        return True

    async def properties(self, container: str, blob: str) -> Properties | None:
        """Read a blob's properties; None if it does not exist."""
        try:
            properties = await self._service.get_blob_client(container, blob).get_blob_properties()
        except ResourceNotFoundError:
            return None
        return _properties(properties)

    async def rewrite(self, container: str, blob: str) -> bool:
        """Overwrite a blob with its own content, so that Event Grid delivers its event again.

        Returns:
            False if the blob does not exist.

        Raises ResourceModifiedError if somebody else writes it at the same time.
        """
        client = self._service.get_blob_client(container, blob)
        try:
            download = await client.download_blob()
        except ResourceNotFoundError:
            return False
        properties = download.properties
        write_id = uuid.uuid4().hex
        try:
            await client.upload_blob(
                await download.readall(),
                overwrite=True,
                etag=str(properties.etag),
                match_condition=MatchConditions.IfNotModified,
                metadata={**(properties.metadata or {}), _WRITE_ID: write_id},
                content_settings=ContentSettings(
                    content_type=properties.content_settings.content_type
                ),
            )
        except ResourceModifiedError:
            if await _etag_of_write(client, write_id) is None:
                raise
        return True

    async def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        """Read ``length`` bytes of a blob from ``offset`` on.

        Raises ResourceNotFoundError; ResourceModifiedError where it no longer has this ETag.
        """
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
    ) -> WrittenBlob | None:
        """Write a blob in blocks, or by one request if it is small. It appears whole or not at all.

        The blob's metadata gets the SHA-256 of its content, if that is known: the blob is small, or
        the blocks come in the order of their numbers.

        Args:
            container: The container's name.
            blob: The blob's name.
            blocks: Numbered blocks; the blob has them in the order of their numbers.
            name: Identifies the content: blocks of writers with different contents never mix.
            content_type: The blob's content type.
            metadata: The blob's metadata.
            etag: The ETag of the blob to overwrite; None: it must not exist yet.

        Returns:
            Its size and digest; None if somebody else has changed the blob in the meantime.
        """
        client = self._service.get_blob_client(container, blob)
        write_id = uuid.uuid4().hex
        options: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if etag is not None:
            options = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        ids, content, written = await _stage_blocks(client, blocks, name)
        if written.sha256 is not None:
            metadata = {**metadata, SHA256: written.sha256}
        options |= {
            "content_settings": ContentSettings(content_type=content_type),
            "metadata": {**metadata, _WRITE_ID: write_id},
        }
        try:
            if ids:
                await client.commit_block_list([BlobBlock(id_) for id_ in sorted(ids)], **options)
            else:
                await client.upload_blob(content, overwrite=True, **options)
        except HttpResponseError as error:
            # Another writer's commit discards the blocks that are not in its list.
            codes = ("InvalidBlockList", "ConditionNotMet")
            if not isinstance(error, _CHANGED) and getattr(error, "error_code", None) not in codes:
                raise
            return written if await _etag_of_write(client, write_id) else None
        return written

    async def listing(self, container: str, prefix: str) -> dict[str, Properties]:
        """List the blobs whose names begin with ``prefix``, in order, with their properties."""
        client = self._service.get_container_client(container)
        return {
            blob.name: _properties(blob)
            async for blob in client.list_blobs(name_starts_with=prefix, include=["metadata"])
        }

    async def blob_names(self, container: str, prefix: str) -> list[str]:
        """List the names that begin with ``prefix``, in order."""
        client = self._service.get_container_client(container)
        return [name async for name in client.list_blob_names(name_starts_with=prefix)]

    async def blob_names_until(
        self, container: str, prefix: str, last: str, limit: int
    ) -> list[str]:
        """List up to ``limit`` names that begin with ``prefix``, in order, up to ``last``."""
        client = self._service.get_container_client(container)
        blob_names: list[str] = []
        async for name in client.list_blob_names(name_starts_with=prefix):
            if name > last or len(blob_names) == limit:
                break
            blob_names.append(name)
        return blob_names

    async def page(self, container: str, size: int, cursor: str | None) -> Page:
        """List ``size`` names from ``cursor`` on. Raises HttpResponseError for a wrong cursor."""
        client = self._service.get_container_client(container)
        pages: AsyncIterator[Any] = client.list_blobs(results_per_page=size).by_page(cursor)
        async for page in pages:
            names = [blob.name async for blob in page]
            return Page(names, getattr(pages, "continuation_token", None) or None)
        return Page([], None)

    async def read_all(
        self, container: str, blob_names: list[str], concurrency: int = 16
    ) -> list[Document | None]:
        """Read many documents, ``concurrency`` at a time; None for each that does not exist."""
        limit = asyncio.Semaphore(concurrency)

        async def read(blob: str) -> Document | None:
            async with limit:
                return await self.read(container, blob)

        return await asyncio.gather(*map(read, blob_names))

    @property
    def service(self) -> BlobServiceClient:
        """The client of the whole account."""
        return self._service

    async def create_containers(self) -> None:
        """Create missing containers, for local development; in Azure, Bicep creates them."""
        for container in CONTAINERS:
            try:
                await self._service.create_container(container)
            except ResourceExistsError:
                continue


async def _stage_blocks(
    client: BlobClient, blocks: AsyncIterable[tuple[int, bytes]], name: str
) -> tuple[list[str], bytes, WrittenBlob]:
    """Stage a blob's blocks, and return their ids; or the content of one that needs none."""
    prefix = hashlib.sha256(name.encode()).hexdigest()[:32]
    digest = hashlib.sha256()
    ids: list[str] = []
    size, held_back = 0, dict[int, bytes]()
    async for number, block in blocks:
        size += len(block)
        digest.update(block)
        held_back[number] = block
        if size <= _SINGLE_WRITE_BYTES:
            continue
        for held_number, held_block in held_back.items():
            # All block ids of a blob must have the same length.
            ids.append(f"{prefix}-{held_number:06d}")
            await client.stage_block(ids[-1], held_block)
        held_back.clear()
    if ids:
        in_order = ids == sorted(ids)
        return ids, b"", WrittenBlob(size, digest.hexdigest() if in_order else None)
    content = b"".join(block for _, block in sorted(held_back.items()))
    return [], content, WrittenBlob(size, hashlib.sha256(content).hexdigest())


async def _etag_of_write(client: BlobClient, write_id: str) -> str | None:
    """Return a blob's ETag if it was last written by the write of this id."""
    try:
        properties = await client.get_blob_properties()
    except ResourceNotFoundError:
        return None
    is_own = (properties.metadata or {}).get(_WRITE_ID) == write_id
    return str(properties.etag) if is_own else None


def _properties(properties: BlobProperties) -> Properties:
    metadata = dict(properties.metadata or {})
    metadata.pop(_WRITE_ID, None)
    return Properties(
        size=properties.size,
        etag=str(properties.etag),
        content_type=properties.content_settings.content_type or "application/octet-stream",
        metadata=metadata,
        last_modified=properties.last_modified,
    )
