"""Place a call on legal hold: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.hold import Hold
from ...models.place_hold import PlaceHold


def build_request(
    id: str,
    *,
    body: PlaceHold,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/api/v1/calls/{id}/hold".format(
            id=quote(str(id), safe=""),
        ),
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return _kwargs


def parse_response(response: httpx.Response) -> Hold:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = Hold.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
