"""Refusals in the log: one shape, which a sender cannot break."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from calls import refusals


def test_a_refused_request_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    refusals.log_refused(refusals.CALLBACKS, HTTPStatus.FORBIDDEN, "server_call_id", "x")
    refusals.log_warned("calls", HTTPStatus.UNAUTHORIZED, "token_expired")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        (
            "WARNING",
            "request_refused entrance=callbacks status=403 reason=server_call_id detail=x",
        ),
        ("WARNING", "request_warned entrance=calls status=401 reason=token_expired detail=-"),
    ]


def test_a_detail_is_escaped_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    detail = 'a "b"\nrequest_refused entrance=callbacks ' + "x" * 1000
    refusals.log_refused("calls", HTTPStatus.BAD_REQUEST, "request", detail)
    (line,) = caplog.messages
    assert "\n" not in line
    assert len(line) < 400
    assert line.startswith(
        r'request_refused entrance=calls status=400 reason=request detail="a \"b\"\nrequest'
    )
