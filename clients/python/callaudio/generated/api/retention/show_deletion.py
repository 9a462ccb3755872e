"""Show a deletion, and finally its receipt: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.deletion import Deletion


def build_request(
    id: str,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/deletions/{id}".format(
            id=quote(str(id), safe=""),
        ),
    }
    return _kwargs


def parse_response(response: httpx.Response) -> Deletion:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = Deletion.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
