"""Preconditions and If-Range, as RFC 9110 has them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calls.http.conditions import check_conditions, range_applies

ETAG = '"0x8DE"'
MODIFIED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
BEFORE = "Sun, 01 Mar 2026 11:59:59 GMT"
SAME = "Sun, 01 Mar 2026 12:00:00 GMT"
AFTER = "Sun, 01 Mar 2026 12:00:01 GMT"
MALFORMED_DATES = ["", "yesterday", "Sun, 99 Mar 2026 12:00:00 GMT", f"Sun, 1 Mar {'9' * 40} 1:0:0"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"If-Match": ETAG}, None),
        ({"If-Match": f'"a" , {ETAG}'}, None),
        ({"If-Match": "*"}, None),
        ({"If-Match": '"a"'}, 412),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Match": ETAG.strip('"')}, 412),
        ({"If-Match": ""}, 412),
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f"W/{ETAG}"}, 304),
        ({"If-None-Match": f'W/"a", {ETAG}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"a", W/"b"'}, None),
        ({"If-None-Match": ""}, None),
        ({"If-Modified-Since": BEFORE}, None),
        ({"If-Modified-Since": SAME}, 304),
        ({"If-Modified-Since": AFTER}, 304),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Unmodified-Since": SAME}, None),
        ({"If-Unmodified-Since": AFTER}, None),
        # An entity tag is more exact than a date, which then does not count.
        ({"If-Match": ETAG, "If-Unmodified-Since": BEFORE}, None),
        ({"If-None-Match": '"a"', "If-Modified-Since": AFTER}, None),
        # 412 comes before 304.
        ({"If-Match": '"a"', "If-None-Match": ETAG}, 412),
        ({"If-Match": ETAG, "If-None-Match": ETAG}, 304),
        ({"If-Unmodified-Since": AFTER, "If-Modified-Since": SAME}, 304),
        *(({"If-Modified-Since": date}, None) for date in MALFORMED_DATES),
        *(({"If-Unmodified-Since": date}, None) for date in MALFORMED_DATES),
    ],
)
def test_preconditions(headers: dict[str, str], status: int | None) -> None:
    assert check_conditions(headers, ETAG, MODIFIED) == status


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        (ETAG, True),
        (f"W/{ETAG}", False),
        ('"a"', False),
        (ETAG.strip('"'), False),
        (SAME, True),
        (BEFORE, False),
        (AFTER, False),
        *((date, False) for date in MALFORMED_DATES),
    ],
)
def test_a_range_of_the_version_that_the_client_has(if_range: str | None, applies: bool) -> None:
    assert range_applies(if_range, ETAG, MODIFIED) is applies


def test_a_weak_entity_tag_of_our_own_matches_weakly_only() -> None:
    weak = f"W/{ETAG}"
    assert check_conditions({"If-Match": weak}, weak, MODIFIED) == 412
    assert check_conditions({"If-None-Match": ETAG}, weak, MODIFIED) == 304
    assert not range_applies(weak, weak, MODIFIED)
