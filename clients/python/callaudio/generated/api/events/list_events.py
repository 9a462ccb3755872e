"""Follow a call: what has happened, or as soon as something does: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.event_list import EventList
from ...types import UNSET, Unset


def build_request(
    id: str,
    *,
    after: str | Unset = UNSET,
    wait_s: int | Unset = 0,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    params["after"] = after

    params["wait_s"] = wait_s

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/calls/{id}/events".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }
    return _kwargs


def parse_response(response: httpx.Response) -> EventList:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = EventList.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
