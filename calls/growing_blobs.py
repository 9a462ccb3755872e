"""Reading what has been appended to a blob since it was last read."""

from __future__ import annotations

from http import HTTPStatus

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from calls.storage import Storage


async def read_from(
    storage: Storage, container: str, blob: str, offset: int, length: int
) -> bytes | None:
    """Read what a blob has from ``offset`` on, up to ``length`` bytes.

    Empty if it ends there; None if it does not exist. Raises AzureError.
    """
    try:
        return await storage.read_range(container, blob, offset, length)
    except ResourceNotFoundError:
        return None
    except HttpResponseError as error:
        if error.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        return b""
