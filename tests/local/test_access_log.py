"""The local programs' access log."""

from __future__ import annotations

import pytest

from local.access_log import access_log_options


def test_requests_are_logged_only_if_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCESS_LOG", raising=False)
    assert access_log_options() == {"access_log": None}
    monkeypatch.setenv("ACCESS_LOG", "on")
    options = access_log_options()
    assert options["access_log"].name == "local.access"
    assert "%r" in options["access_log_format"]
