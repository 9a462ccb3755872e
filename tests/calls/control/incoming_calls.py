"""Handling the emulator's incoming calls, and reading what became of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calls.clients import Clients
from calls.control import answering
from tests.calls.control.acs import (
    CALLED,
    CALLER,
    Acs,
    Event,
    correlation_id_of,
    to_trigger_input,
)


async def handle_event(clients: Clients, event: Event, now: datetime | None = None) -> None:
    now = now or datetime.now(UTC)
    await answering.handle_incoming_call(clients, to_trigger_input(event), now)


async def call_connection_id_of(acs: Acs, event: Event) -> str:
    return str((await acs.read_incoming_call(event))["call_connection_id"])


def logged_outcomes(caplog: pytest.LogCaptureFixture, event: Event) -> list[str]:
    """Outcome and reason of the event's log events, none of which may hold a secret."""
    assert event["data"]["incomingCallContext"] not in caplog.text
    assert CALLER not in caplog.text
    assert CALLED not in caplog.text
    lines = [line for line in caplog.messages if line.startswith("incoming_call outcome=")]
    assert all(f" correlation={correlation_id_of(event)} " in line for line in lines)
    return [" ".join(word.partition("=")[2] for word in line.split()[1:3]) for line in lines]
