"""Read the audit trail: the request and its response."""

import datetime
from typing import Any

import httpx

from ...errors import UnexpectedStatus
from ...models.audit_page import AuditPage
from ...types import UNSET, Unset


def build_request(
    *,
    from_: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    call: str | Unset = UNSET,
    principal: str | Unset = UNSET,
    limit: int | Unset = 100,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:
    """Return the arguments for a request of httpx."""

    params: dict[str, Any] = {}

    json_from_: str | Unset = UNSET
    if not isinstance(from_, Unset):
        json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_until: str | Unset = UNSET
    if not isinstance(until, Unset):
        json_until = until.isoformat()
    params["until"] = json_until

    params["call"] = call

    params["principal"] = principal

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/audit",
        "params": params,
    }
    return _kwargs


def parse_response(response: httpx.Response) -> AuditPage:
    """Return the document of a successful response. Raises UnexpectedStatus."""
    if response.status_code == 200:
        response_200 = AuditPage.from_dict(response.json())

        return response_200

    raise UnexpectedStatus(response.status_code)
