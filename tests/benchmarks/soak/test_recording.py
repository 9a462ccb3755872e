"""What Blob Storage has of a call is read, and deleted."""

from __future__ import annotations

import uuid

import pytest
from azure.storage.blob import BlobServiceClient

from benchmarks.soak.recording import Incomplete, Recordings
from contract import names, wav
from contract.manifest import Counts, Manifest, encode_manifest
from local.azurite import create_containers
from tests.benchmarks.soak.books import ORIGIN, audio, segment

STREAM = "20260301T120000000Z-00000000"


def test_a_call_s_recordings_are_read_and_deleted(storage: str) -> None:
    create_containers(storage)
    call = f"soak-{uuid.uuid4()}"
    part = segment(audio(1, 2, 3))
    manifest = Manifest(
        call_connection_id=call,
        stream_id=STREAM,
        sample_rate=16_000,
        started_at=ORIGIN,
        ended_at=ORIGIN,
        ended_by="",
        segments=[part.entry],
        counts=Counts(),
    )
    recordings = Recordings(storage)
    assert recordings.manifests(call) == {}
    service = BlobServiceClient.from_connection_string(storage)
    manifests = service.get_container_client(names.MANIFESTS)
    manifests.upload_blob(names.ManifestName(call, STREAM).blob, encode_manifest(manifest))
    name = names.ManifestName(call, STREAM).blob
    assert recordings.manifests(call) == {name: manifest}
    assert recordings.manifests(call, {name}) == {}
    with pytest.raises(Incomplete):
        recordings.segments(manifest)

    blob = part.entry.name(call, STREAM).blob
    content = wav.header(16_000, len(part.pcm)) + part.pcm
    service.get_container_client(names.SEGMENTS).upload_blob(blob, content)
    assert recordings.segments(manifest) == [part]
    assert recordings.blob_names(call) == [blob]
    assert blob in recordings.blob_names()
    recordings.delete([blob])
    assert recordings.blob_names(call) == []
    recordings.delete([blob])  # an answer was lost: it is asked again
    assert recordings.manifests(call) == {name: manifest}
