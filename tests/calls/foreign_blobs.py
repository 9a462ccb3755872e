"""Blobs among a call's that are not the app's."""

from __future__ import annotations

from azure.storage.blob.aio import BlobServiceClient

FOREIGN = ("notes.txt", "folder", "folder/notes.txt", "x.json", "x.wav", "x.open")


async def add_foreign_blobs(service: BlobServiceClient, container: str, call: str) -> None:
    """Add what other people, tools and account types leave among a call's blobs."""
    for name in FOREIGN:
        client = service.get_blob_client(container, f"{call}/{name}")
        await client.upload_blob(b"not ours", overwrite=True)
    # A hierarchical namespace lists the folder itself, too.
    folder = service.get_blob_client(container, f"{call}/20261124T120000123Z-0123abcd")
    await folder.upload_blob(b"", metadata={"hdi_isfolder": "true"}, overwrite=True)
