"""Send an event again that could not be delivered: the request and its response."""

from typing import Any
from urllib.parse import quote

import httpx

from ...errors import UnexpectedStatus
from ...models.delivery import Delivery


def build_request(
    id: str,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/deliveries/{id}/retry".format(
            id=quote(str(id), safe=""),
        ),
    }
    return _kwargs


def parse_response(response: httpx.Response) -> Delivery:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 202:
        response_202 = Delivery.from_dict(response.json())

        return response_202

    raise UnexpectedStatus(response.status_code)
