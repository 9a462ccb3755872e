"""What Blob Storage has of a call."""

from __future__ import annotations

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from benchmarks.soak.audit import Segment
from contract import names, wav
from contract.manifest import Manifest, decode_manifest


class Incomplete(Exception):
    """Raised while a segment that a manifest lists is missing."""


class Recordings:
    """The recordings of all calls. Its methods block, and raise AzureError."""

    def __init__(self, connection_string: str) -> None:
        service = BlobServiceClient.from_connection_string(
            connection_string, retry_total=0, connection_timeout=5, read_timeout=20
        )
        self._segments = service.get_container_client(names.SEGMENTS)
        self._manifests = service.get_container_client(names.MANIFESTS)

    def manifests(self, call: str) -> list[Manifest]:
        """Return the manifests of a call that are there."""
        return [
            decode_manifest(self._manifests.download_blob(blob.name).readall())
            for blob in self._manifests.list_blobs(name_starts_with=f"{call}/")
        ]

    def segments(self, manifest: Manifest) -> list[Segment]:
        """Return a stream's segments. Raises Incomplete."""
        segments: list[Segment] = []
        for entry in manifest.segments:
            blob = entry.name(manifest.call_connection_id, manifest.stream_id).blob
            try:
                content = self._segments.download_blob(blob).readall()
            except ResourceNotFoundError as error:
                raise Incomplete(blob) from error
            segments.append(Segment(entry, wav.samples(content)))
        return segments

    def blob_names(self, call: str = "") -> list[str]:
        """Return the names of a call's segments; of all calls where none is given."""
        prefix = f"{call}/" if call else ""
        return [blob.name for blob in self._segments.list_blobs(name_starts_with=prefix)]

    def delete(self, call: str) -> None:
        """Delete a call's segments, to make room. Its manifests stay."""
        for blob in self.blob_names(call):
            self._segments.delete_blob(blob)
