"""Get a zip file with recording, transcript, timeline, call and manifests: the request and its response."""

from typing import Any
from urllib.parse import quote


def build_request(
    id: str,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls/{id}/export".format(
            id=quote(str(id), safe=""),
        ),
    }
    return _kwargs
