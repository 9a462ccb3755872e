"""Requests for files, and for further pages."""

from __future__ import annotations

from callaudio import requests


def test_requests_name_their_file() -> None:
    assert requests.recording("a b", format_="mp3") == {
        "method": "get",
        "url": "/api/v1/calls/a%20b/recording",
        "params": {"allow_partial": False, "format": "mp3"},
    }
    assert requests.transcript("c", "vtt")["url"] == "/api/v1/calls/c/transcript.vtt"
    assert requests.segment("c", "p1", 3)["url"] == "/api/v1/calls/c/segments/p1/3"
    assert requests.calls_csv(tag=["a"])["url"] == "/api/v1/calls.csv"
    assert requests.timeline("c")["url"] == "/api/v1/calls/c/timeline"


def test_a_page_after_no_cursor_is_the_first() -> None:
    assert requests.after(None) == {}
    assert requests.after("x") == {"cursor": "x"}
