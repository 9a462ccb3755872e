"""Delete everything of a call, or of one participant: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.deletion import Deletion
from ...types import UNSET, Unset


def build_request(
    id: str,
    *,
    hangup: bool | Unset = False,
    participant: str | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    params["hangup"] = hangup

    params["participant"] = participant

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v1/calls/{id}".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }
    return _kwargs


def parse_response(response: httpx.Response) -> Deletion:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 202:
        response_202 = Deletion.from_dict(response.json())

        return response_202

    raise UnexpectedStatus(response.status_code)
