"""Sample streams in Blob Storage, and the events that they trigger."""

from __future__ import annotations

from collections.abc import Iterable

from azure.storage.blob.aio import BlobServiceClient

from calls.clients import Clients
from calls.pipeline import storage_events
from contract import names
from tests.calls.sample_streams import SampleStream


class StreamUploader:
    """Uploads sample streams, and runs what their storage events trigger, in any order."""

    def __init__(self, clients: Clients, service: BlobServiceClient) -> None:
        self.clients = clients
        self.storage = clients.storage
        self._service = service

    async def upload_segments(self, stream: SampleStream, leave_out: Iterable[str] = ()) -> None:
        """Upload every segment that is not left out; no event runs."""
        for blob, (file, metadata) in stream.files.items():
            if blob not in leave_out:
                client = self._service.get_blob_client(names.SEGMENTS, blob)
                await client.upload_blob(file, metadata=metadata, overwrite=True)

    async def analyse_segment(self, stream: SampleStream, blob: str) -> None:
        """Run the event of one segment."""
        file, metadata = stream.files[blob]
        await storage_events.analyse_segment(self.clients, blob, file, metadata)

    async def analyse_segments(self, stream: SampleStream) -> None:
        """Run the events of all segments."""
        for blob in stream.files:
            await self.analyse_segment(stream, blob)

    async def finish_stream(self, stream: SampleStream) -> None:
        """Upload the manifest, and run its event."""
        await self.upload_manifest(stream)
        await storage_events.assemble_call(self.clients, stream.call)

    async def upload_manifest(self, stream: SampleStream) -> None:
        """Upload the manifest; no event runs."""
        blob, content = stream.manifest_blob
        await self.storage.put(names.MANIFESTS, blob, content)

    async def process(self, *streams: SampleStream) -> None:
        """Upload everything and run all events, in order."""
        for stream in streams:
            await self.upload_segments(stream)
            await self.analyse_segments(stream)
            await self.finish_stream(stream)

    async def read_blob(self, container: str, blob: str) -> bytes:
        """A blob's content. Raises ResourceNotFoundError."""
        download = await self._service.get_blob_client(container, blob).download_blob()
        content: bytes = await download.readall()
        return content

    async def delete_blob(self, container: str, blob: str) -> None:
        """Delete a blob. Raises ResourceNotFoundError."""
        await self._service.get_blob_client(container, blob).delete_blob()
