"""Where a key goes, and where it does not."""

from __future__ import annotations

import httpx
import pytest
from callaudio import Client
from callaudio.auth import TokenAuth, check_address


@pytest.mark.parametrize(
    "url",
    ["https://app.example", "http://127.0.0.1:7071", "http://localhost:7071/", "http://[::1]:7071"],
)
def test_addresses_to_which_a_key_may_go(url: str) -> None:
    assert check_address(url) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://app.example", "needs https"),
        ("http://10.0.0.4:7071", "needs https"),
        ("http://127.0.0.1.example", "needs https"),
        ("https://app.example?code=secret", "neither credentials nor a query"),
        ("https://user:secret@app.example", "neither credentials nor a query"),
        ("app.example", "is not the address"),
        ("file:///etc/passwd", "is not the address"),
    ],
)
def test_addresses_to_which_no_key_goes(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        Client(url, "key")
    assert "code=secret" not in str(raised.value)


def test_a_token_is_fetched_for_each_request() -> None:
    tokens = iter(["one", "two"])
    auth = TokenAuth(lambda: next(tokens))
    for expected in ("one", "two"):
        request = next(auth.auth_flow(httpx.Request("GET", "https://app.example")))
        assert request.headers["Authorization"] == f"Bearer {expected}"
        assert request.headers["X-Requested-With"]
