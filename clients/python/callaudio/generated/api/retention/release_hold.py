"""Release a call from its legal hold: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus


def build_request(
    id: str,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v1/calls/{id}/hold".format(
            id=quote(str(id), safe=""),
        ),
    }
    return _kwargs


def parse_response(response: httpx.Response) -> None:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 204:
        return None

    raise UnexpectedStatus(response.status_code)
