"""Sending a blob as a file: whole or a range of it, under conditions (RFC 9110).

A function holds a response in memory several times. So it sends only a few MiB at once, and only to
some clients at a time; the others are to repeat their requests. For anything longer, the client is
redirected to a link to Blob Storage, which sends any length.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from email.utils import format_datetime
from http import HTTPMethod, HTTPStatus
from typing import NamedTuple

import azure.functions as func
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

from calls.clients import Clients
from calls.http import ranges
from calls.http.conditions import check_conditions, range_applies
from calls.http.problems import Problem
from calls.http.ranges import ByteRange
from calls.results.links import link_expiry, sign_links
from calls.storage import Properties
from event_log import log_event

MAX_AT_ONCE = 16
"""The most files that an instance reads at the same time; with ``ranges.MAX_BYTES``: 64 MiB."""

_RETRY_SECONDS = 1
_slots = asyncio.Semaphore(MAX_AT_ONCE)
_EXTENSIONS = {"mpeg": "mp3"}

_log = logging.getLogger(__name__)


class File(NamedTuple):
    """A blob to send.

    ``file_stem`` is the file's name for browsers, without its extension. If the file is larger than
    ``max_whole_bytes``, requests for the whole file are redirected.
    """

    container: str
    blob: str
    properties: Properties
    file_stem: str
    max_whole_bytes: int

    @property
    def name(self) -> str:
        """The file's name for browsers."""
        kind = self.properties.content_type.rpartition("/")[2]
        return f"{self.file_stem}.{_EXTENSIONS.get(kind, kind)}"


async def send_file(clients: Clients, request: func.HttpRequest, file: File) -> func.HttpResponse:
    """Send a file or the range that the request asks for, or redirect to it.

    Raises Problem (412, 416, 503), AzureError.
    """
    properties = file.properties
    headers = _headers(file)
    status = check_conditions(request.headers, properties.etag, properties.last_modified)
    if status == HTTPStatus.NOT_MODIFIED:
        return func.HttpResponse(status_code=status, headers=headers)
    if status is not None:
        raise _changed("the file is not the one that the request's conditions name")
    if request.method == HTTPMethod.HEAD:
        headers["Content-Length"] = str(properties.size)
        return func.HttpResponse(b"", mimetype=properties.content_type, headers=headers)
    byte_range = _requested_range(request.headers, file)
    if byte_range is None:
        if properties.size > _most_bytes(request.headers, file):
            return await _redirect(clients, file)
        byte_range = ByteRange(0, properties.size - 1)
        status = HTTPStatus.OK
    else:
        if byte_range.length > ranges.MAX_BYTES:
            if _is_understood_by_storage(request.headers):
                return await _redirect(clients, file)
            # The server's choice: the client requests the rest.
            byte_range = ByteRange(byte_range.first, byte_range.first + ranges.MAX_BYTES - 1)
        headers["Content-Range"] = f"bytes {byte_range.first}-{byte_range.last}/{properties.size}"
        status = HTTPStatus.PARTIAL_CONTENT
    content = await _read(clients, file, byte_range)
    return func.HttpResponse(
        content, status_code=status, mimetype=properties.content_type, headers=headers
    )


async def _read(clients: Clients, file: File, byte_range: ByteRange) -> bytes:
    if _slots.locked():
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{MAX_AT_ONCE} files are being sent already; repeat the request",
            code="busy",
            headers={"Retry-After": str(_RETRY_SECONDS)},
        )
    try:
        async with _slots:
            return await clients.storage.read_range(
                file.container,
                file.blob,
                byte_range.first,
                byte_range.length,
                file.properties.etag,
            )
    except (ResourceModifiedError, ResourceNotFoundError) as error:
        raise _changed("the file has just changed; try again") from error


async def _redirect(clients: Clients, file: File) -> func.HttpResponse:
    """Redirect to a link that opens for some minutes. A download that has begun goes on."""
    path = f"{file.container}/{file.blob}"
    expires_at = link_expiry(clients.settings.link_seconds)
    (url,) = await sign_links(clients.storage.service, [path], expires_at, file_name=file.name)
    log_event(_log, logging.INFO, "link_created", blob=path, expires_at=expires_at.isoformat())
    # The request's URL may have the function key in it, which is not Blob Storage's to know.
    headers = {"Location": url, "Referrer-Policy": "no-referrer"}
    return func.HttpResponse(status_code=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)


def _most_bytes(headers: Mapping[str, str], file: File) -> int:
    """The size up to which the app itself sends a whole file.

    If-Range may have overruled Range. Blob Storage knows no If-Range, and would send the range.
    """
    has_both = "Range" in headers and "If-Range" in headers
    return max(file.max_whole_bytes, ranges.MAX_BYTES) if has_both else file.max_whole_bytes


def _changed(detail: str) -> Problem:
    return Problem(HTTPStatus.PRECONDITION_FAILED, detail, code="file_changed")


def _headers(file: File) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "ETag": file.properties.etag,
        "Last-Modified": format_datetime(file.properties.last_modified, usegmt=True),
        "Content-Disposition": f'inline; filename="{file.name}"',
    }


def _requested_range(headers: Mapping[str, str], file: File) -> ByteRange | None:
    """The range that the request asks for; None for the whole file. Raises Problem (412, 416)."""
    etag, size = file.properties.etag, file.properties.size
    if not range_applies(headers.get("If-Range"), etag, file.properties.last_modified):
        if "Range" in headers and size > _most_bytes(headers, file):
            # Neither the app nor Blob Storage, which would send the range, can send all of it.
            raise _changed("the file has changed; request it again, without Range")
        return None
    try:
        return ranges.parse_range(headers.get("Range"), size)
    except ranges.UnsatisfiableRange as error:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the file has {size} bytes",
            code="range_not_satisfiable",
            headers={"Content-Range": str(error)},
        ) from error


def _is_understood_by_storage(headers: Mapping[str, str]) -> bool:
    """Whether Blob Storage answers this range as we would: it knows no suffixes and no If-Range."""
    return "If-Range" not in headers and "=-" not in headers.get("Range", "")
