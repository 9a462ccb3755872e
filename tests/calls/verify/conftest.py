"""An account whose blobs can be changed."""

from __future__ import annotations

import pytest
from azure.storage.blob.aio import BlobServiceClient

from tests.calls.stream_uploader import StreamUploader
from tests.calls.verify.evidence import Evidence


@pytest.fixture
def evidence(uploader: StreamUploader, service: BlobServiceClient) -> Evidence:
    return Evidence(uploader, service)
