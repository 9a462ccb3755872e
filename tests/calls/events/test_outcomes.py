"""What a response's status stands for."""

from __future__ import annotations

import pytest

from calls.events.outcomes import DELIVERED, Outcome, outcome_of


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_the_endpoint_has_taken_the_event(status: int) -> None:
    assert outcome_of(status, None) is DELIVERED


@pytest.mark.parametrize("status", [199, 400, 401, 404, 409, 500, 503])
def test_every_other_status_is_tried_again(status: int) -> None:
    assert outcome_of(status, None) == Outcome(f"status {status}")


def test_410_is_final_and_redirects_are_not_followed() -> None:
    assert outcome_of(410, None).is_gone
    assert outcome_of(302, None).error == "status 302: redirects are not followed"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), (" 30 ", 30), ("9999", 7200), ("99999", 0), ("-1", 0), ("soon", 0), ("٣", 0)],
)
def test_retry_after_in_seconds(text: str, seconds: float) -> None:
    assert outcome_of(503, text).retry_after == seconds
