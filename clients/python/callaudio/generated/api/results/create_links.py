"""Create short-lived, read-only links to the call's audio: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.create_links import CreateLinks
from ...models.links import Links
from ...types import UNSET, Unset


def build_request(
    id: str,
    *,
    body: CreateLinks | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/calls/{id}/links".format(
            id=quote(str(id), safe=""),
        ),
    }

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return _kwargs


def parse_response(response: httpx.Response) -> Links:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = Links.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
