"""Change the tags and notes of a call: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.call import Call
from ...models.change_call import ChangeCall
from ...types import UNSET, Unset


def build_request(
    id: str,
    *,
    body: ChangeCall | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/api/v1/calls/{id}".format(
            id=quote(str(id), safe=""),
        ),
    }

    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return _kwargs


def parse_response(response: httpx.Response) -> Call:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = Call.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
