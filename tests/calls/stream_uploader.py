"""Sample streams in Blob Storage, and the events that they trigger."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from azure.storage.blob.aio import BlobServiceClient

from calls.clients import Clients
from calls.errors import TranscriptionFailed
from calls.pipeline import storage_events, transcription
from calls.transcripts.messages import TranscriptionMessage, decode_message, request_transcript
from contract import names
from tests.calls.sample_streams import SampleStream

MAX_DEQUEUE_COUNT = 5
"""How often the host runs a message that fails."""


def send_nothing(_: object) -> None:
    """Drops what is sent to a queue."""


class StreamUploader:
    """Uploads sample streams, and runs what their storage events trigger, in any order.

    A call's transcript is made as soon as it is requested.
    """

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
        if await storage_events.analyse_segment(self.clients, blob, file, metadata):
            await self.transcribe(stream.call)

    async def analyse_segments(self, stream: SampleStream) -> None:
        """Run the events of all segments."""
        for blob in stream.files:
            await self.analyse_segment(stream, blob)

    async def finish_stream(self, stream: SampleStream) -> None:
        """Upload the manifest, and run its event."""
        await self.upload_manifest(stream)
        if await storage_events.assemble_call(self.clients, stream.call):
            await self.transcribe(stream.call)

    def request(self, call: str) -> TranscriptionMessage:
        """A new message that asks for a call's transcript."""
        return TranscriptionMessage(call_connection_id=call, id=uuid.uuid4().hex)

    async def transcribe(self, call: str) -> None:
        """Run the messages that ask for a call's transcript until none is left.

        As the host does, run a failing message again, and finally as one of the poison queue.
        """
        messages: list[str] = []
        request_transcript(self.clients, call, messages.append)
        while messages:
            message = decode_message(messages.pop().encode())
            for _ in range(MAX_DEQUEUE_COUNT):
                try:
                    await transcription.transcribe(self.clients, message, messages.append)
                    break
                except TranscriptionFailed:
                    continue
            else:
                await transcription.fail(self.clients, message)

    async def upload_manifest(self, stream: SampleStream) -> None:
        """Upload the manifest; no event runs."""
        blob, content = stream.manifest_blob
        await self.storage.put(names.MANIFESTS, blob, content)

    async def assemble(self, stream: SampleStream) -> None:
        """Upload everything and run the storage events; the call's transcript is not made."""
        await self.upload_segments(stream)
        await self.analyse_segments(stream)
        await self.upload_manifest(stream)
        assert await storage_events.assemble_call(self.clients, stream.call)

    async def assemble_partially(self, call: str) -> None:
        """Assemble what has landed, as the reconciler does in the end."""
        assert await storage_events.assemble_call(self.clients, call, partial=True)

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
