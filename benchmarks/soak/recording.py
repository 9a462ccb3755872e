"""What Blob Storage has of a call."""

from __future__ import annotations

from collections.abc import Container
from http import HTTPStatus

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from benchmarks.soak.audit import Segment
from contract import names, wav
from contract.manifest import Manifest, decode_manifest

_BATCH = 256
"""How many blobs one request may delete (Blob Batch)."""


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

    def manifests(self, call: str, known: Container[str] = ()) -> dict[str, Manifest]:
        """Return the manifests of a call, by name, except those that are ``known``."""
        return {
            blob.name: decode_manifest(self._manifests.download_blob(blob.name).readall())
            for blob in self._manifests.list_blobs(name_starts_with=f"{call}/")
            if blob.name not in known
        }

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

    def delete(self, blob_names: list[str]) -> None:
        """Delete segments, to make room; those that are missing are deleted. Manifests stay.

        Raises Incomplete where some are left.
        """
        for first in range(0, len(blob_names), _BATCH):
            batch = blob_names[first : first + _BATCH]
            for answer in self._segments.delete_blobs(*batch, raise_on_any_failure=False):
                # An earlier attempt, whose answer was lost, may have deleted it.
                if answer.status_code not in (HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND):
                    raise Incomplete(f"a segment is left: {answer.status_code}")
