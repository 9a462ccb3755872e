"""List the events that could not be delivered: the request and its response."""

from typing import Any

import httpx

from ...errors import UnexpectedStatus
from ...models.delivery_page import DeliveryPage
from ...models.list_deliveries_state import ListDeliveriesState
from ...types import UNSET, Unset


def build_request(
    *,
    state: ListDeliveriesState | Unset = "dead",
    limit: int | Unset = 100,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    json_state: str | Unset = UNSET
    if not isinstance(state, Unset):
        json_state = state

    params["state"] = json_state

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/deliveries",
        "params": params,
    }
    return _kwargs


def parse_response(response: httpx.Response) -> DeliveryPage:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = DeliveryPage.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
