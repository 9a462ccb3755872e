"""HTTP requests to what was deployed."""

from __future__ import annotations

import pytest

from infra.probe import expect, request
from infra.shell import StepFailed

from .cloud import HEALTHY


def test_status_and_body_are_returned(answering_server: str) -> None:
    assert request("GET", f"http://{answering_server}/healthz") == (200, HEALTHY)
    assert request("POST", f"ws://{answering_server}/api/v1/calls", body=b"{}") == (401, b"")


def test_another_status_than_expected_is_an_error(answering_server: str) -> None:
    url = f"http://{answering_server}"
    assert expect(200, "GET", f"{url}/healthz") == HEALTHY
    with pytest.raises(StepFailed, match=r"GET .*/api/v1/calls answered 401 instead of 200"):
        expect(200, "GET", f"{url}/api/v1/calls")


def test_no_answer_is_an_error() -> None:
    with pytest.raises(StepFailed, match=r"GET http://127.0.0.1:9/ failed: ConnectionRefused"):
        request("GET", "http://127.0.0.1:9/")
