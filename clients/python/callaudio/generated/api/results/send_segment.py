"""Get one segment: the request and its response."""

from typing import Any
from urllib.parse import quote


def build_request(
    id: str,
    track: str,
    index: int,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls/{id}/segments/{track}/{index}".format(
            id=quote(str(id), safe=""),
            track=quote(str(track), safe=""),
            index=quote(str(index), safe=""),
        ),
    }
    return _kwargs
