"""What all responses have in common: their security headers, and entity tags for what is read.

Responses hold personal data unless a handler says otherwise, so no cache may store them. A client
that keeps one itself may ask whether it has changed (``If-None-Match``).
"""

from __future__ import annotations

import hashlib
from http import HTTPMethod, HTTPStatus

import azure.functions as func

SECURITY_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def complete_response(request: func.HttpRequest, response: func.HttpResponse) -> func.HttpResponse:
    """Return a response with its common headers; 304 if the request has it already.

    A successful response to GET has an entity tag, made from its content, unless the handler has
    given it one, and with it checked the conditions.
    """
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    is_tagged = (
        request.method == HTTPMethod.GET
        and response.status_code == HTTPStatus.OK
        and "ETag" not in response.headers
    )
    if not is_tagged:
        return response
    etag = f'"{hashlib.sha256(response.get_body()).hexdigest()[:32]}"'
    response.headers["ETag"] = etag
    if not etag_matches(request.headers.get("If-None-Match"), etag):
        return response
    return func.HttpResponse(
        status_code=HTTPStatus.NOT_MODIFIED,
        mimetype=response.mimetype,
        headers=dict(response.headers.items()),
    )


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` has an entity tag, by weak comparison (RFC 9110, 13.1.2)."""
    tags = [tag.strip() for tag in (if_none_match or "").split(",")]
    return "*" in tags or etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in tags)
