"""Calls whose evidence is tampered with, and what a verification says."""

from __future__ import annotations

from azure.storage.blob.aio import BlobServiceClient

from calls.verify.command import verify_call
from calls.verify.report import Report
from tests.calls.stream_uploader import StreamUploader


class Evidence:
    """The blobs of an account, as somebody who may write all of them changes them."""

    def __init__(self, uploader: StreamUploader, service: BlobServiceClient) -> None:
        self.uploader = uploader
        self._service = service

    async def verify(self, call: str) -> Report:
        return await verify_call(self.uploader.storage, call)

    async def flip(self, container: str, blob: str, offset: int, bit: int = 1) -> None:
        """Flip one bit of a blob; its metadata stays."""
        client = self._service.get_blob_client(container, blob)
        download = await client.download_blob()
        content = bytearray(await download.readall())
        content[offset] ^= bit
        await self.write(container, blob, bytes(content), download.properties.metadata)

    async def write(
        self, container: str, blob: str, content: bytes, metadata: dict[str, str] | None = None
    ) -> None:
        client = self._service.get_blob_client(container, blob)
        await client.upload_blob(content, overwrite=True, metadata=metadata)

    async def delete(self, container: str, blob: str) -> None:
        await self.uploader.delete_blob(container, blob)
