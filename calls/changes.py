"""Changing a JSON document in Blob Storage under its ETag."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from calls.errors import Contended
from calls.storage import Storage

_MAX_ATTEMPTS = 20


async def change_document[T: msgspec.Struct](
    storage: Storage,
    container: str,
    blob: str,
    document_type: type[T],
    apply: Callable[[T], bool],
    *,
    missing: Callable[[], T],
    name: str,
) -> T:
    """Change a document under its ETag; return it as it is then.

    Args:
        storage: Where the document is.
        container: Its container.
        blob: Its blob.
        document_type: Its type.
        apply: Changes the document and returns whether it did. May run several times, and raise to
            refuse the change.
        missing: Returns the document to begin with if there is none, or raises.
        name: What it is, for the error: ``the disposition of call ...``.

    Raises Contended, AzureError, and what ``apply`` and ``missing`` raise.
    """
    for _ in range(_MAX_ATTEMPTS):
        stored = await storage.read(container, blob)
        document = (
            missing() if stored is None else msgspec.json.decode(stored.content, type=document_type)
        )
        if not apply(document):
            return document
        content = msgspec.json.encode(document)
        if stored is None:
            is_ours = await storage.create(container, blob, content)
        else:
            is_ours = await storage.replace(container, blob, content, stored.etag)
        if is_ours:
            return document
    raise Contended(f"{name} is being changed too often")
