"""Retry a segment or manifest that failed permanently: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.failure import Failure


def build_request(
    id: str,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/failures/{id}/retry".format(
            id=quote(str(id), safe=""),
        ),
    }
    return _kwargs


def parse_response(response: httpx.Response) -> Failure:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 202:
        response_202 = Failure.from_dict(response.json())

        return response_202

    raise UnexpectedStatus(response.status_code)
