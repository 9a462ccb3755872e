"""Sending a blob as a file: whole or a range of it, under conditions (RFC 9110)."""

from __future__ import annotations

from email.utils import format_datetime
from http import HTTPStatus
from typing import NamedTuple

import azure.functions as func
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

from calls.http import ranges
from calls.http.problems import Problem
from calls.http.ranges import ByteRange
from calls.storage import Properties, Storage

MAX_WHOLE_BYTES = 32 * 1024 * 1024
"""A larger file is sent in ranges only."""


class File(NamedTuple):
    """A blob to send. ``file_stem`` is the file's name for browsers, without its extension."""

    container: str
    blob: str
    properties: Properties
    file_stem: str


async def send_file(storage: Storage, request: func.HttpRequest, file: File) -> func.HttpResponse:
    """Send a file, or the range that the request asks for. Raises Problem (412, 413, 416)."""
    properties = file.properties
    headers = _headers(file)
    media_type = properties.content_type
    if request.method == "HEAD":
        headers["Content-Length"] = str(properties.size)
        return func.HttpResponse(
            b"", status_code=HTTPStatus.OK, mimetype=media_type, headers=headers
        )
    if request.headers.get("If-None-Match") == properties.etag:
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    byte_range = _requested_range(request, properties)
    if byte_range is None:
        if properties.size > MAX_WHOLE_BYTES:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the file has {properties.size} bytes: request it in ranges (Range: bytes=0-), "
                f"each of which is answered with at most {ranges.MAX_BYTES} bytes",
                code="ask_for_ranges",
            )
        byte_range = ByteRange(0, properties.size - 1)
        status = HTTPStatus.OK
    else:
        headers["Content-Range"] = f"bytes {byte_range.first}-{byte_range.last}/{properties.size}"
        status = HTTPStatus.PARTIAL_CONTENT
    try:
        content = await storage.read_range(
            file.container, file.blob, byte_range.first, byte_range.length, properties.etag
        )
    except (ResourceModifiedError, ResourceNotFoundError) as error:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED,
            "the file has just changed; try again",
            code="file_changed",
        ) from error
    return func.HttpResponse(content, status_code=status, mimetype=media_type, headers=headers)


def _headers(file: File) -> dict[str, str]:
    properties = file.properties
    extension = properties.content_type.rpartition("/")[2]
    return {
        "Accept-Ranges": "bytes",
        "ETag": properties.etag,
        "Last-Modified": format_datetime(properties.last_modified, usegmt=True),
        "Content-Disposition": f'inline; filename="{file.file_stem}.{extension}"',
    }


def _requested_range(request: func.HttpRequest, properties: Properties) -> ByteRange | None:
    """The range that the request asks for; None for the whole file. Raises Problem (416)."""
    if request.headers.get("If-Range", properties.etag) != properties.etag:
        return None
    try:
        return ranges.parse_range(request.headers.get("Range"), properties.size)
    except ranges.UnsatisfiableRange as error:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the file has {properties.size} bytes",
            code="range_not_satisfiable",
            headers={"Content-Range": str(error)},
        ) from error
