"""Conditional requests: whether to send a file, and whether to send a range of it. Pure.

Source: RFC 9110, section 13. A malformed entity tag matches nothing, and a malformed
date is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from calls.http.response_headers import etag_matches

_ENTITY_TAG = re.compile(r'(?:W/)?"[^"\x00-\x20\x7f]*"')


def check_conditions(
    headers: Mapping[str, str], etag: str, last_modified: datetime
) -> HTTPStatus | None:
    """Check the preconditions of a GET or HEAD, in the order of RFC 9110, section 13.2.2.

    Args:
        headers: The request's headers; looking one up ignores its case.
        etag: The file's entity tag.
        last_modified: When the file was last changed.

    Returns:
        412 or 304 if the file is not to be sent, else None.
    """
    if (if_match := headers.get("If-Match")) is not None:
        if not _strongly_matches(if_match, etag):
            return HTTPStatus.PRECONDITION_FAILED
    elif (since := _parse_date(headers.get("If-Unmodified-Since"))) and last_modified > since:
        return HTTPStatus.PRECONDITION_FAILED
    if (if_none_match := headers.get("If-None-Match")) is not None:
        if etag_matches(if_none_match, etag):
            return HTTPStatus.NOT_MODIFIED
    elif (since := _parse_date(headers.get("If-Modified-Since"))) and last_modified <= since:
        return HTTPStatus.NOT_MODIFIED
    return None


def range_applies(if_range: str | None, etag: str, last_modified: datetime) -> bool:
    """Return whether ``If-Range`` allows a range: it has this entity tag, or exactly this date."""
    if if_range is None:
        return True
    if _ENTITY_TAG.fullmatch(if_range.strip()):
        return _strongly_matches(if_range, etag)
    return _parse_date(if_range) == last_modified


def _strongly_matches(header: str, etag: str) -> bool:
    """Whether a list of entity tags has this one; weak ones never match."""
    if header.strip() == "*":
        return True
    return not etag.startswith("W/") and etag in _ENTITY_TAG.findall(header)


def _parse_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
