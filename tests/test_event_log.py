"""Events in the log: what is written, and what a peer's text cannot do to it."""

from __future__ import annotations

import logging

import pytest

from event_log import format_event, log_event


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("3f2-a", "3f2-a"),
        (12, "12"),
        (0.5, "0.5"),
        (None, "-"),
        ("", '""'),
        ("two words", '"two words"'),
        ('say "no"', '"say \\"no\\""'),
        ("a=b", '"a=b"'),
        ("line\nnext_event call=x", '"line\\nnext_event call=x"'),
        ("caf\u00e9\u2028", '"caf\\u00e9\\u2028"'),
        ("GET /4%3A%2b15551230042/0", '"GET /4%3A%2b***42/0"'),
        ("+15551230042,+4930123456", "+***42,+***56"),
        ("2026-11-26T02:22:38+00:00", "2026-11-26T02:22:38+00:00"),
        ("1+1234", "1+1234"),
        ("4:15551230042", "4:***42"),
    ],
)
def test_values(value: object, written: str) -> None:
    assert format_event("something_happened", {"field": value}) == (
        f"something_happened field={written}"
    )


def test_fields_keep_their_order() -> None:
    assert format_event("e", {"b": 1, "a": 2}) == "e b=1 a=2"
    assert format_event("e", {}) == "e"


def test_an_event_is_one_record_at_its_level(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.event_log")
    with caplog.at_level(logging.INFO, logger.name):
        log_event(logger, logging.DEBUG, "not_wanted")
        log_event(logger, logging.INFO, "segment_uploaded", call="c", bytes=3)
    assert [record.getMessage() for record in caplog.records] == ["segment_uploaded call=c bytes=3"]
    assert caplog.records[0].filename == "test_event_log.py"
